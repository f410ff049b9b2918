"""The line of a signature is written where it belongs, and nothing else of the file is touched."""

import re

import pytest

from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.program import parse_program
from safeconduct.access.signing import has_signed
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.program.signed_file import with_signature
from support.programs import KEYS, demo_program

SOURCE = demo_program().decode()
UNSIGNED = re.sub(r"  signatures:\n    partner: \S+\n    provider: \S+\n", "", SOURCE)
OLD = "A" * 86 + "=="


def written(before):
    """Returns what signing a file as both parties makes of it; both signatures stand after."""
    source = before.encode()
    for party in ("meridian", "northwind"):
        source = with_signature(source, KEYS[party])
    program = parse_program(source)
    assert all(has_signed(program.origin, program.agreement, side, key) for side, key in program.agreement.keys.items())
    return source.decode()


@pytest.mark.parametrize(
    "signatures",
    [
        "",
        "  signatures: {}  # to come\n",
        f"  signatures: {{provider: {OLD}}}\n",
        f'  signatures: {{partner: "{OLD}", provider: {OLD}}}\n',
        f"  signatures:\n      # theirs\n      partner: '{OLD}'  # renewed\n",
        f"  signatures:\n    provider: {OLD}\n    partner: {OLD}\n",
    ],
)
def test_it_is_written_into_whatever_stands_there(signatures):
    before = UNSIGNED.replace("\nprincipals:", f"{signatures}\nprincipals:")
    after = written(before)
    kept = re.sub(r"[A-Za-z0-9+/]{86}==", "", after)
    for line in before.splitlines():
        remark = line.partition("#")[2]
        assert "signatures" in line or OLD in line or line in after
        assert remark in kept


def test_signing_again_changes_nothing():
    assert written(SOURCE) == SOURCE


def test_line_ends_and_marks_of_other_systems_stay():
    after = written(UNSIGNED.replace("\n", "\r\n"))
    assert after.replace("\r\n", "\n").count("\n") == after.count("\n")


def test_an_agreement_in_braces_takes_it_too():
    begin, end = UNSIGNED.index("agreement:\n"), UNSIGNED.index("\nprincipals:")
    lines = [line.strip() for line in UNSIGNED[begin:end].splitlines()[1:]]
    assert lines
    flow = 'agreement: {signatures: {}, id: ag-2026-01, version: 1, provider: meridian, partner: northwind, terms: "x",'
    flow += " tier_ceiling: 9, valid: {from: 2026-01-01T00:00:00Z, until: 2027-12-31T00:00:00Z}}\n"
    assert "signatures: {partner: " in written(UNSIGNED[:begin] + flow + UNSIGNED[end:])


def test_where_there_is_no_place_for_it_the_line_is_told():
    spread = UNSIGNED.replace("\nprincipals:", "  signatures: {\n    }\n\nprincipals:")
    with pytest.raises(InvalidInputError) as caught:
        with_signature(spread.encode(), KEYS["meridian"])
    assert caught.value.code == "signature-place"
    assert "provider: " in caught.value.remedy


def test_a_file_that_is_wrong_is_not_signed():
    with pytest.raises(ProgramInvalidError):
        with_signature(UNSIGNED.replace("tier_ceiling: 9", "tier_ceiling: 10").encode(), KEYS["meridian"])
