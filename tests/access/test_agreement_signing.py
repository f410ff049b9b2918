"""Both parties sign one agreement: nobody signs for the other, and what was signed is what comes into force."""

import re

import pytest

from safeconduct.access.agreement import Side
from safeconduct.access.changes import plan
from safeconduct.access.events import PROJECTIONS
from safeconduct.access.program import parse_program
from safeconduct.access.records import latest_agreement
from safeconduct.access.signing import agreement_digest, check_agreement, has_signed, sign_agreement, signed_document
from safeconduct.kernel.errors import ConflictError, RefusedError
from safeconduct.kernel.ids import Origin
from safeconduct.program.signed_file import with_signature
from support.immediate import ImmediateWriter
from support.programs import KEYS, amending, bring_into_force, demo_program, in_force, signed_by_both

SOURCE = demo_program()
SIGNATURES = re.compile(rb"  signatures:\n    partner: (\S+)\n    provider: (\S+)\n")


def refused(source, code, *, records=None):
    program = parse_program(source)
    with pytest.raises((ConflictError, RefusedError)) as caught:
        plan(ImmediateWriter(PROJECTIONS).state if records is None else records, program)
    assert (caught.value.code, bool(caught.value.remedy)) == (code, True)
    return caught.value


def test_signed_by_both_it_is_taken_and_by_one_or_none_it_is_not():
    assert plan(ImmediateWriter(PROJECTIONS).state, parse_program(SOURCE)).changes
    unsigned = SIGNATURES.sub(b"", SOURCE)
    assert unsigned != SOURCE
    assert refused(unsigned, "agreement-unsigned").clause == "agreement:ag-2026-01/signatures/provider"
    by_one = with_signature(unsigned, KEYS["meridian"])
    assert refused(by_one, "agreement-unsigned").clause == "agreement:ag-2026-01/signatures/partner"
    assert with_signature(by_one, KEYS["northwind"]) == SOURCE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Nothing else.", b"Nothing elsE."),  # the terms, of which only the digest is kept
        (b"tier_ceiling: 9", b"tier_ceiling: 8"),
        (b"2027-12-31T00:00:00Z}\n  witness", b"2027-12-31T00:00:01Z}\n  witness"),
        (b"cap_usd: 2000000", b"cap_usd: 2000001"),
        (b"hours: 12}", b"hours: 13}"),
        (b"admission: {provider: A, partner: R}", b"admission: {provider: A, partner: C}"),
        (b"legal@northwind", b"legal@northwinc"),
        (b"gateway.call.intent/*: {readers: [partner, provider]}", b"gateway.call.intent/*: {readers: [provider]}"),
        (b"\n  version: 1\n", b"\n  version: 2\n"),
        (b"origin: safeconduct.example/demo\n", b"origin: safeconduct.example/demq\n"),
    ],
)  # fmt: skip
def test_one_byte_changed_after_signing_is_refused(old, new):
    assert SOURCE.count(old) == 1
    refused(SOURCE.replace(old, new), "agreement-signature-invalid")


def test_a_flipped_bit_of_a_signature_is_refused():
    partner = SIGNATURES.search(SOURCE).group(1)
    flipped = (b"B" if partner[:1] != b"B" else b"C") + partner[1:]
    refused(SOURCE.replace(partner, flipped), "agreement-signature-invalid")


def test_what_is_no_part_of_the_agreement_needs_no_new_signature():
    changed = SOURCE.replace(b"deadline_s: 120", b"deadline_s: 60").replace(b"# The demo's", b"# Another")
    assert plan(in_force().state, parse_program(changed)).changes


def test_nobody_signs_for_the_other():
    partner, provider = SIGNATURES.search(SOURCE).groups()
    other = {partner: provider, provider: partner}
    swapped = re.sub(rb"[A-Za-z0-9+/]{86}==", lambda found: other[found.group()], SOURCE)
    refused(swapped, "agreement-signature-invalid")
    with pytest.raises(RefusedError, match="neither the provider's nor the partner's") as caught:
        with_signature(SOURCE, KEYS["ops"])
    assert caught.value.code == "not-a-party"


def test_a_key_that_is_brought_along_signs_nothing_for_the_party_in_force():
    writer, old, new = in_force(), KEYS["northwind"].public.text, KEYS["stranger"].public.text
    usurped = SOURCE.replace(old.encode(), new.encode()).replace(b"\n  version: 1\n", b"\n  version: 2\n")
    usurped = with_signature(with_signature(usurped, KEYS["meridian"]), KEYS["stranger"])
    told = refused(usurped, "agreement-signature-invalid", records=writer.state)
    assert told.clause == "agreement:ag-2026-01/signatures/partner"


def test_a_party_hands_over_to_another_key_by_signing_with_the_one_in_force():
    writer, new = in_force(), KEYS["stranger"]
    source = SOURCE.replace(KEYS["northwind"].public.text.encode(), new.public.text.encode())
    source = with_signature(source.replace(b"\n  version: 1\n", b"\n  version: 2\n"), KEYS["meridian"])
    program = parse_program(source)
    signature = sign_agreement(program.origin, program.agreement, KEYS["northwind"]).encode()
    source = SIGNATURES.sub(lambda found: found.group().replace(found.group(1), signature), source)
    check_agreement(writer.state, program.origin, parse_program(source).agreement)


def test_another_content_needs_the_next_version():
    writer = in_force()
    changed = SOURCE.replace(b"tier_ceiling: 9", b"tier_ceiling: 8")
    assert "expected version 2" in refused(signed_by_both(changed), "agreement-version", records=writer.state).message
    third = signed_by_both(changed.replace(b"\n  version: 1\n", b"\n  version: 3\n"))
    refused(third, "agreement-version", records=writer.state)
    bring_into_force(writer, changed)
    standing = latest_agreement(writer.state, "ag-2026-01")
    assert (standing.version, standing.tier_ceiling) == (2, 8)
    refused(SOURCE, "agreement-version", records=writer.state)  # the former one, signed by both, does not come back


def test_an_old_signature_is_not_good_for_a_later_version():
    writer = in_force()
    changed = amending(writer.state, SOURCE.replace(b"tier_ceiling: 9", b"tier_ceiling: 8"))
    partner = SIGNATURES.search(SOURCE).group(1)
    replayed = SIGNATURES.sub(lambda found: found.group().replace(found.group(1), partner), changed)
    refused(replayed, "agreement-signature-invalid", records=writer.state)


def test_what_is_signed_is_all_that_it_says_and_a_digest_of_the_terms():
    agreement = parse_program(SOURCE).agreement
    document = signed_document(agreement)
    assert {"signatures", "origin", "customer"} & document.keys() == set()
    assert document["keys"] == {"provider": KEYS["meridian"].public.text, "partner": KEYS["northwind"].public.text}
    assert document["terms_digest"] == agreement.terms_digest
    assert agreement_digest(agreement) == agreement_digest(parse_program(SIGNATURES.sub(b"", SOURCE)).agreement)


def test_a_signature_for_another_installation_is_none_here():
    agreement = parse_program(SOURCE).agreement
    key = KEYS["meridian"].public.text
    assert has_signed(Origin("safeconduct.example/demo"), agreement, Side.PROVIDER, key)
    assert not has_signed(Origin("safeconduct.example/other"), agreement, Side.PROVIDER, key)
