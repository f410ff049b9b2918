"""What a program says that work and errors cost, from the file to the records."""

import pytest

from safeconduct.access import records as kept
from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.program import parse_program
from safeconduct.access.unit_costs import ASKS_PER_DAY, ASKS_PER_DAY_MAX, MINUTES_MAX, UnitCosts, Work
from support.programs import demo_program, in_force


def stated(*lines):
    return demo_program() + b"\nvalue:\n" + "".join(f"  {line}\n" for line in lines).encode()


def test_a_program_without_the_section_is_the_document_that_it_was():
    assert parse_program(demo_program()).value is None
    assert in_force(demo_program()).state.get(kept.UNIT_COSTS, kept.UNIT_COSTS_KEY) is None


def test_what_is_stated_is_in_force_with_the_program():
    program = stated(
        "hour_usd: 84.50", "minutes: {triage: 10, vote: 2}", "false_negative_usd: 250000", "asks_per_day: 25"
    )
    assert in_force(program).state.get(kept.UNIT_COSTS, kept.UNIT_COSTS_KEY) == UnitCosts(
        hour_micro_usd=84_500_000,
        minutes={Work.TRIAGE: 10, Work.VOTE: 2},
        false_negative_micro_usd=250_000_000_000,
        asks_per_day=25,
    )


def test_what_is_not_stated_is_not_known_but_for_the_bound():
    assert parse_program(stated("hour_usd: 1")).value == UnitCosts(hour_micro_usd=1_000_000, asks_per_day=ASKS_PER_DAY)


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        (f"minutes: {{look: {MINUTES_MAX}}}", True), (f"minutes: {{look: {MINUTES_MAX + 1}}}", False),
        ("minutes: {look: 0}", False), ("minutes: {lunch: 30}", False),
        (f"asks_per_day: {ASKS_PER_DAY_MAX}", True), (f"asks_per_day: {ASKS_PER_DAY_MAX + 1}", False),
        ("hour_usd: -1", False), ("hour_eur: 1", False),
    ],
)  # fmt: skip
def test_what_a_unit_cost_may_be(line, taken):
    if taken:
        assert parse_program(stated(line)).value
    else:
        with pytest.raises(ProgramInvalidError):
            parse_program(stated(line))
