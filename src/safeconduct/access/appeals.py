"""Appeals against how a call ended: lodged by the organization that made it, read by trust and safety.

Deciding one belongs to trusted access, which is not built: here an appeal is on record, with its reason and its signer.
"""

from safeconduct.access import records as kept
from safeconduct.access.acts import authenticate
from safeconduct.access.appeal_events import APPEALS, LODGED, Appeal, AppealLodged
from safeconduct.access.model import PrincipalKind, Role
from safeconduct.access.reasons import check_reason
from safeconduct.kernel.errors import AbsentError, ConflictError, RefusedError
from safeconduct.kernel.ids import OrganizationId, PrincipalId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct


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


def find_appeal(records: Records, call: str) -> Appeal:
    """Returns the appeal against a call.

    Raises:
        AbsentError: `appeal-unknown`.
    """
    found = records.get(APPEALS, call)
    if found is None:
        raise AbsentError(f"there is no appeal against call {call[:64]!r}", code="appeal-unknown")
    return found


def appeals_for(records: Records, reader: PrincipalId | None) -> list[Appeal]:
    """Returns the appeals that a person may read, oldest first: trust and safety all, others their organization's.

    None reads all: somebody with the data folder in hand.
    """
    found = sorted((appeal for _, appeal in records.scan(APPEALS)), key=lambda one: one.id)
    if reader is None:
        return found
    principal = records.get(kept.PRINCIPALS, reader)
    if principal is None:
        return []
    every = Role.TRUST_AND_SAFETY in principal.roles
    return [one for one in found if every or one.organization == principal.organization]
