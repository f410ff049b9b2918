"""The entries of rechecks: what is sealed of past calls was looked at again, and what today's rules find in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import ApprovalId, EntryId, Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckBegun:
    """The requests of calls from `since` on and before `until` are opened, to be looked at again.

    With `answers` what was let out of their answers is, too. `path` is empty for all paths. `calls` are those whose
    fields are opened, `unread` counts those whose are not for the house or destroyed. `next` is where to go on, if
    there were more than one recheck takes.
    """

    by: str
    reason: str
    path: str
    since: Instant
    until: Instant
    calls: int
    unread: int
    next: Instant | None = None
    approval: ApprovalId | None = None
    answers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAgain:
    """What a call's request holds by today's rules beyond what was counted then, by data class and by family of hints.

    `left` counts values of classes that its path did not let leave, and that left; `answer`, by kind, what the path's
    rules for its output find in the answer that was let out.
    """

    call: EntryId
    classes: Mapping[str, int]
    hints: Mapping[str, int]
    left: Mapping[str, int]
    answer: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckEnded:
    """What was found in which calls; a call in which nothing new was is not named.

    `looked` counts the calls that were read whole, `failed` those whose request no dialect reads any more, or whose
    answer nobody does, if that was asked for: `found` has what their requests hold. `result_sha256` is over the
    canonical form of `found`. `breaches` are the entries that this put on record. `release` is whose rules.
    """

    recheck: EntryId
    release: str
    looked: int
    failed: int
    found: tuple[FoundAgain, ...]
    result_sha256: str
    breaches: tuple[EntryId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """One on record; `ended` is None where the server stopped in between: then it is asked for again."""

    id: EntryId
    at: Instant
    origin: Origin
    begun: RecheckBegun
    ended: RecheckEnded | None = None


RECHECK_BEGUN = EventType("gateway.recheck.begun/1", RecheckBegun)
RECHECK_ENDED = EventType("gateway.recheck.ended/1", RecheckEnded)
RECHECKS = Collection("rechecks", Recheck)  # at the entry that began it


def _begun(state: State, entry: Entry) -> None:
    record_act(state, entry)
    begun = RECHECK_BEGUN.read(entry)
    state.insert(RECHECKS, entry.id, Recheck(id=entry.id, at=entry.at, origin=entry.origin, begun=begun))


def _ended(state: State, entry: Entry) -> None:
    event = RECHECK_ENDED.read(entry)
    known = state.get(RECHECKS, event.recheck)
    if known is None:
        raise UnavailableError(f"entry {entry.id} ends recheck {event.recheck}: there is none", code="log-damaged")
    state.put(RECHECKS, known.id, replace(known, ended=event))


PROJECTIONS: Mapping[str, Projection] = {RECHECK_BEGUN.name: _begun, RECHECK_ENDED.name: _ended}
