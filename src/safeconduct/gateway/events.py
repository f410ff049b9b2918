"""What the log says of calls. Field names are public API; a change of meaning is a new version.

Every call that was identified leaves an entry: an intent and one outcome, or a refusal. Prompts and answers are sealed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from safeconduct.gateway.budgets.events import PROJECTIONS as BUDGETS
from safeconduct.gateway.budgets.model import Amounts, Basis
from safeconduct.gateway.budgets.records import CHARGES, ChargeRecord
from safeconduct.gateway.moves import End, Release
from safeconduct.gateway.traits import Traits
from safeconduct.gateway.vendor_outcomes import VendorNotice
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType


class CallIntended(msgspec.Struct, frozen=True, kw_only=True):
    """A call was allowed and may be dispatched once this is committed. The entry's id names the call.

    `model` is the name that was asked for, `model_version` the one version that it stood for; `dialect` is the
    caller's. `upstream` is the provider that is asked first, with its `region` and `retention` as the path seals them
    under `path_digest`. `request_sha256` is over the caller's bytes, `sent_sha256` over those for the upstream.
    `determining` are the policies that allowed, `policy_digest` and `epoch` pin what they were. Sealed: `request`,
    `sent` where that differs, `targets`, `marked` of these, `session`, each where there is any.
    `reserved` is what it may cost at most, by account of a budget.
    `restrictions` held for it, each as kind and id; with `weaker` among them `model_version` is the path's
    weaker model, with `hold` this call used up `approval`. `targets_marked` counts those that
    are outside the scope and passed all the same (docs/spec/scope.md section 4), `targets_mentioned` those outside that
    stood in prose alone. `traits` are marks for watch; None in entries from before there were any.
    `hints` counts the blocks that detectors took for an attack, by family; which rule matched where is sealed.
    `data_classes` counts what was found on a path that is inspected, by class, and `handled` what was done about it, by
    `CLASS:HANDLING` (docs/spec/handling.md); both are empty where nobody looked.
    """

    agreement: str
    approval: str = ""
    data_classes: Mapping[str, int] = {}
    deadline_at: Instant
    determining: tuple[str, ...]
    dialect: str
    epoch: int
    grant: str
    handled: Mapping[str, int] = {}
    hints: Mapping[str, int] = {}
    model: str
    model_version: str
    organization: str
    output_tokens_max: int
    path: str
    path_digest: str
    policy_digest: str
    principal: str
    purpose: str
    region: str
    request_bytes: int
    request_sha256: str
    reserved: Amounts = {}
    restrictions: tuple[str, ...] = ()
    retention: str
    sent_sha256: str
    stream: bool
    targets_in_scope: int
    targets_marked: int = 0
    targets_mentioned: int = 0
    targets_out_of_scope: int
    traits: Traits | None = None
    upstream: str
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAttempted:
    """A further target may be asked once this is committed: attempt 2, 3 and so on; the intent is the first's.

    `upstream`, `region` and `retention` are as the path sealed them under `path_digest`. `why` is the code that the
    attempt before ended with, `status` what its target answered, None where it answered nothing. `sent_sha256` is over
    the bytes for this target. Sealed: `kept`, what the former said, and `sent` where this one gets other bytes.
    """

    call: str
    attempt: int
    path_digest: str
    upstream: str
    region: str
    retention: str
    why: str
    status: int | None
    sent_sha256: str
    worker: str


class CallEnded(msgspec.Struct, frozen=True, kw_only=True):
    """How a call ended; one per call. `released_sha256` is over the answer's bytes as the client was handed them.

    Of an abandoned call nobody knows more: what is not known is None. `end` is one of `moves.End`; `why` is a code
    where it did not complete, `clause` what demanded a cut or forbade the rest. `attempt` is the last one made: the
    one that answered, if any did; 0 before the first. `release` is how its answer was let out. Token counts and
    `finish_reason` are the upstream's word; `unaccounted` counts attempts that may have used more. `settled` is what
    the call is charged, by account, and `usage` what that rests on (budgets.model.Basis). `notices` are what vendors
    did besides answering (vendor_outcomes). `tokens` counts the pseudonyms in the answer by what became of them:
    `restored`, `altered`, `forged`, `foreign` (docs/spec/restoring.md). `quoted` counts, by class, originals
    that the model said and was not shown. `found` counts what was found in the answer by kind (docs/spec/detection.md
    section 5). Sealed: `released`, and `kept` for what came and was not released.
    """

    attempt: int | None
    call: str
    clause: str
    completion_tokens: int | None
    end: End
    finish_reason: str | None
    found: Mapping[str, int] = {}
    notices: tuple[VendorNotice, ...] = ()
    prompt_tokens: int | None
    quoted: Mapping[str, int] = {}
    release: Release | None
    released_bytes: int | None
    released_sha256: str | None
    settled: Amounts = {}
    status: int | None
    tokens: Mapping[str, int] = {}
    unaccounted: int | None
    usage: Basis = Basis.UNBUDGETED
    why: str
    worker: str


Stated: TypeAlias = bool | int | str | tuple[str, ...]
"""A value of a call's context as an entry has it."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What the policies were asked of a refused call, so that it can be asked again, and the epoch of the standing.

    `context` is as the schema of calls has it, but for targets: they are counted, since their names are not kept.
    """

    epoch: int
    context: Mapping[str, Stated]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRefused:
    """An identified caller was refused before any intent. The entry's id names the call.

    `step` is the step of docs/spec/call.md that refused; `path_digest` is empty where no path was resolved. `clause`
    names what decided, `remedy` says what would make it pass. Where step 6 decided, `against` is all that stood against
    it, each as code and clause, and `determining` the policies that did, of the set that `policy_digest` names; they
    were asked `judged`.

    `unrecorded` counts refusals of this principal since the last such entry that got none: beyond a rate, asking on
    is answered without a new entry, so that nobody fills the log. `grant` is the one it fell under, where that was
    known by then; `traits` and `hints` as in the intent.
    """

    principal: str
    organization: str
    path: str
    path_digest: str
    purpose: str
    model: str
    step: int
    code: str
    clause: str
    request_sha256: str
    request_bytes: int
    unrecorded: int
    remedy: str = ""
    against: tuple[str, ...] = ()
    determining: tuple[str, ...] = ()
    policy_digest: str = ""
    judged: Judged | None = None
    grant: str = ""
    traits: Traits | None = None
    hints: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallersUnidentified:
    """How many requests came without a credential that holds, from `since` on. One entry a minute at most."""

    count: int
    since: Instant


class OpenCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call with an intent and no outcome. `worker` is the incarnation that answers for it; it made `attempts`.

    `asked` are the upstreams of these in their order, for the version `model`.
    """

    call: str
    origin: str
    worker: str
    reserved: Amounts = {}
    attempts: int = 1
    model: str = ""
    asked: tuple[str, ...] = ()


class EndedCall(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call's outcome stands, and what is counted of it: by its id, a stretch of time is read at once.

    `asked` are the upstreams that it was sent to, or may have been, in their order.
    """

    outcome: str
    end: End = End.ABANDONED
    model: str = ""
    asked: tuple[str, ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    notices: tuple[VendorNotice, ...] = ()


CALL_INTENT = EventType("gateway.call.intent/1", CallIntended, Retention.CALL)
CALL_ATTEMPTED = EventType("gateway.call.attempted/1", CallAttempted, Retention.CALL)
CALL_OUTCOME = EventType("gateway.call.outcome/1", CallEnded, Retention.CALL)
CALL_REFUSED = EventType("gateway.call.refused/1", CallRefused, Retention.CALL)
CALLERS_UNIDENTIFIED = EventType("gateway.callers.unidentified/1", CallersUnidentified)

OWN = frozenset({CALL_INTENT.name, CALL_ATTEMPTED.name, CALL_OUTCOME.name, CALL_REFUSED.name})
"""What changes records of one call alone: where many processes write, it is written beside others' (workers.md 2.2).
None orders an effect or sets a timer, so that nobody looks for either after it."""

OPEN_CALLS = Collection("open-calls", OpenCall)
ENDED_CALLS = Collection("ended-calls", EndedCall)


def _intended(state: State, entry: Entry) -> None:
    event = CALL_INTENT.read(entry)
    call = OpenCall(
        call=entry.id,
        origin=entry.origin,
        worker=event.worker,
        reserved=event.reserved,
        model=event.model_version,
        asked=(event.upstream,),
    )
    state.put(OPEN_CALLS, entry.id, call)


def _attempted(state: State, entry: Entry) -> None:
    event = CALL_ATTEMPTED.read(entry)
    call = _open(state, event.call)
    if event.attempt != call.attempts + 1:
        raise ConflictError(
            f"call {event.call} made {call.attempts} attempts: attempt {event.attempt} does not follow",
            code="attempt-out-of-order",
        )
    state.put(
        OPEN_CALLS,
        event.call,
        msgspec.structs.replace(call, attempts=event.attempt, asked=(*call.asked, event.upstream)),
    )


def _ended(state: State, entry: Entry) -> None:
    event = CALL_OUTCOME.read(entry)
    call = _open(state, event.call)
    state.put(ENDED_CALLS, event.call, _ended_call(entry.id, call, event))
    for account, most in call.reserved.items():
        charge = ChargeRecord(amount=event.settled.get(account, most))
        state.put(CHARGES, f"{call.worker}/{account}/{event.call}", charge)
    state.delete(OPEN_CALLS, event.call)  # from here on a second outcome finds nothing to end


def _ended_call(outcome: str, call: OpenCall, event: CallEnded) -> EndedCall:
    return EndedCall(
        outcome=outcome,
        end=event.end,
        model=call.model,
        asked=call.asked if event.attempt is None else call.asked[: event.attempt],
        prompt_tokens=event.prompt_tokens,
        completion_tokens=event.completion_tokens,
        notices=event.notices,
    )


def _open(state: State, call: str) -> OpenCall:
    found = state.get(OPEN_CALLS, call)
    if found is None:
        raise ConflictError(f"call {call} is not open: its outcome stands, or it never began", code="call-ended")
    return found


def _no_state(_state: State, _entry: Entry) -> None:
    """A refusal is a fact about the past; no rule reads it."""


PROJECTIONS: Mapping[str, Projection] = {
    CALL_INTENT.name: _intended,
    CALL_ATTEMPTED.name: _attempted,
    CALL_OUTCOME.name: _ended,
    CALL_REFUSED.name: _no_state,
    CALLERS_UNIDENTIFIED.name: _no_state,
    **BUDGETS,
}
