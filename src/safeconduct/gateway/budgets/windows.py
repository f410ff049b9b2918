"""The window that an instant falls into: which count of a budget a call is charged to."""

from datetime import UTC, datetime, timedelta

from safeconduct.access.budgets import Period
from safeconduct.access.model.windows import Window
from safeconduct.kernel.instants import Instant, rfc3339

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAYS_PAST_ANY_MONTH = 31


def window_of(per: Period, at: Instant, own: Window) -> tuple[str, Window]:
    """Returns the name of the period's window that holds the instant, and the window: from an edge to before the next.

    The name says when it opens, so that equal names are equal counts: `2026-11-22T01`, `2026-11-22`, `2026-11`.
    """
    if per is Period.WINDOW:
        return rfc3339(own.opens_at), own
    moment = _EPOCH + at * _MICROSECOND
    if per is Period.HOUR:
        opens = moment.replace(minute=0, second=0, microsecond=0)
        return opens.strftime("%Y-%m-%dT%H"), _window(opens, opens + timedelta(hours=1))
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if per is Period.DAY:
        return midnight.strftime("%Y-%m-%d"), _window(midnight, midnight + timedelta(days=1))
    first = midnight.replace(day=1)
    return first.strftime("%Y-%m"), _window(first, (first + timedelta(days=_DAYS_PAST_ANY_MONTH)).replace(day=1))


def _window(opens: datetime, closes: datetime) -> Window:
    return Window(opens_at=_instant(opens), closes_at=_instant(closes))


def _instant(moment: datetime) -> Instant:
    return Instant((moment - _EPOCH) // _MICROSECOND)
