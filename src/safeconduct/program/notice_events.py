"""The entries by which people are told of what is due, and what became of each notice."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from safeconduct.access.acts import record_act
from safeconduct.kernel.effects import finish_effect
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import DAY, Instant
from safeconduct.kernel.notices import ASKED, NEW, NOTICE, TOLD, Asked, Notice, NoticeLine, order_notice
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType

MARKS_KEPT = 400 * DAY
"""How long it stays known what was told of, after it was due: what is overdue for longer is told once more."""

CALENDAR, TRIAL = "calendar", "trial"
"""Kinds of notices of this package, as a channel may name them."""


class Outcome(StrEnum):
    """What became of a notice at one channel."""

    SENT = "sent"
    UNDELIVERABLE = "undeliverable"  # tried for a day, and never taken
    UNADDRESSED = "unaddressed"  # no channel is named for it


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarTold:
    """An organization is told of things that are due. `marks` are those things with their steps, never told again.

    `lines` is empty where another entry of the same look has the notice; `more` counts what has no line.
    """

    organization: OrganizationId
    lines: tuple[NoticeLine, ...]
    marks: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarLooked:
    """The calendar was looked at: all of it, or what waits for answers alone. `asked_at` is the last that was seen."""

    every: bool
    asked_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOrdered:
    """A person has a trial notice sent to one channel."""

    channel: str
    by: PrincipalId
    organization: OrganizationId


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeTried:
    """What became of a notice at a channel, and what was answered; with the `last` one the effect is over."""

    notice: EntryId
    kind: str
    to: OrganizationId
    subject: str
    channel: str
    outcome: Outcome
    said: str
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of a notice at one channel."""

    channel: str
    outcome: Outcome
    said: str
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SentNotice:
    """A notice that was taken up, and each channel's outcome. `over` says that nothing is tried any more."""

    id: EntryId
    kind: str
    to: OrganizationId
    subject: str
    over: bool
    tried: tuple[Tried, ...] = ()


@dataclass(frozen=True, slots=True)
class Looked:
    """When the whole calendar was last looked at."""

    at: Instant


MARKS = Collection("calendar-marks", Looked)  # at the mark, which begins with when the thing is due
LOOKS = Collection("calendar-looks", Looked)  # one, at `calendar`
SENT_NOTICES = Collection("sent-notices", SentNotice)  # at the entry that ordered it

CALENDAR_TOLD = EventType("program.calendar.told/1", CalendarTold)
CALENDAR_LOOKED = EventType("program.calendar.looked/1", CalendarLooked)
TRIAL_ORDERED = EventType("program.notice.trial/1", TrialOrdered)
NOTICE_TRIED = EventType("program.notice.tried/1", NoticeTried)


def mark(at: Instant, what: str) -> str:
    """Returns the key of a thing and its step: what is due first comes first."""
    return f"{at:020d}/{what}"


def _told(state: State, entry: Entry) -> None:
    event = CALENDAR_TOLD.read(entry)
    for one in event.marks:
        state.put(MARKS, one, Looked(entry.at))
    if event.lines:
        count = len(event.lines) + event.more
        subject = f"{count} {'thing is' if count == 1 else 'things are'} due of {event.organization}"
        notice = Notice(
            kind=CALENDAR, to=event.organization, at=entry.at, subject=subject, lines=event.lines, more=event.more
        )
        order_notice(state, entry, notice)


def _looked(state: State, entry: Entry) -> None:
    event = CALENDAR_LOOKED.read(entry)
    new = state.get(ASKED, NEW)
    if new is not None and new.at <= event.asked_at:
        state.delete(ASKED, NEW)
        state.put(ASKED, TOLD, Asked(entry.at))
    if not event.every:
        return
    state.put(LOOKS, CALENDAR, Looked(entry.at))
    for key, _ in list(state.scan(MARKS)):
        if key >= mark(Instant(max(0, entry.at - MARKS_KEPT)), ""):
            break
        state.delete(MARKS, key)


def _trial(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = TRIAL_ORDERED.read(entry)
    subject = f"a trial by {event.by}: notices reach you here"
    order_notice(
        state,
        entry,
        Notice(kind=TRIAL, to=event.organization, at=entry.at, subject=subject, only=event.channel),
    )


def _tried(state: State, entry: Entry) -> None:
    event = NOTICE_TRIED.read(entry)
    known = state.get(SENT_NOTICES, event.notice) or SentNotice(
        id=event.notice, kind=event.kind, to=event.to, subject=event.subject, over=False
    )
    tried = Tried(channel=event.channel, outcome=event.outcome, said=event.said, at=entry.at)
    state.put(SENT_NOTICES, event.notice, replace(known, over=event.last, tried=(*known.tried, tried)))
    if event.last:
        finish_effect(state, event.notice, NOTICE)


PROJECTIONS: Mapping[str, Projection] = {
    CALENDAR_TOLD.name: _told,
    CALENDAR_LOOKED.name: _looked,
    TRIAL_ORDERED.name: _trial,
    NOTICE_TRIED.name: _tried,
}
