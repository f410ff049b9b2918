"""The entry that a broken promise becomes, and what is on record of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.ledger.omission import BrokenPromise


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseBroken:
    """A party showed that a log did not hold what a receipt promised.

    `proof` is the SHA-256 of the omission, which stands sealed beside this: public keys alone verify it.
    """

    promise: BrokenPromise
    proof: str
    by: PrincipalId


PROMISE_BROKEN = EventType("ledger.promise.broken/1", PromiseBroken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A broken promise that is on record."""

    record: EntryId
    promise: BrokenPromise
    by: PrincipalId
    at: Instant


BROKEN_PROMISES = Collection("broken-promises", Reported)  # at `origin/leaf hash`


def promise_key(broken: BrokenPromise) -> str:
    """Returns where a broken promise is kept."""
    return f"{broken.origin}/{broken.leaf}"


def _promise_broken(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = PROMISE_BROKEN.read(entry)
    reported = Reported(record=entry.id, promise=event.promise, by=event.by, at=entry.at)
    state.insert(BROKEN_PROMISES, promise_key(event.promise), reported)


PROJECTIONS: Mapping[str, Projection] = {PROMISE_BROKEN.name: _promise_broken}
