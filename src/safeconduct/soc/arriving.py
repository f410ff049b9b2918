"""On which day telemetry came, by whose and what it is: what retention counts from, and how much of it there is.

Days count from when a file was recorded, never by what is in it: whoever writes a line says its time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Collection, State
from safeconduct.ledger.sealing import DAY_LENGTH

UNREAD = "-"
"""What a file of which no line is an event counts as: of no source."""

UNTOLD = "?"
"""What a file counts as that came without an entry: it may be of any source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A file that is kept: its digest, the sources of its events joined by `+`, the UTC day it came, its bytes."""

    digest: str
    sources: str
    day: str
    size: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What there is of one owner, of the same sources, from one day."""

    owner: str
    sources: str
    day: str
    files: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """By which order a file or an event is destroyed, or was."""

    order: EntryId


ARRIVALS = Collection("telemetry_arrivals", Arrival)  # at the owner and the digest
OF_DAY = Collection("telemetry_of_day", Arrival)  # at the owner, the sources, the day and the digest
DAYS = Collection("telemetry_days", Day)  # at the owner, the sources and the day


FILE_FATES = Collection("telemetry_file_fates", Fate)  # at the owner and the digest, until the order is carried out


def sources_key(sources: Iterable[str]) -> str:
    """Returns what files of these sources are found by."""
    return "+".join(sorted(sources)) or UNREAD


def arrive(state: State, entry: Entry, owner: str, came: Arrival) -> None:
    """Notes that a file came on the day of an entry. One that is read anew came when it first did."""
    former = state.get(ARRIVALS, f"{owner}/{came.digest}")
    came = replace(came, day=former.day if former else rfc3339(entry.at)[:DAY_LENGTH])
    if former is not None:
        leave(state, owner, came.digest)
    state.put(ARRIVALS, f"{owner}/{came.digest}", came)
    state.put(OF_DAY, _place(owner, came) + came.digest, came)
    _count(state, owner, came, 1)


def leave(state: State, owner: str, digest: str) -> None:
    """Notes that a file is gone; nothing where it never came."""
    gone = state.get(ARRIVALS, f"{owner}/{digest}")
    if gone is not None:
        state.delete(ARRIVALS, f"{owner}/{digest}")
        state.delete(OF_DAY, _place(owner, gone) + digest)
        _count(state, owner, gone, -1)


def _count(state: State, owner: str, one: Arrival, by: int) -> None:
    key = _place(owner, one)
    former = state.get(DAYS, key) or Day(owner=owner, sources=one.sources, day=one.day)
    now = replace(former, files=former.files + by, size=former.size + by * one.size)
    if now.files:
        state.put(DAYS, key, now)
    else:
        state.delete(DAYS, key)


def _place(owner: str, one: Arrival) -> str:
    return f"{owner}/{one.sources}/{one.day}/"
