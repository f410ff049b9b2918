"""How sure a share is, and whether two ways of doing the same differ: against figures that were worked out by hand."""

from math import sqrt

import pytest

from safeconduct.kernel.shares import Z_ONE_SIDED_95, difference_at_least, mcnemar, wilson


@pytest.mark.parametrize(
    ("found", "of", "low", "high"), [(0, 0, 0, 1), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (5, 10, 0.2366, 0.7634)]
)
def test_the_interval_of_a_share(found, of, low, high):
    assert wilson(found, of) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("first", "second", "likely"),
    # 2 * (1 + 6) / 2**6; 2 * 1 / 2**5; even pairs can't be more even.
    [(0, 0, 1), (3, 3, 1), (1, 5, 14 / 64), (5, 1, 14 / 64), (0, 5, 2 / 32), (0, 6, 2 / 64)],
)
def test_pairs_that_differ_by_chance(first, second, likely):
    assert mcnemar(first, second) == pytest.approx(likely)


@pytest.mark.parametrize("pairs", [1, 10, 25, 200])
def test_two_that_never_differ_may_still_differ_by_so_much(pairs):
    z2 = Z_ONE_SIDED_95 * Z_ONE_SIDED_95
    assert difference_at_least(0, 0, pairs) == pytest.approx(-z2 / (pairs + z2))


@pytest.mark.parametrize(("first", "second", "pairs"), [(5, 1, 50), (1, 5, 50), (9, 9, 30), (12, 0, 12)])
def test_at_the_bound_the_pairs_are_as_unlikely_as_it_says(first, second, pairs):
    bound = difference_at_least(first, second, pairs)
    # Of all shares of the second kind the likeliest under this difference, looked for step by step.
    grid = [max(0.0, -bound) + one / 20_000 for one in range(20_000)]
    rest = pairs - first - second

    def score(share):
        other, alike = share + bound, 1 - 2 * share - bound
        if min(share, other, alike) <= 0:
            return -1.0
        return other**first * share**second * alike**rest

    likeliest = max(grid, key=score)
    spread = sqrt(pairs * (2 * likeliest + bound - bound * bound))
    assert (first - second - pairs * bound) / spread == pytest.approx(Z_ONE_SIDED_95, abs=0.01)


@pytest.mark.parametrize(("first", "second", "pairs", "bound"), [(0, 0, 0, -1), (0, 7, 7, -1)])
def test_where_nothing_speaks_for_the_first_it_may_be_all_worse(first, second, pairs, bound):
    assert difference_at_least(first, second, pairs) == pytest.approx(bound)
