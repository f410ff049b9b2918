import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import is_ulid, ulid
from safeconduct.kernel.instants import Instant


def test_known_ulid():
    assert ulid(Instant(1_469_918_176_385_000), bytes(10)) == "01ARYZ6S410000000000000000"
    assert ulid(Instant(0), b"\xff" * 10) == "0000000000ZZZZZZZZZZZZZZZZ"


@given(st.integers(0, 2**47), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_sorts_by_time_first(milliseconds, one, other):
    earlier = ulid(Instant(milliseconds * 1000), one)
    later = ulid(Instant((milliseconds + 1) * 1000), other)
    assert earlier < later
    assert is_ulid(earlier)


@pytest.mark.parametrize(
    "bad", ["", "01ARYZ6S41000000000000000", "81ARYZ6S410000000000000000", "01ARYZ6S41000000000000000U"]
)
def test_what_is_no_ulid(bad):
    assert not is_ulid(bad)


@pytest.mark.parametrize("size", [9, 11])
def test_entropy_of_another_size_is_refused(size):
    with pytest.raises(InvalidInputError, match="10 bytes"):
        ulid(Instant(0), bytes(size))
