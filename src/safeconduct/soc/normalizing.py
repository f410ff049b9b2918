"""From a parsed record to an event: its id, its instant, its meaning."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.bodies import encoded_plain
from safeconduct.soc.inventory import NOTHING, Inventory
from safeconduct.soc.model import Event
from safeconduct.soc.ocsf.deferring import DEFERRED, Meaning
from safeconduct.soc.ocsf.mapping import to_ocsf
from safeconduct.soc.ocsf.own import NO_MAPPING, OwnMapping

EVENT_ID_DIGITS = 32
"""Hex digits of an event id: 128 bits, so that two of 10^15 events meet with probability 10^-9."""

OCCURRENCE = "@occurrence"
"""Member that tells identical records of one file apart: absent in the first, 2 in the second, and so on.

It is part of `raw`, so that the id of every event can be computed again from the event itself. Two files with the
same record have that record once: the same line arriving twice is one event, the same line written twice is two.
"""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One parsed record: its kind, the number of its first line, when it happened, its fields under their own names.

    `raw` holds no floats: numbers with a fraction, and integers beyond 2^53 - 1, are kept as the text they came as.
    `numbered` says that whoever wrote it counts its records, so that the same one twice is one event.
    """

    source: str
    line: int
    at: Instant
    raw: Mapping[str, Any]
    numbered: bool = False


def event_id(source: str, raw: Mapping[str, Any]) -> EventId:
    """Returns the id of a record: the first 32 hex digits of SHA-256 over the canonical (source, raw)."""
    canonical = encoded_plain({"raw": raw, "source": source})  # which every record is: see `Record`
    return EventId(hashlib.sha256(canonical).hexdigest()[:EVENT_ID_DIGITS])


@dataclass
class Normalizer:
    """Turns the records of one file into events, in order. Reading the same file again gives the same events."""

    inventory: Inventory = NOTHING
    host: str = ""
    mapping: OwnMapping = NO_MAPPING
    _seen: Counter[EventId] = field(default_factory=Counter)

    def event(self, record: Record) -> Event:
        """Returns the record's event."""
        first = event_id(record.source, record.raw)
        if record.numbered:
            return self._event(first, record, record.raw)
        self._seen[first] += 1
        if self._seen[first] == 1:
            return self._event(first, record, record.raw)
        raw = {**record.raw, OCCURRENCE: self._seen[first]}
        return self._event(event_id(record.source, raw), record, raw)

    def _event(self, identity: EventId, record: Record, raw: Mapping[str, Any]) -> Event:
        return Event(id=identity, source=record.source, at=record.at, raw=raw, ocsf=self._meaning(record, raw))

    def _meaning(self, record: Record, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        if record.source in DEFERRED and not self.host:
            return Meaning(record.source, raw, record.at)
        return to_ocsf(record.source, raw, record.at, self.inventory, self.host, mapping=self.mapping)
