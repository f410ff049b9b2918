"""The entry that says that a log was recovered, and what was lost for good."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.envelope import read_entry
from safeconduct.ledger.events import EventType, in_parts
from safeconduct.ledger.ocsf import EVENT_LOG, HIGH, OTHER, SUCCESS, EntryForm
from safeconduct.ledger.ports import LogSource

LOST_BYTES_MAX = 48_000  # of the 65,535 a leaf has; about a thousand fields an entry


@dataclass(frozen=True, slots=True, kw_only=True)
class LostField:
    """A sealed field whose blob is nowhere any more. Its commitment stays in the entry."""

    entry: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecovered:
    """That a log was brought from its first `from_size` entries, which were as signed, to `to_size`.

    `taken` counts the entries that were missing or damaged and came from the mirror whose checkpoint is `mirror`;
    `places` are the tables and files where something was wrong. From here on an audit misses the `lost` fields no more.
    """

    from_size: int
    to_size: int
    taken: int
    mirror: str
    places: tuple[str, ...]
    lost: tuple[LostField, ...]


LOG_RECOVERED = EventType("ledger.log.recovered/1", LogRecovered)


class _Body(msgspec.Struct, gc=False):
    lost: tuple[LostField, ...]


_bodies = msgspec.json.Decoder(_Body)


def lost_fields(body: bytes) -> Iterator[tuple[str, str]]:
    """Yields entry id and field of what the body of such an entry, as JSON, says is lost.

    Raises:
        MsgspecError: it does not fit the type.
    """
    for one in _bodies.decode(body).lost:
        yield one.entry, one.field


def known_lost(source: LogSource, origin: Origin) -> set[tuple[str, str]]:
    """Returns entry id and field of all that a log's entries say is lost. A damaged entry says nothing."""
    lost = set()
    for stored in source.entries(origin):
        if LOG_RECOVERED.name.encode() in stored.leaf:  # few have it, and reading each would cost more
            with suppress(UnavailableError):
                entry = read_entry(stored.leaf, origin)
                if entry.type == LOG_RECOVERED.name:
                    lost |= {(one.entry, one.field) for one in LOG_RECOVERED.read(entry).lost}
    return lost


def in_entries(event: LogRecovered) -> Iterator[LogRecovered]:
    """Yields the event in as many entries as its lost fields take; its other fields stand in each."""
    for lost in in_parts(event.lost, LOST_BYTES_MAX):
        yield replace(event, lost=lost)


def _no_state(_state: State, _entry: Entry) -> None:
    """What was lost concerns who audits; no rule reads it."""


PROJECTIONS: Mapping[str, Projection] = {LOG_RECOVERED.name: _no_state}

FORMS: Mapping[str, EntryForm] = {
    LOG_RECOVERED.name: EntryForm(
        class_uid=EVENT_LOG,
        activity_id=OTHER,
        fixed={"activity_name": "Recover", "severity_id": HIGH, "log_name": "safeconduct joint log", **SUCCESS},
        copy={"count": "taken"},
    ),
}
