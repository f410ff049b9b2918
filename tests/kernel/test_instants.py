import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339, seconds

YEAR_9999 = 253_402_300_799_999_999


@given(st.integers(0, YEAR_9999).map(Instant))
def test_text_and_back(instant):
    assert parse_rfc3339(rfc3339(instant)) == instant


@given(st.integers(0, YEAR_9999), st.integers(0, YEAR_9999))
def test_text_sorts_as_time(one, other):
    assert (rfc3339(Instant(one)) < rfc3339(Instant(other))) == (one < other)


def test_offsets_name_the_same_instant():
    assert parse_rfc3339("2026-11-21T09:00:00+01:00") == parse_rfc3339("2026-11-21T08:00:00Z") == 1_795_248_000_000_000


@pytest.mark.parametrize("bad", ["", "yesterday", "2026-11-21T08:00:00", "2026-02-30T00:00:00Z"])
def test_what_names_no_instant_is_refused(bad):
    with pytest.raises(InvalidInputError):
        parse_rfc3339(bad)


def test_seconds_round_to_a_microsecond():
    assert seconds(1.0000004) == 1_000_000
    assert seconds(1.0000006) == 1_000_001
