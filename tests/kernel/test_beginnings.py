"""The beginning of an id names a thing where it is long enough, and no other thing's id begins so."""

import pytest

from safeconduct.kernel.beginnings import BEGINNING_MIN, CANDIDATES_TOLD, the_only
from safeconduct.kernel.errors import AbsentError

UNKNOWN = AbsentError("no such call", code="call-unknown", remedy="look again")


def named(given, *ids):
    return the_only({one: f"thing {one}" for one in ids}, given, "call", UNKNOWN)


def refused(given, *ids):
    with pytest.raises(AbsentError) as caught:
        named(given, *ids)
    assert caught.value.code == UNKNOWN.code
    return caught.value


def test_a_beginning_names_the_only_one_that_begins_so():
    assert named("abcdef", "abcdef1", "abcdeg1") == "thing abcdef1"
    assert refused("abcdeh", "abcdef1", "abcdeg1") is UNKNOWN


def test_what_is_too_short_names_nothing_though_one_alone_begins_so():
    assert named("a" * BEGINNING_MIN, "a" * 9) == f"thing {'a' * 9}"
    told = refused("a" * (BEGINNING_MIN - 1), "a" * 9)
    assert "is too short to name a call" in told.message
    assert str(BEGINNING_MIN) in told.remedy


def test_a_whole_id_names_its_thing_whatever_else_begins_so_and_however_short():
    assert named("ab", "ab", "abcdefgh") == "thing ab"
    assert named("abcdef", "abcdef", "abcdefgh") == "thing abcdef"


@pytest.mark.parametrize(("count", "left"), [(CANDIDATES_TOLD, ""), (CANDIDATES_TOLD + 1, " and 1 more")])
def test_several_are_told_so_that_one_sees_where_they_differ(count, left):
    ids = [f"abcdef{number}" for number in range(count)]
    told = refused("abcdef", *reversed(ids))
    assert told.message == (
        f"{count} calls have an id that begins with 'abcdef': {', '.join(ids[:CANDIDATES_TOLD])}{left}"
    )
