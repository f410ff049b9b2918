"""Workers that sign receipts with keys of their own: each key stands in the log before anything is promised with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.envelope import read_entry
from safeconduct.ledger.events import EventType
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.ocsf import CREATE, ENTITY_MANAGEMENT, SUCCESS, EntryForm


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerAnnounced:
    """A process begins to promise entries of this log with a key of its own. `key` is a signed-note verifier key."""

    worker: str
    key: str


WORKER_ANNOUNCED = EventType("ledger.worker.announced/1", WorkerAnnounced)


ANNOUNCED_MARK = f'"type":"{WORKER_ANNOUNCED.name}"'.encode()
"""Bytes without which a leaf is no announcement: to look for before it is decoded."""


def keys_announced_in(leaves: Iterable[bytes], origin: Origin) -> list[VerifierKey]:
    """Returns the keys that the leaves of a log announce. Costs other leaves one search for a few bytes.

    Raises:
        UnavailableError, InvalidInputError: as `announced_keys`.
    """
    return announced_keys(read_entry(leaf, origin) for leaf in leaves if ANNOUNCED_MARK in leaf)


def announced_keys(entries: Iterable[Entry]) -> list[VerifierKey]:
    """Returns the keys that a log's entries announce, in their order.

    Raises:
        UnavailableError: an announcement can't be read.
        InvalidInputError: it holds no key.
    """
    found = [WORKER_ANNOUNCED.read(entry) for entry in entries if entry.type == WORKER_ANNOUNCED.name]
    return [VerifierKey.parse(one.key) for one in found]


def _no_state(_state: State, _entry: Entry) -> None:
    """Who verifies receipts reads the entries themselves."""


PROJECTIONS: Mapping[str, Projection] = {WORKER_ANNOUNCED.name: _no_state}

FORMS: Mapping[str, EntryForm] = {
    WORKER_ANNOUNCED.name: EntryForm(
        class_uid=ENTITY_MANAGEMENT,
        activity_id=CREATE,
        fixed={"entity.type": "Worker", "entity.name": "signs receipts with a key of its own", **SUCCESS},
        copy={"entity.uid": "worker"},
    ),
}
"""By entry type."""
