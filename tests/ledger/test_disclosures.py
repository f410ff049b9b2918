"""One field shown to somebody with public keys alone; another field of the same entry stays closed."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.canonical import canonical
from safeconduct.ledger.disclosures import (
    DISCLOSURE_BYTES_MAX,
    HEADER,
    encode_disclosure,
    evidence_in,
    is_disclosure,
    verify_disclosure,
)
from safeconduct.ledger.merkle import ProofError
from safeconduct.ledger.notes import NoteError
from safeconduct.ledger.proofs import encode_proof, verify_proof
from safeconduct.ledger.trust import Trust
from support.logs import CALLS, OTHER, Rig, add, signer

TRUST = Trust(log=signer(CALLS).verifier)
SHOWN = {"address": "192.0.113.7", "ports": [22, 443]}


@pytest.fixture(scope="module")
def disclosed():
    """Returns a disclosure of one field, and the entry's evidence."""
    with Rig() as rig:
        rig.fill(3)
        entry = rig.run(add("k", sealed={"shown": SHOWN, "hidden": "Hedy", "other": SHOWN})).value
        rig.fill(3, start=10)
        proof = encode_proof(rig.reader.evidence(entry.id))
        yield encode_disclosure(rig.reader.open_field(entry.id, "shown"), proof).encode(), proof.encode()


def test_a_disclosure_shows_its_field_and_proves_its_entry(disclosed):
    text, proof = disclosed
    found = verify_disclosure(text, TRUST)
    assert (found.field, found.value) == ("shown", SHOWN)
    assert found.proven == verify_proof(proof, TRUST)
    assert found.proven.entry.body == {"key": "k"}
    assert evidence_in(text) == evidence_in(proof) == proof
    assert (is_disclosure(text), is_disclosure(proof)) == (True, False)


def test_its_form(disclosed):
    text, proof = disclosed
    header, field, salt, value, gap, rest = text.split(b"\n", 5)
    assert (header, field, gap, rest) == (b"safeconduct/disclosure/v1", b"field shown", b"", proof)
    assert len(base64.b64decode(salt.removeprefix(b"salt "))) == 32
    assert base64.b64decode(value.removeprefix(b"value ")) == canonical(SHOWN)


def test_another_field_of_the_entry_stays_closed(disclosed):
    text, _proof = disclosed
    assert b"Hedy" not in text
    salt = base64.b64decode(text.split(b"\n")[2].removeprefix(b"salt "))
    for field, value in [("hidden", "Hedy"), ("other", SHOWN)]:  # guessed rightly, and not shown with this salt
        forged = changed(text, field=field, salt=salt, value=canonical(value))
        with pytest.raises(ProofError) as caught:
            verify_disclosure(forged, TRUST)
        assert caught.value.code == "commitment-mismatch"


def changed(text, *, field="shown", salt=None, value=None):
    lines = text.split(b"\n")
    lines[1] = f"field {field}".encode()
    for number, name, given_bytes in [(2, b"salt ", salt), (3, b"value ", value)]:
        if given_bytes is not None:
            lines[number] = name + base64.b64encode(given_bytes)
    return b"\n".join(lines)


def test_no_other_value_salt_or_field_is_shown(disclosed):
    text, _proof = disclosed
    assert verify_disclosure(changed(text, value=canonical(SHOWN)), TRUST)
    for forged in [
        changed(text, value=canonical(SHOWN | {"address": "192.0.113.8"})),
        changed(text, salt=bytes(32)),
        changed(text, field="missing"),
    ]:
        with pytest.raises(ProofError) as caught:
            verify_disclosure(forged, TRUST)
        assert caught.value.code == "commitment-mismatch"


def test_every_changed_byte_is_found(disclosed):
    text, _proof = disclosed
    for at in range(len(text)):
        damaged = text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]
        with pytest.raises((ProofError, NoteError)):
            verify_disclosure(damaged, TRUST)


def test_what_is_not_in_its_one_form_is_refused(disclosed):
    text, proof = disclosed
    for malformed in [
        b"",
        proof,
        text.replace(b"v1", b"v2", 1),
        text.replace(b"field shown\n", b""),
        text.replace(b"field shown\n", b"field shown\nfield shown\n"),
        text.replace(b"salt ", b"value ", 1),
        changed(text, salt=bytes(31)),
        changed(text, value=b'{"ports":[22,443],"address":"192.0.113.7"}'),
        changed(text, value=b"{"),
        changed(text, value=b"0.5"),
        text.partition(b"\n\n")[0],
        text.replace(b"\n\n", b"\n", 1),
    ]:
        with pytest.raises(ProofError):
            verify_disclosure(malformed, TRUST)


def test_a_disclosure_is_by_the_key_of_its_log(disclosed):
    text, _proof = disclosed
    with pytest.raises(NoteError):
        verify_disclosure(text, Trust(log=signer(OTHER).verifier))


def test_the_size_limit_at_its_edge_and_one_beyond():
    with pytest.raises(ProofError, match="expected safeconduct/disclosure"):
        verify_disclosure(b"x" * DISCLOSURE_BYTES_MAX, TRUST)
    with pytest.raises(ProofError, match="has at most"):
        verify_disclosure(b"x" * (DISCLOSURE_BYTES_MAX + 1), TRUST)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_refused_as_they_must(content, headed):
    with pytest.raises((ProofError, NoteError)):
        verify_disclosure(HEADER.encode() * headed + content, TRUST)
