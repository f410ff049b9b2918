"""Use case: a rule changed, so what is sealed of past calls is looked at again (docs/spec/data-map.md section 3).

Reading them is an opening: by an act, with both parties' votes where the agreement asks for these, on record first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.model.parties import Principal
from safeconduct.access.opening_many import Many, approve_many, open_many, openable, voted_on
from safeconduct.access.opening_rules import SealedFact
from safeconduct.access.readership import APART
from safeconduct.access.reading_rights import concerns, reader_as
from safeconduct.access.reasons import check_reason
from safeconduct.boundary.quoting import by_class
from safeconduct.gateway.breaches import note_rechecked
from safeconduct.gateway.events import CallIntended
from safeconduct.gateway.looking_again import PastCall, SeenAgain
from safeconduct.gateway.recheck_events import (
    RECHECK_BEGUN,
    RECHECK_ENDED,
    RECHECKS,
    FoundAgain,
    Recheck,
    RecheckBegun,
    RecheckEnded,
)
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import AbsentError, InvalidInputError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct

CALLS_MAX = 100
"""Calls of one recheck: each leaves an entry for each field, and all stand in one transaction."""

FIELDS = ("request", "sent")
"""What is opened of a call: what came, and what left where that differs."""

ANSWER_FIELDS = ("released", f"{APART}released")
"""What is opened of its outcome where answers are looked at too: what was let out, also with an exploit in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Which calls: those asked from `since` on and before `until`, on a path or, where that is empty, on all.

    With `answers` what was let out of their answers is looked at too.
    """

    since: Instant
    until: Instant
    path: str = ""
    answers: bool = False

    @property
    def said(self) -> str:
        """Says which fields these are, for who votes."""
        where = f"path {self.path}" if self.path else "all paths"
        fields = FIELDS + ANSWER_FIELDS if self.answers else FIELDS
        return f"{' and '.join(fields)} of calls on {where} from {rfc3339(self.since)} to {rfc3339(self.until)}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A past call: the intent it began with, and what is said of those of its sealed fields that are looked at.

    `found` is what was counted in its answer then.
    """

    intent: Entry
    fields: tuple[SealedFact, ...]
    found: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The calls of a stretch, oldest first, and why; `next` is where those begin that are one too many."""

    stretch: Stretch
    reason: str
    calls: tuple[Kept, ...]
    next: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The recheck, and the calls whose fields are open for it; or the approval that it waits for."""

    recheck: EntryId | None
    calls: tuple[Kept, ...] = ()
    waits_for: approvals.Approval | None = None


def begin_recheck(tx: Transaction, signed: SignedAct, wanted: Wanted, *, operation: str, content: str) -> Begun:
    """Records that the requests of calls are opened to be looked at again. Nothing may be read before it is durable.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `field-not-yours`; `no-approvers`.
        InvalidInputError: `reason-missing`; `window-invalid`: the stretch is not over.
        AbsentError: `nothing-to-recheck`: no call of it that concerns the signer can be opened.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.RECHECK_DATA
    )
    own, calls = _checked(tx, signer, wanted)
    many = Many(
        fields=[field for one in calls for field in one.fields], reason=wanted.reason, which=wanted.stretch.said
    )
    origin = calls[0].intent.origin
    approval = approve_many(tx, signed, signer, origin, many)
    if approval is not None and approval.state is approvals.State.PROPOSED:
        return Begun(recheck=None, waits_for=approval)
    event = _event(wanted, signer, calls=len(calls), unread=own - len(calls), approval=approval)
    entry = tx.append(origin, RECHECK_BEGUN.draft(event, act=signed.envelope()))
    open_many(tx, signer, many, approval)
    if approval is not None:
        approvals.consume(tx, approval.id, content=voted_on(many, signer), by=entry.id)
    return Begun(recheck=entry.id, calls=calls)


def end_recheck(
    tx: Transaction, recheck: EntryId, seen: Sequence[tuple[Entry, SeenAgain | None]], *, release: str
) -> Recheck:
    """Records what was seen in each call, None where its request could not be read, and a breach where data left.

    A breach that is on record already is not put there twice.
    """
    known = find_recheck(tx, recheck)
    new = [(intent, one) for intent, one in seen if one is not None and one.is_new]
    noted = [note_rechecked(tx, intent, one.left, known.begun) for intent, one in new if one.left]
    found = tuple(
        FoundAgain(
            call=intent.id, classes=one.classes, hints=one.hints, left=by_class(one.left), answer=one.answer or {}
        )
        for intent, one in new
    )
    failed = sum(one is None or one.answer is None for _, one in seen)
    event = RecheckEnded(
        recheck=recheck,
        release=release,
        looked=len(seen) - failed,
        failed=failed,
        found=found,
        result_sha256=digest(msgspec.to_builtins(found)),
        breaches=tuple(one.id for one in noted if one is not None),
    )
    tx.append(known.origin, RECHECK_ENDED.draft(event))
    return find_recheck(tx, recheck)


def past_call(records: Records, intent: CallIntended, request: str, sent: str) -> PastCall | None:
    """Returns a call with its path as it was and as it is; None where nobody knows the path any more."""
    versions = (one for _, one in records.scan(kept.PATH_VERSIONS, f"{intent.path}/"))
    then = next((one for one in versions if one.digest == intent.path_digest), None)
    now = records.get(kept.PATHS, intent.path) or then
    return PastCall(intent=intent, request=request, sent=sent, then=then, now=now) if now else None


def find_recheck(records: Records, recheck: str) -> Recheck:
    """Returns one recheck.

    Raises:
        AbsentError: `recheck-unknown`.
    """
    found = records.get(RECHECKS, recheck)
    if found is None:
        raise AbsentError(f"no recheck {recheck[:64]!r} is on record", code="recheck-unknown")
    return found


def rechecks(records: Records) -> list[Recheck]:
    """Returns the rechecks on record, oldest first."""
    return [one for _, one in records.scan(RECHECKS)]


def _checked(tx: Transaction, signer: Principal, wanted: Wanted) -> tuple[int, tuple[Kept, ...]]:
    """Returns how many calls concern the signer, and those of them whose fields can all be opened."""
    check_reason(wanted.reason, "a recheck")
    if wanted.stretch.until > tx.now:
        raise InvalidInputError("expected a stretch of time that is over", code="window-invalid")
    reader = reader_as(tx, signer)
    own = [one for one in wanted.calls if concerns(tx, reader, str(one.intent.body["principal"]))]
    calls = tuple(one for one in own if all(openable(tx, field) for field in one.fields))
    if not calls:
        raise AbsentError(f"nobody can open {wanted.stretch.said}: there is none", code="nothing-to-recheck")
    return len(own), calls


def _event(
    wanted: Wanted, signer: Principal, *, calls: int, unread: int, approval: approvals.Approval | None
) -> RecheckBegun:
    return RecheckBegun(
        by=signer.id,
        reason=wanted.reason,
        path=wanted.stretch.path,
        since=wanted.stretch.since,
        until=wanted.stretch.until,
        calls=calls,
        unread=unread,
        next=wanted.next,
        approval=approval.id if approval else None,
        answers=wanted.stretch.answers,
    )
