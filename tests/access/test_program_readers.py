"""Who reads sealed fields, as the program file says it."""

import pytest

from safeconduct.access.agreement_schema import FIELDS_MAX, RETENTION_DAYS_MAX
from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.model.agreements import Opening
from safeconduct.access.program import parse_program
from safeconduct.kernel.entries import Reader, Retention
from support.readers import AUDITOR_KEY, PROVIDER_KEY, READERS, with_readers

SOURCE = with_readers().decode()


def problems(source):
    with pytest.raises(ProgramInvalidError) as caught:
        parse_program(source.encode())
    return caught.value.message.splitlines()


def edited(old, new):
    assert SOURCE.count(old) == 1, f"{old!r} stands {SOURCE.count(old)} times"
    return SOURCE.replace(old, new)


def test_the_matrix_reads():
    agreement = parse_program(SOURCE.encode()).agreement
    assert agreement.auditor == "audit-office"
    assert agreement.readers == {Reader.PROVIDER: PROVIDER_KEY, Reader.AUDITOR: AUDITOR_KEY}
    row = agreement.fields["gateway.call.outcome/*"]
    assert (row.readers, row.opening) == ((Reader.PARTNER, Reader.AUDITOR), Opening.TWO_PARTY)
    assert agreement.fields["gateway.call.intent/request"].opening is Opening.SINGLE
    assert agreement.retention == {Retention.CALL: 30}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (f"    provider: {PROVIDER_KEY}\n", "", "there is no key to wrap for provider: write agreement.readers.provid"),
        (PROVIDER_KEY, PROVIDER_KEY[:-4], "expected a key of the form x25519:"),
        ("    auditor: x", "    partner: x", "expected one of provider, customer, auditor, got 'partner'"),
        ("    auditor: x", "    customer: x", "agreement.customer names no organization whose key this is"),
        ("  auditor: audit-office", "  auditor: northwind", "northwind has role partner, expected auditor"),
        ("  auditor: audit-office", "  auditor: audit", "there is no organization 'audit'"),
        ("role: auditor", "role: customer", "audit-office has role customer, expected auditor"),
        ("gateway.call.outcome/*", "gateway.call.outcome", "expected an entry type without version and a field"),
        ("gateway.call.outcome/*", "gateway.call.outcome/1/*", "expected an entry type without version and a field"),
        ("[partner, provider]", "[partner, provider, provider]", "'provider' stands twice"),
        ("[partner, provider]", "[]", "expected 1 to 4 items, got 0"),
        ("[partner, provider]", "[partner, providor]", "did you mean 'provider'?"),
        ("two-party", "two", "expected one of single, two-party"),
        ("organization: meridian, role: administrator,", "organization: northwind, role: analyst,",
         "both parties must approve it, and approvals.opening has no group of meridian"),
        ("roles: [reader]", "roles: [reader, analyst]", "an organization with role auditor: its people only read"),
        ("call: 30", "call: 0", f"expected whole number, 1 to {RETENTION_DAYS_MAX}, got 0"),
        ("call: 30", "calls: 30", "expected one of call, exploit, operations, control"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(old, new, said):
    lines = problems(edited(old, new))
    assert any(said in line for line in lines), lines


def test_a_role_without_a_key_is_told_where_it_stands_in_the_row():
    source = edited(f"    provider: {PROVIDER_KEY}\n", "")
    (line,) = problems(source)
    text = next(line for line in source.splitlines() if "[partner, provider]" in line)
    at = source.splitlines().index(text) + 1
    assert line.startswith(f"program.yaml:{at}:{text.index('provider') + 1}: there is no key")
    with pytest.raises(ProgramInvalidError) as caught:
        parse_program(source.encode())
    assert caught.value.code == "reader-without-key"


def test_the_longest_retention_reads():
    read = parse_program(edited("call: 30", f"call: {RETENTION_DAYS_MAX}").encode())
    assert read.agreement.retention[Retention.CALL] == RETENTION_DAYS_MAX
    assert problems(edited("call: 30", f"call: {RETENTION_DAYS_MAX + 1}"))


def test_the_limit_on_rows():
    rows = "".join(f"    a.b.c/f{n}: {{readers: [partner]}}\n" for n in range(FIELDS_MAX - 2))
    more = "    a.b.c/more: {readers: [partner]}\n"
    assert len(parse_program(edited("  fields:\n", f"  fields:\n{rows}").encode()).agreement.fields) == FIELDS_MAX
    told = problems(edited("  fields:\n", f"  fields:\n{rows}{more}"))
    assert told[0].endswith(f"expected 0 to {FIELDS_MAX} names, got {FIELDS_MAX + 1}")


def test_what_a_program_does_not_say_is_nothing():
    agreement = parse_program(with_readers(READERS, keep=False)).agreement
    assert (agreement.readers, agreement.fields, agreement.retention, agreement.auditor) == ({}, {}, {}, None)
