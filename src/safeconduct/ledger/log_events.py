"""What the ledger's own entries say about a log: its keys, its end, what follows it; and the records they make."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.instants import DAY, Duration, Instant
from safeconduct.kernel.ports import Collection, Projection, Records, State
from safeconduct.ledger.closing import CLOSED, SUCCEEDED
from safeconduct.ledger.events import EventType
from safeconduct.ledger.rotation import ROTATED, open_succession

OVERLAP = Duration(30 * DAY)
"""How long the old key signs beside the new one: a month for the partner to take over the new key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotated:
    """From this entry on the log's checkpoints bear the new key's signature. `statement` is signed by both keys.

    `request` is the entry that asked for it and that the partner cosigned.
    """

    statement: str
    old: str
    new: str
    request: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class LogClosed:
    """The last entry of a log: nothing follows it, and whoever verifies finds what does.

    `why` is `compromised`: what was not cosigned before may be anybody's. `trusted` is the last checkpoint that a
    witness cosigned, or nothing. The log goes on as `successor`, under `successor_key`.
    """

    why: str
    reason: str
    trusted: str
    successor: Origin
    successor_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSucceeded:
    """The first entry of a log that goes on for another one, whose key was `predecessor_key`.

    `closed` is the other's last entry; None where nobody could sign one any more. What is vouched for of the other log
    ends at `trusted`, its last checkpoint that a witness cosigned; where there is none, with nothing.
    """

    predecessor: Origin
    predecessor_key: str
    closed: EntryId | None
    why: str
    reason: str
    trusted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """Which log goes on for another, since when, and why."""

    origin: Origin
    at: Instant
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """Which key signs a log's checkpoints, and which one beside it until an instant. Its first key needs no record."""

    key: str
    former: str
    both_until: Instant


LOG_KEYS = Collection("log-keys", LogKey)  # by origin
SUCCESSORS = Collection("log-successors", Successor)  # by the origin of the log that ended

KEY_ROTATED = EventType(ROTATED, KeyRotated)
LOG_CLOSED = EventType(CLOSED, LogClosed)
LOG_SUCCEEDED = EventType(SUCCEEDED, LogSucceeded)


def signing_keys(records: Records, origin: Origin, first: str, now: Instant) -> tuple[str, ...]:
    """Returns the keys that sign a log's checkpoints now, the one that must first. `first` is the log's first key."""
    found = records.get(LOG_KEYS, origin)
    if found is None:
        return (first,)
    return (found.key, found.former) if now < found.both_until else (found.key,)


def current_origin(records: Records, origin: Origin) -> Origin:
    """Returns the log that entries for this one go to: itself, or the last of those that went on for it."""
    return lineage(records, origin)[-1]


def lineage(records: Records, origin: Origin) -> tuple[Origin, ...]:
    """Returns a log and those that went on for it, in that order."""
    found = [origin]
    while (successor := records.get(SUCCESSORS, found[-1])) is not None:
        found.append(successor.origin)
    return tuple(found)


def next_origin(records: Records, origin: Origin) -> Origin:
    """Returns the name of the log that would go on for this one: `<first>/2`, then `<first>/3` and so on."""
    before = {found.origin: Origin(old) for old, found in records.scan(SUCCESSORS)}
    number = 2
    while origin in before:
        origin, number = before[origin], number + 1
    return Origin(f"{origin}/{number}")


def succeed(state: State, entry: Entry) -> None:
    """Makes the log that an entry of LOG_SUCCEEDED is in go on for the other one.

    Raises:
        ConflictError: another log does already.
    """
    event = LOG_SUCCEEDED.read(entry)
    successor = Successor(origin=entry.origin, at=entry.at, reason=event.reason)
    state.insert(SUCCESSORS, event.predecessor, successor)


def _log_closed(_state: State, _entry: Entry) -> None:
    """Changes nothing: from the successor's first entry on, in the same transaction, entries go there."""


def _key_rotated(state: State, entry: Entry) -> None:
    event = KEY_ROTATED.read(entry)
    said = open_succession(event.statement)
    present = state.get(LOG_KEYS, entry.origin)
    if (said.old.name, said.old.text, said.new.text) != (entry.origin, event.old, event.new) or (
        present is not None and present.key != event.old
    ):
        raise UnavailableError(f"entry {entry.id} rotates a key that the log does not have", code="log-damaged")
    both_until = Instant(entry.at + OVERLAP)
    state.put(LOG_KEYS, entry.origin, LogKey(key=event.new, former=event.old, both_until=both_until))


PROJECTIONS: Mapping[str, Projection] = {KEY_ROTATED.name: _key_rotated, LOG_CLOSED.name: _log_closed}
"""Not of LOG_SUCCEEDED: it carries an act, which access must take note of. It calls `succeed`."""
