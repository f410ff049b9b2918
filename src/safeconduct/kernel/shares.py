"""How sure a share is that was counted, whether two ways of doing the same differ, and what most of many are below."""

from collections.abc import Sequence
from math import comb, sqrt

Z_95 = 1.96
"""Of the normal distribution, for intervals that hold in 95 of 100 cases."""

Z_ONE_SIDED_95 = 1.645
"""Of the normal distribution, for bounds on one side that hold in 95 of 100 cases."""

HALVINGS = 60
"""Steps of a bisection: then the interval is below what a double tells apart."""


def wilson(found: int, of: int) -> tuple[float, float]:
    """Returns Wilson's interval, in which a share lies in 95 of 100 cases; from 0 to 1 where nothing was counted."""
    if not of:
        return 0.0, 1.0
    share, z2 = found / of, Z_95 * Z_95
    middle = share + z2 / (2 * of)
    spread = Z_95 * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, (middle - spread) / (1 + z2 / of)), min(1.0, (middle + spread) / (1 + z2 / of))


def mcnemar(only_first: int, only_second: int) -> float:
    """Returns how likely pairs would differ as unevenly as they do, or more, were both ways equally good.

    Of pairs judged both ways, those count that one way alone got right: the exact two-sided test (McNemar 1947, on the
    binomial distribution). 1 where no pair differs.
    """
    differing = only_first + only_second
    tail = sum(comb(differing, one) for one in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / (1 << differing))


def quantile(values: Sequence[int], percent: int) -> int | None:
    """Returns the smallest of sorted values that so many percent are not above (nearest rank); None for none."""
    return values[-(-len(values) * percent // 100) - 1] if values else None


def difference_at_least(only_first: int, only_second: int, pairs: int) -> float:
    """Returns how much larger the first share is at least, in 95 of 100 cases: negative where it may be smaller.

    Tango's score bound for the difference of shares in paired data (Statistics in Medicine 17, 1998), one-sided. -1
    where there are no pairs. Unlike Wald's it does not vanish where no pair differs.
    """
    if not pairs:
        return -1.0
    low, high = -1.0, (only_first - only_second) / pairs
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _score(only_first, only_second, pairs, middle) > Z_ONE_SIDED_95:
            low = middle
        else:
            high = middle
    return low


def _score(only_first: int, only_second: int, pairs: int, difference: float) -> float:
    # The share of pairs of the second kind that is likeliest under this difference solves a q^2 + b q + c = 0.
    a = 2 * pairs
    b = (2 * pairs - only_first + only_second) * difference - only_first - only_second
    c = -only_second * difference * (1 - difference)
    second = (sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    spread = pairs * (2 * second + difference * (1 - difference))
    surplus = only_first - only_second - pairs * difference
    return surplus / sqrt(spread) if spread > 0 else (float("inf") if surplus > 0 else 0.0)
