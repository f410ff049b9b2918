"""Rebuilding control state from entries, and checking what an audit with public keys can't: state and sealed fields."""

import heapq
from collections.abc import Iterator, Mapping

from safeconduct.kernel.entries import Entry, Reader
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Projection
from safeconduct.ledger.audit import NOTHING_EXCUSED, Excused, Finding
from safeconduct.ledger.envelope import Leaf, read_entry
from safeconduct.ledger.ports import FrozenStore, LogSource, RawRecords
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.records import Overlay
from safeconduct.ledger.recovery_events import known_lost


class _Nothing:
    """An empty store, for state that is rebuilt from entries alone."""

    def raw(self, collection: str, key: str) -> bytes | None:  # noqa: ARG002 - a store's signature
        return None

    def raw_scan(self, collection: str, prefix: str) -> Iterator[tuple[str, bytes]]:  # noqa: ARG002
        return iter(())

    def raw_all(self) -> dict[tuple[str, str], bytes]:
        return {}


def replay(source: LogSource, projections: Mapping[str, Projection]) -> dict[tuple[str, str], bytes]:
    """Returns the control state that the entries of all logs make, in the order they were committed.

    Raises:
        UnavailableError: an entry can't be read, or a projection refuses an entry that it once took.
    """
    state = Overlay(_Nothing())
    for entry in committed_entries(source):
        _project(projections, state, entry)
        state.settle()
    return {name: value for name, value in state.batch.items() if value is not None}


def committed_entries(source: LogSource) -> Iterator[Entry]:
    """Yields the entries of all logs in the order they were committed, with those that wait for their places.

    Raises:
        UnavailableError: one can't be read.
    """
    return heapq.merge(*(_entries(source, origin) for origin in source.origins()), key=_committed_at)


def _project(projections: Mapping[str, Projection], state: Overlay, entry: Entry) -> None:
    try:
        projections[entry.type](state, entry)
    except Exception as error:  # a damaged entry may hold anything, and what it is may be asked before the log is
        raise UnavailableError(
            f"entry {entry.id} of type {entry.type} can't be replayed: {error}", code="entry-unreadable"
        ) from error


def _entries(source: LogSource, origin: Origin) -> Iterator[Entry]:
    for stored in source.entries(origin):
        yield read_entry(stored.leaf, origin)
    for leaf in source.waiting(origin):
        yield read_entry(leaf, origin)


def _committed_at(entry: Entry) -> tuple[int, str]:
    # Within one commit, which has one instant, ids tell the order across logs; within a log the index does.
    return entry.at, entry.id


def check_store(stored: FrozenStore) -> list[Finding]:
    """Returns what the store itself finds wrong: what an index hides from some readers, all others still see."""
    return [Finding(origin=Origin(""), what=what, place="database") for what in stored.damage()]


def check_state(source: LogSource, stored: RawRecords, projections: Mapping[str, Projection]) -> list[Finding]:
    """Compares the stored control state with what the entries make; returns each record that differs."""
    try:
        rebuilt = replay(source, projections)
    except UnavailableError as error:
        return [Finding(origin=Origin(""), what=f"the entries can't be replayed: {error}", place="records")]
    found = stored.raw_all()
    return [
        Finding(origin=Origin(""), what=_difference(name, found, rebuilt), place="records")
        for name in sorted(found.keys() | rebuilt.keys())
        if found.get(name) != rebuilt.get(name)
    ]


def _difference(
    name: tuple[str, str], found: Mapping[tuple[str, str], bytes], rebuilt: Mapping[tuple[str, str], bytes]
) -> str:
    label = "/".join(name)
    if name not in rebuilt:
        return f"no entry makes {label}"
    return f"{label} is missing" if name not in found else f"{label} is not what its entries make"


def check_sealed(
    reader: LogReader, source: LogSource, origin: Origin, excused: Excused = NOTHING_EXCUSED
) -> list[Finding]:
    """Opens every sealed field of a log that its reader may open; returns each that is not what its entry commits to.

    `excused` are those that are known to be lost or destroyed, beside what the log's own entries say is lost.
    """
    findings = []
    excused = Excused(lost={*excused.lost, *known_lost(source, origin)}, keys=excused.keys)
    for stored in source.entries(origin):
        try:
            for name in _to_open(reader.leaf(stored.id), reader.role, excused):
                reader.open_field(stored.id, name)
        except SafeconductError as error:
            findings.append(
                Finding(origin=origin, what=error.message, place="payloads", index=stored.index, entry_id=stored.id)
            )
    return findings


def _to_open(leaf: Leaf, role: Reader, excused: Excused) -> list[str]:
    return [
        name
        for name, said in leaf.sealed.items()
        if role in said.readers and said.key not in excused.keys and (leaf.id, name) not in excused.lost
    ]
