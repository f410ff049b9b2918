"""Retention: once a day, keys whose class has a limit and whose day is over it are ordered to be destroyed."""

from collections import Counter
from collections.abc import Iterator

from safeconduct.access import records as kept
from safeconduct.access.destruction import Orderer, append_order, choose, fitting
from safeconduct.access.holds import held
from safeconduct.access.model.agreements import Agreement
from safeconduct.access.retention_events import LOOKED, RETENTIONS, Postponed, RetentionLooked
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.instants import DAY, MINUTE, Duration, Instant, rfc3339
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.sealing import DAY_LENGTH, KeySelector

AGAIN: Duration = MINUTE
"""Until the next look where one order could not take all that is due."""


def look(tx: Transaction, keys: DataKeys, origin: Origin) -> Entry:
    """Orders the destruction of a log's keys whose time is over and that nothing holds, and says what is held.

    Its timer calls this; the entry sets the next one.

    Raises:
        AbsentError: retention of that log is not looked at.
    """
    if tx.get(RETENTIONS, origin) is None:
        raise AbsentError(f"no class of {origin} is limited in days", code="retention-unlimited")
    agreement = kept.require_agreement(tx)
    ordered: list[EntryId] = []
    postponed: Counter[EntryId] = Counter()
    more = False
    for selector, due in _due(tx, keys, agreement):
        holds = held(tx, keys, due, selector.origin)
        postponed.update(holds.values())
        chosen = choose(keys, selector, [key for key in due if key not in holds])
        more = more or chosen.left > 0
        if chosen.groups:
            ordered.append(append_order(tx, chosen, _orderer(agreement, selector)).id)
    event = RetentionLooked(
        origin=origin,
        ordered=tuple(ordered),
        postponed=tuple(Postponed(hold=hold, keys=count) for hold, count in sorted(postponed.items())),
        next_at=_next(tx.now, agreement, more=more),
    )
    return tx.append(agreement.origin, LOOKED.draft(event))


def first_day_kept(now: Instant, days: int) -> str:
    """Returns the first UTC day of which no key is due: what was sealed the day before is at least `days` old."""
    return rfc3339(Instant(now - days * DAY))[:DAY_LENGTH]


def _due(tx: Transaction, keys: DataKeys, agreement: Agreement) -> Iterator[tuple[KeySelector, list[str]]]:
    for origin in kept.joint_logs(tx):
        for retention, days in sorted(agreement.days.items()):
            before = first_day_kept(tx.now, days)
            selector = KeySelector(origin=origin, retention=retention, before=before)
            yield selector, fitting(tx, keys, selector)


def _orderer(agreement: Agreement, selector: KeySelector) -> Orderer:
    days = agreement.days[Retention(str(selector.retention))]
    return Orderer(by=f"retention:{selector.retention}", reason=f"kept for {days} days, as agreed")


def _next(now: Instant, agreement: Agreement, *, more: bool) -> Instant | None:
    if not agreement.retention:
        return None
    return Instant(now + AGAIN) if more else Instant((now // DAY + 1) * DAY)
