"""Appeals against how a call ended: lodged by the organization that made it, decided by somebody with no hand in it.

The party that the agreement makes accountable for `misuse-review` decides. A decision changes nothing by itself: who
was wrong acts on it, and both parties have it on record.
"""

from collections.abc import Iterator

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate, authenticate_act
from safeconduct.access.agreement import Side
from safeconduct.access.appeal_events import APPEALS, DECIDED, LODGED, Appeal, AppealDecided, AppealLodged
from safeconduct.access.due import Due, organization_owner
from safeconduct.access.humans import accounts_of
from safeconduct.access.model.agreements import Agreement
from safeconduct.access.model.parties import Principal, PrincipalKind, Role
from safeconduct.access.reading_rights import Reader
from safeconduct.access.reasons import check_reason
from safeconduct.kernel.errors import AbsentError, ConflictError, RefusedError
from safeconduct.kernel.ids import OrganizationId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct

ACTIVITY = "misuse-review"
"""The activity of the agreement whose accountable party decides appeals."""


def lodge_appeal(
    tx: Transaction,
    signed: SignedAct,
    *,
    operation: str,
    content: str,
    call: str,
    organization: OrganizationId,
    reason: str,
) -> Appeal:
    """Records an appeal against the end of a call of an organization, by any of its people.

    Somebody who is frozen or restricted may appeal: that is what an appeal is for.

    Raises:
        UnauthenticatedError: nobody known signed this.
        AbsentError: `call-unknown`: the signer is of another organization; as if there were no such call.
        RefusedError: `not-a-person`.
        InvalidInputError: `reason-missing`.
        ConflictError: `appeal-lodged`: there is one against this call.
    """
    signer = authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    if signer.organization != organization:
        raise AbsentError(f"no call {call!r} that you may see is in the log", code="call-unknown")
    if signer.kind is not PrincipalKind.PERSON:
        raise RefusedError(f"{signer.id} is a service; only people appeal", code="not-a-person")
    check_reason(reason, "an appeal")
    known = tx.get(APPEALS, call)
    if known is not None:
        raise ConflictError(f"{known.by} appealed against call {call}: see entry {known.id}", code="appeal-lodged")
    event = AppealLodged(call=call, organization=organization, by=signer.id, reason=reason)
    tx.append(kept.require_agreement(tx).origin, LODGED.draft(event, act=signed.envelope()))
    return find_appeal(tx, call)


def decide_appeal(
    tx: Transaction,
    signed: SignedAct,
    *,
    operation: str,
    content: str,
    call: str,
    upheld: bool,
    reason: str,
    involved: frozenset[str],
) -> Appeal:
    """Decides an appeal, once. `involved` are those whose acts the appeal is against, and whose call it was.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `not-the-reviewer`: another party decides;
            `had-a-hand-in-it`.
        AbsentError: `appeal-unknown`.
        ConflictError: `appeal-decided`.
        InvalidInputError: `reason-missing`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.DECIDE_APPEAL
    )
    appeal = find_appeal(tx, call)
    check_reason(reason, "the decision of an appeal")
    _check_reviewer(tx, appeal, signer, involved)
    if appeal.decision is not None:
        raise ConflictError(f"{appeal.decision.by} decided it by entry {appeal.decision.entry}", code="appeal-decided")
    event = AppealDecided(call=call, appeal=appeal.id, upheld=upheld, by=signer.id, reason=reason)
    tx.append(kept.require_agreement(tx).origin, DECIDED.draft(event, act=signed.envelope()))
    return find_appeal(tx, call)


def _check_reviewer(tx: Transaction, appeal: Appeal, signer: Principal, involved: frozenset[str]) -> None:
    deciding = _deciding(kept.require_agreement(tx))
    if signer.organization not in deciding:
        raise RefusedError(
            f"{', '.join(deciding) or 'nobody'} decides appeals, and {signer.id} is of {signer.organization}",
            code="not-the-reviewer",
            clause=f"agreement.responsibilities.{ACTIVITY}",
        )
    sponsored = {one.sponsor for _, one in tx.scan(kept.PRINCIPALS) if one.id in involved}
    if not accounts_of(tx, signer.id).isdisjoint((*involved, *sponsored, appeal.by)):
        raise RefusedError(
            f"{signer.id} had a hand in what the appeal is against",
            code="had-a-hand-in-it",
            clause=f"appeal:{appeal.id}",
            remedy=f"another person of {signer.organization} decides it",
        )


def _deciding(agreement: Agreement) -> list[OrganizationId]:
    assigned = agreement.responsibilities.get(ACTIVITY)
    sides = {Side.PROVIDER: agreement.provider, Side.PARTNER: agreement.partner}
    return [sides[side] for side in assigned.accountable] if assigned else []


def due(records: Records, _now: Instant) -> Iterator[Due]:
    """Yields the decisions of appeals that are missing, overdue ones too, of each party that decides."""
    agreement = kept.agreement_in_force(records)
    for _, appeal in records.scan(APPEALS):
        if appeal.decision is None and agreement is not None:
            for organization in _deciding(agreement):
                yield Due(
                    kind="appeal",
                    name=appeal.call,
                    at=appeal.due_at,
                    owner=organization_owner(organization),
                    consequence="somebody waits who may be right",
                    since=appeal.at,
                    look="safeconduct appeal list",
                )


def find_appeal(records: Records, call: str) -> Appeal:
    """Returns the appeal against a call.

    Raises:
        AbsentError: `appeal-unknown`.
    """
    found = records.get(APPEALS, call)
    if found is None:
        raise AbsentError(f"there is no appeal against call {call[:64]!r}", code="appeal-unknown")
    return found


def appeals_for(records: Records, reader: Reader) -> list[Appeal]:
    """Returns the appeals that a reader may read, oldest first: trust and safety all, others their organization's."""
    found = sorted((appeal for _, appeal in records.scan(APPEALS)), key=lambda one: one.id)
    own = reader.organization if reader.in_agreement else ""
    every = reader.of_party and reader.has(frozenset({Role.TRUST_AND_SAFETY}))
    return [one for one in found if every or one.organization == own or one.by == reader.principal]
