"""Opening sealed fields: who may, why, with whom, and that it is in the log before anybody sees anything."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act, recused
from safeconduct.access.model.agreements import Opening
from safeconduct.access.opening_events import (
    LATEST_OPENINGS,
    OPENED,
    OPENINGS,
    PROPOSED,
    FieldOpened,
    OpeningProposed,
    ProposedOpening,
)
from safeconduct.access.opening_rules import (
    SealedFact,
    Viewer,
    Wanted,
    opening_for,
    reader_for,
    refuse_destroyed,
    refuse_elsewhere,
    refuse_others,
)
from safeconduct.access.reasons import check_reason
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ids import ApprovalId, EntryId, Origin, PrincipalId
from safeconduct.kernel.instants import DAY, Duration, Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct

_ALIVE = (approvals.State.PROPOSED, approvals.State.APPROVED)

DECISION_TIME: Duration = DAY
"""How long an opening that needs both parties waits for their votes, and then to be used: a working day of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of it: the entry that says that the field is opened, or the approval that it waits for."""

    opened: EntryId | None
    waits_for: approvals.Approval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What both parties are asked to let somebody open. `content` is what they vote on.

    `entry` is empty where it is many fields at once; `field` then says which.
    """

    entry: EntryId
    field: str
    by: PrincipalId
    reason: str
    content: str


def open_field(tx: Transaction, signed: SignedAct, wanted: Wanted, *, operation: str, content: str) -> Answered:
    """Records that a person opens a sealed field. Nothing may be shown before this is durable.

    Where the agreement asks for both parties, the first request is put to the vote and the same request, once both
    have approved, opens the field: once, and for the same entry, field, reason and person.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `field-not-yours`; `no-approvers`; `not-a-reader`:
            the house can't open it, so only its own reader's copy can.
        InvalidInputError: `reason-missing`.
        AbsentError: `destroyed`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.OPEN_FIELD
    )
    check_reason(wanted.reason, "an opening")
    viewer = Viewer(by=signer.id, reader=reader_for(tx, signer.organization, wanted.sealed))
    refuse_elsewhere(wanted)
    refuse_destroyed(tx, wanted.sealed)
    event = _event(wanted, viewer)
    if opening_for(tx, wanted.sealed) is Opening.SINGLE:
        return Answered(opened=tx.append(wanted.sealed.origin, OPENED.draft(event, act=signed.envelope())).id)
    return _with_both(tx, signed, wanted, event)


def show_fields(tx: Transaction, viewer: Viewer, shown: Sequence[SealedFact], reason: str) -> None:
    """Records that fields are opened for somebody who is shown what is made of them. The reason is derived.

    Raises:
        RefusedError: `field-not-yours`, or `both-must-approve`.
        AbsentError: `destroyed`.
    """
    check_reason(reason, "an opening")
    for sealed in shown:
        refuse_others(viewer.reader, sealed)
        refuse_destroyed(tx, sealed)
        if opening_for(tx, sealed) is Opening.TWO_PARTY:
            raise RefusedError(
                f"{sealed.field} of entry {sealed.entry} is opened by both parties together, and so not shown here",
                code="both-must-approve",
                clause=f"agreement.fields/{sealed.type}",
                remedy=f"safeconduct log open {sealed.entry} {sealed.field} --reason TEXT",
            )
        event = _event(Wanted(sealed=sealed, reason=reason), viewer)
        tx.append(sealed.origin, OPENED.draft(event))


def vote(
    tx: Transaction,
    electorate: approvals.Electorate,
    approval_id: ApprovalId,
    verdict: approvals.Verdict,
    signed: SignedAct,
    *,
    operation: str,
) -> approvals.Approval:
    """Casts a signed vote on an opening.

    Raises:
        AbsentError: no such opening.
        UnauthenticatedError, RefusedError, ConflictError: as `approvals.vote`.
    """
    find(tx, approval_id)
    return approvals.vote(tx, electorate, approval_id, verdict, signed, operation=operation)


def find(records: Records, approval_id: ApprovalId) -> ProposedOpening:
    """Returns an opening that was put to the vote.

    Raises:
        AbsentError: there is none.
    """
    found = records.get(OPENINGS, approval_id)
    if found is None:
        raise AbsentError(
            f"no opening {approval_id[:64]!r} was proposed",
            code="opening-unknown",
            remedy="safeconduct log openings lists them",
        )
    return found


def openings(records: Records) -> Iterator[ProposedOpening]:
    """Yields every opening that was put to the vote, oldest first."""
    return (proposed for _, proposed in records.scan(OPENINGS))


def ask_both(tx: Transaction, signed: SignedAct, origin: Origin, wish: Wish) -> approvals.Approval:
    """Returns the approval by both parties of a wish: the one that was asked for, else one that is asked for now.

    Raises:
        RefusedError: `no-approvers`.
    """
    latest = tx.get(LATEST_OPENINGS, wish.content)
    found = approvals.find(tx, latest.approval) if latest else None
    if found is None or found.state not in _ALIVE or tx.now >= found.proposal.expires_at:
        return _propose(tx, signed, origin, wish)
    return found


def _with_both(tx: Transaction, signed: SignedAct, wanted: Wanted, event: FieldOpened) -> Answered:
    voted_on = digest({"entry": event.entry, "field": event.field, "reason": event.reason, "opener": event.by})
    wish = Wish(entry=event.entry, field=event.field, by=PrincipalId(event.by), reason=event.reason, content=voted_on)
    asked = ask_both(tx, signed, wanted.sealed.origin, wish)
    if asked.state is approvals.State.PROPOSED:
        return Answered(opened=None, waits_for=asked)
    draft = OPENED.draft(replace(event, approval=asked.id), act=signed.envelope())
    entry = tx.append(wanted.sealed.origin, draft)
    approvals.consume(tx, asked.id, content=voted_on, by=entry.id)
    return Answered(opened=entry.id)


def _propose(tx: Transaction, signed: SignedAct, origin: Origin, wish: Wish) -> approvals.Approval:
    rule = tx.get(kept.APPROVAL_RULES, "opening")
    proposal = approvals.Proposal(
        kind="opening",
        content=wish.content,
        proposer=wish.by,
        groups=rule.groups if rule else (),
        expires_at=Instant(tx.now + DECISION_TIME),
        recused=recused(tx, wish.by),
    )
    approval = approvals.propose(tx, origin, proposal)
    proposed = OpeningProposed(
        approval=approval.id,
        content=wish.content,
        entry=wish.entry,
        field=wish.field,
        by=wish.by,
        reason=wish.reason,
    )
    tx.append(origin, PROPOSED.draft(proposed, act=signed.envelope()))
    return approval


def _event(wanted: Wanted, viewer: Viewer) -> FieldOpened:
    return FieldOpened(
        entry=wanted.sealed.entry,
        field=wanted.sealed.field,
        reader=viewer.reader,
        by=viewer.by,
        reason=wanted.reason,
        own_copy=wanted.own_copy,
    )
