"""When decisions are due, and what is told of how vetting goes: at each edge and one beyond."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.instants import parse_rfc3339, rfc3339
from safeconduct.program.vetting.business import business_due
from safeconduct.program.vetting.model import CASES, Verdict
from safeconduct.program.vetting.transparency import COUNT_MIN, suppressed, transparency
from support.vetting_house import House


@pytest.mark.parametrize(
    ("start", "days", "holidays", "due"),
    [
        ("2026-11-23T00:00:00Z", 1, [], "2026-11-25"),  # Monday: Tuesday is the day, and it may end
        ("2026-11-23T23:59:59.999999Z", 1, [], "2026-11-25"),
        ("2026-11-27T12:00:00Z", 1, [], "2026-12-01"),  # Friday
        ("2026-11-28T12:00:00Z", 1, [], "2026-12-01"),  # Saturday
        ("2026-12-24T12:00:00Z", 1, ["2026-12-25"], "2026-12-29"),
        ("2026-12-24T12:00:00Z", 1, [], "2026-12-26"),
        ("2026-11-23T12:00:00Z", 5, [], "2026-12-01"),
    ],
)
def test_due_is_the_end_of_a_business_day(start, days, holidays, due):
    assert rfc3339(business_due(parse_rfc3339(start), days, holidays)) == f"{due}T00:00:00.000000Z"


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 40)))
def test_no_small_count_can_be_worked_out(counts):
    told = suppressed(counts)
    assert all(count is None or count == 0 or count >= COUNT_MIN for count in told.values())
    hidden = [name for name, count in told.items() if count is None]
    if sum(counts.values()) >= COUNT_MIN:  # then the sum is known
        assert len([name for name in hidden if counts[name]]) != 1
    assert all(count in (None, counts[name]) for name, count in told.items())


def test_what_is_told_is_counted():
    house = House()
    assert transparency(None, [])["outcomes"] == {}
    subjects = ["ana", "bo", "nora", "nils", "ops", "mia"]
    for number, name in enumerate(subjects):
        assessor = {"nora": "nils", "ops": "nora", "mia": "nora"}.get(name, "nora")
        case = house.open(f"principal:{name}", name)
        house.submit(case, "employment", "identity", by=name)
        house.writer.now += 3_600_000_000 * number
        for check in ("employment", "identity"):
            house.assess(case, check, by=assessor, verdict=Verdict.FAIL if name == "bo" else Verdict.PASS)
        ruling = ("deny", "identity-unproven") if name == "bo" else ("approve", "")
        house.decide(case, ruling[0], by="max", reason=ruling[1])
    told = transparency(None, [case for _, case in house.state.scan(CASES)])
    assert (told["applied"], told["overdue"]) == (6, 0)
    assert told["outcomes"] == {"approved": None, "denied": None}  # one denial, and so neither
    assert told["denied_by_reason"] == {"identity-unproven": None}
    assert told["hours_to_decision"] == {"median": 2, "p90": 5}
    assert told["appeals"] == {"not-upheld": 0, "upheld": 0}
    assert Counter(map(type, told)) == {str: 8}
