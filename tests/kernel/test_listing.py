"""Which names there are, told to who gave another."""

import pytest

from safeconduct.kernel.listing import NAMES_TOLD_MAX, there_is


@pytest.mark.parametrize(
    ("count", "end"),
    [(1, "there is n0"), (NAMES_TOLD_MAX, f"n{NAMES_TOLD_MAX - 1}"), (NAMES_TOLD_MAX + 1, "and 1 more")],
)
def test_names_are_told_as_many_as_fit(count, end):
    told = there_is((f"n{number}" for number in range(count)), "declared")
    assert told.startswith("there is n0")
    assert told.endswith(end)


def test_of_no_names_it_is_said_that_there_are_none():
    assert there_is((), "declared") == "none is declared"
