"""Which closings are drawn for a second look: a function of the entry's id, near its share, and no less for more."""

import secrets

from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.ids import ulid
from safeconduct.soc.autonomy.looking import drawn

IDS = st.binary(min_size=10, max_size=10).map(lambda entropy: ulid(1_700_000_000_000_000, entropy))


@given(IDS, st.integers(1, 100), st.integers(1, 100))
def test_more_draws_what_less_draws(entry, one, other):
    assert drawn(entry, 100)
    assert not drawn(entry, 0)
    assert drawn(entry, min(one, other)) <= drawn(entry, max(one, other))


def test_the_draw_is_computed_again_by_anybody():
    # SHA-256 over a fixed line and the id, its first 8 bytes as a fraction of 1.
    assert [n for n in range(12) if drawn(f"01JDZZZZZZZZZZZZZZZZZZZZ{n:02}", 20)] == [2, 4]


def test_about_the_share_is_drawn():
    count = sum(drawn(ulid(1_700_000_000_000_000, secrets.token_bytes(10)), 20) for _ in range(4000))
    assert 600 < count < 1000  # eight standard deviations to either side
