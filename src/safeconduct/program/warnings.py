"""Warning of what is due: once for each thing and step, in one notice for an organization and a look.

The calendar is read beside the writer; what is told is checked again within the transaction, so that two who look at
once tell nothing twice. docs/spec/notices.md section 2.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from safeconduct.access import approvals_due
from safeconduct.access import records as kept
from safeconduct.access.due import Due
from safeconduct.access.tokens import installation_log
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.ids import OrganizationId
from safeconduct.kernel.instants import DAY, HOUR, MINUTE, Duration, Instant
from safeconduct.kernel.notices import ASKED, LINES_MAX, NEW, TOLD, NoticeLine
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.program.calendar import calendar
from safeconduct.program.notice_events import (
    CALENDAR,
    CALENDAR_LOOKED,
    CALENDAR_TOLD,
    LOOKS,
    MARKS,
    CalendarLooked,
    CalendarTold,
    mark,
)

LOOK_AT = Duration(6 * HOUR)
"""When in the day, in UTC, the whole calendar is looked at: before people in Europe begin, after those in America."""

ASK_AGAIN = Duration(15 * MINUTE)
"""The least time between two notices of what waits for answers: an agent whose calls are held asks many times."""

MARKS_MAX = 1000
"""Marks of one entry, each of 70 bytes: an entry has 64 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at the calendar that is to be told: all of it, or what waits for answers; `asked_at` as in the entry."""

    every: bool
    asked_at: Instant
    news: Mapping[OrganizationId, Sequence[tuple[str, Due]]]


def look(records: Records, now: Instant) -> Look | None:
    """Returns what there is to tell if it is time to look: daily, and soon after somebody asked. Else None."""
    every, new = _day_began(records, now), records.get(ASKED, NEW)
    told = records.get(ASKED, TOLD)
    asked = new is not None and (told is None or now >= told.at + ASK_AGAIN)
    if kept.agreement_in_force(records) is None or not (every or asked):
        return None
    found = calendar(records, now) if every else approvals_due.due(records, now)
    return Look(every=every, asked_at=new.at if new else Instant(0), news=_by_organization(records, _news(found, now)))


def tell(tx: Transaction, found: Look) -> None:
    """Enters what a look found and nobody was told of yet, and that there was a look."""
    log = installation_log(tx)
    for organization, news in sorted(found.news.items()):
        fresh = [(key, due) for key, due in news if tx.get(MARKS, key) is None]
        for event in _entries(organization, fresh):
            tx.append(log, CALENDAR_TOLD.draft(event))
    tx.append(log, CALENDAR_LOOKED.draft(CalendarLooked(every=found.every, asked_at=found.asked_at)))


def _day_began(records: Records, now: Instant) -> bool:
    last = records.get(LOOKS, CALENDAR)
    return last is None or last.at < now - (now - LOOK_AT) % DAY


def _news(found: Iterable[Due], now: Instant) -> Iterator[tuple[str, Due]]:
    for due in found:
        step = "asked" if due.asked else due.warning(now)
        if step is not None:
            thing = {"kind": due.kind, "name": due.name, "owner": due.owner, "step": step}
            yield mark(due.at, digest(thing)[:32]), due


def _by_organization(
    records: Records, news: Iterable[tuple[str, Due]]
) -> Mapping[OrganizationId, list[tuple[str, Due]]]:
    grouped: dict[OrganizationId, list[tuple[str, Due]]] = {}
    for key, due in news:
        grouped.setdefault(_organization(records, due), []).append((key, due))
    return grouped


def _organization(records: Records, due: Due) -> OrganizationId:
    """Returns whose people are told: an organization's own, those of a principal's, else the provider's."""
    kind, _, name = due.owner.partition(":")
    if kind == "organization":
        return OrganizationId(name)
    person = records.get(kept.PRINCIPALS, name)
    return person.organization if person else kept.require_agreement(records).provider


def _entries(organization: OrganizationId, fresh: Sequence[tuple[str, Due]]) -> Iterator[CalendarTold]:
    for start in range(0, len(fresh), MARKS_MAX):
        part = fresh[start : start + MARKS_MAX]
        shown = [due for _, due in fresh[:LINES_MAX]] if start == 0 else []
        yield CalendarTold(
            organization=organization,
            lines=tuple(_line(due) for due in shown),
            marks=tuple(key for key, _ in part),
            more=len(fresh) - len(shown) if start == 0 else 0,
        )


def _line(due: Due) -> NoticeLine:
    return NoticeLine(kind=due.kind, name=due.name, at=due.at, owner=due.owner, text=due.consequence, look=due.look)
