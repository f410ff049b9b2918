"""The entries of honeytokens, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.access.model.tokens import Honeytoken
from safeconduct.access.noting import noted
from safeconduct.access.records import HONEYTOKENS
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """How many entries say that a bait was used, and when the last did."""

    count: int = 0
    last_at: Instant | None = None


HONEYTOKEN_USES = Collection("honeytoken-uses", Uses)  # at the honeytoken's id; no part of the standing: bait is free


@dataclass(frozen=True, slots=True, kw_only=True)
class HoneytokenIssued:
    """A bait exists. Only the hash of its secret is anywhere; `place` says where it lies."""

    id: str
    hash: str
    place: str
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class HoneytokenWithdrawn:
    """A bait was taken in: its use says nothing from here on."""

    id: str
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class HoneytokenUsed:
    """Somebody called with a bait. `network` is the mark of where from; `path` the one that they asked on."""

    honeytoken: str
    path: str
    network: str = ""


ISSUED = EventType("access.honeytoken.issued/1", HoneytokenIssued)
WITHDRAWN = EventType("access.honeytoken.withdrawn/1", HoneytokenWithdrawn)
HONEYTOKEN_USED = EventType("access.honeytoken.used/1", HoneytokenUsed)


def _issued(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = ISSUED.read(entry)
    bait = Honeytoken(id=event.id, hash=event.hash, place=event.place, by=event.by, at=entry.at)
    state.insert(HONEYTOKENS, event.id, bait)


def _withdrawn(state: State, entry: Entry) -> None:
    record_act(state, entry)
    state.delete(HONEYTOKENS, WITHDRAWN.read(entry).id)


def _used(state: State, entry: Entry) -> None:
    honeytoken = HONEYTOKEN_USED.read(entry).honeytoken
    known = state.get(HONEYTOKEN_USES, honeytoken)
    state.put(HONEYTOKEN_USES, honeytoken, Uses(count=(known.count if known else 0) + 1, last_at=entry.at))


PROJECTIONS: Mapping[str, Projection] = noted(
    {ISSUED.name: _issued, WITHDRAWN.name: _withdrawn, HONEYTOKEN_USED.name: _used}
)
