"""Windows at their edges, amounts, slices and paces: one that fits and one that just does not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access.budgets import Budget, Period, StatedBudget
from safeconduct.access.catalogue import Prices
from safeconduct.access.model.windows import Window
from safeconduct.gateway.budgets.model import AMOUNT_MAX, Unit, Usage, accounts_of, amount, cost
from safeconduct.gateway.budgets.purse import SLICE_PARTS, Purse, slice_of
from safeconduct.gateway.budgets.rates import Pace, share
from safeconduct.gateway.budgets.records import leases
from safeconduct.gateway.budgets.windows import window_of
from safeconduct.kernel.errors import LimitedError
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339

OWN = Window(opens_at=parse_rfc3339("2026-11-21T10:30:00Z"), closes_at=parse_rfc3339("2026-12-01T00:00:00Z"))
STATED = StatedBudget(owner="path:p", budget=Budget(per=Period.DAY, tokens=100), own=OWN)


@pytest.mark.parametrize(
    ("per", "inside", "name", "until"),
    [
        (Period.HOUR, "2026-11-21T23:59:59.999999Z", "2026-11-21T23", "2026-11-22T00:00:00Z"),
        (Period.HOUR, "2026-11-22T00:00:00Z", "2026-11-22T00", "2026-11-22T01:00:00Z"),
        (Period.DAY, "2026-11-21T23:59:59.999999Z", "2026-11-21", "2026-11-22T00:00:00Z"),
        (Period.DAY, "2026-11-22T00:00:00Z", "2026-11-22", "2026-11-23T00:00:00Z"),
        (Period.MONTH, "2028-02-29T12:00:00Z", "2028-02", "2028-03-01T00:00:00Z"),
        (Period.MONTH, "2026-12-31T23:59:59.999999Z", "2026-12", "2027-01-01T00:00:00Z"),
        (Period.MONTH, "2027-01-01T00:00:00Z", "2027-01", "2027-02-01T00:00:00Z"),
        (Period.WINDOW, "2026-11-22T00:00:00Z", "2026-11-21T10:30:00.000000Z", "2026-12-01T00:00:00Z"),
    ],
)
def test_an_instant_falls_into_one_window(per, inside, name, until):
    found, window = window_of(per, parse_rfc3339(inside), OWN)
    assert (found, window.closes_at) == (name, parse_rfc3339(until))
    assert window.holds(parse_rfc3339(inside))


@given(at=st.integers(0, 2**52), per=st.sampled_from((Period.HOUR, Period.DAY, Period.MONTH)))
def test_windows_follow_each_other_without_a_gap_or_an_overlap(at, per):
    name, window = window_of(per, Instant(at), OWN)
    assert window.holds(Instant(at))
    assert window_of(per, window.opens_at, OWN) == (name, window)
    assert window_of(per, Instant(window.closes_at - 1), OWN) == (name, window)
    after, following = window_of(per, window.closes_at, OWN)
    assert (following.opens_at, after > name) == (window.closes_at, True)
    assert rfc3339(window.opens_at).startswith(name)


def test_money_is_whole_micro_dollars_rounded_up_and_no_lie_overflows_a_sum():
    prices = Prices(input=150_000, output=600_000)  # 0.15 and 0.60 USD for a million tokens
    assert amount(Unit.MICRO_USD, Usage(1_000_000, 0), prices) == 150_000
    assert amount(Unit.MICRO_USD, Usage(1, 0), prices) == 1
    assert amount(Unit.MICRO_USD, Usage(20, 5), prices) == 6
    assert amount(Unit.MICRO_USD, Usage(0, 0), prices) == 0
    assert amount(Unit.TOKENS, Usage(2**53 - 1, 2**53 - 1), None) == AMOUNT_MAX
    assert amount(Unit.MICRO_USD, Usage(2**53 - 1, 0), prices) == AMOUNT_MAX
    with pytest.raises(ValueError, match="prices"):
        amount(Unit.MICRO_USD, Usage(1, 1), None)


def test_a_lease_is_what_fits_whole_in_order_and_a_part_of_the_rest():
    assert leases({"a": 6400}, {"a": 0}, [{"a": 100}]) == {"a": 100 + 6300 // SLICE_PARTS}
    assert leases({"a": 150}, {"a": 10}, [{"a": 100}, {"a": 61}, {"a": 60}]) == {"a": 150}
    assert leases({"a": 150}, {"a": 0}, [{"a": 151}]) == {}
    assert leases({"a": 100, "b": 5}, {"a": 0, "b": 0}, [{"a": 10, "b": 6}, {"a": 10}])["a"] == 10 + 90 // SLICE_PARTS
    assert leases({"a": 100}, {"a": -40}, [{"a": 61}]) == {}  # what is owed is paid first
    assert leases({"a": 100}, {"a": -40}, [{"a": 60}]) == {"a": 100}


def test_what_was_free_under_another_limit_counts_no_more():
    purse, (account,) = Purse(), accounts_of(STATED, Instant(0))
    spent = cost((account,), Usage(30, 0), None)
    purse.know([account])
    purse.add(account, 50)
    assert purse.reserve(spent.reserved)
    lower = replace(account, limit=40)
    purse.know([lower])
    assert purse.free(account.id) == 0
    purse.settle(spent, {account.id: 10})
    purse.add(account, 50)  # a lease that was under way
    assert purse.free(account.id) == 0
    purse.add(lower, 7)
    assert purse.free(account.id) == 7


def test_what_is_over_a_slice_goes_back_and_a_debt_is_told():
    purse, (account,) = Purse(), accounts_of(STATED, Instant(0))
    purse.know([account])
    purse.add(account, slice_of(account.limit))
    assert list(purse.over()) == []
    purse.add(account, 1)
    assert list(purse.over()) == [(account.id, 1)]
    spent = cost((account,), Usage(2, 0), None)
    assert purse.reserve(spent.reserved)
    purse.settle(spent, {account.id: 9})
    assert list(purse.over()) == [(account.id, 0)]


def refused(pace, now, per_minute=2, at_once=None):
    try:
        pace.begin(("ana", "p"), per_minute, at_once, now)
    except LimitedError as error:
        return error
    return None


def test_a_minute_is_any_minute_and_one_beyond_is_told_when():
    pace = Pace()
    assert [refused(pace, now) for now in (0.0, 30.0)] == [None, None]
    error = refused(pace, 59.5)
    assert (error.code, error.retry_after_s) == ("rate-exceeded", 1)
    assert refused(pace, 60.0) is None  # the first is a minute ago
    assert refused(pace, 89.9).code == "rate-exceeded"
    assert refused(pace, 90.0) is None
    pace.begin(("bo", "p"), 2, None, 90.0)  # another's calls are another's


def test_calls_at_once_are_counted_out_again():
    pace = Pace()
    assert [refused(pace, 0.0, None, 2) for _ in range(2)] == [None, None]
    assert refused(pace, 0.0, None, 2).code == "concurrency-exceeded"
    pace.end(("ana", "p"))
    assert refused(pace, 0.0, None, 2) is None


@given(limit=st.integers(1, 10_000), workers=st.integers(1, 64))
def test_the_parts_of_all_workers_make_the_limit(limit, workers):
    parts = [share(limit, one, workers) for one in range(workers)]
    assert sum(parts) == max(limit, workers)
    assert max(parts) - min(parts) <= 1
