"""Which log a command means, and what is told where that is unclear."""

import pytest

from safeconduct.cli.sources import choose
from safeconduct.kernel.errors import InvalidInputError

TWO = {"example/installation": False, "example/ag-1": True}


@pytest.mark.parametrize(
    ("origins", "given", "chosen"),
    [
        (TWO, "", "example/ag-1"),
        (TWO, "example/installation", "example/installation"),
        ({"example/installation": False}, "", "example/installation"),
    ],
)
def test_it_is_the_one_named_or_the_only_one_that_counts(origins, given, chosen):
    assert choose(origins, given) == chosen


@pytest.mark.parametrize(
    ("origins", "given", "told", "remedy"),
    [
        ({}, "", "which log? none is here", ""),
        ({}, "typo", "there is no log 'typo'; none is here", ""),
        (TWO, "typo", "there is no log 'typo'; there is example/installation, example/ag-1", ""),
        (TWO | {"example/ag-2": True}, "", "which log? there is example/installation, example/ag-1", "pass --origin"),
    ],
)
def test_what_is_unclear_is_asked_back_with_the_logs_there_are(origins, given, told, remedy):
    with pytest.raises(InvalidInputError) as refused:
        choose(origins, given)
    assert refused.value.message.startswith(told)
    assert (refused.value.code, refused.value.remedy) == ("log-unknown", remedy)
