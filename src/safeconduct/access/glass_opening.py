"""Opening a break-glass: one party alone, by as many of its people as the template says, for an hour at most."""

from safeconduct import approvals
from safeconduct.access.acts import authenticate, refuse_frozen
from safeconduct.access.break_glass import refuse_overdue, refuse_unreviewed, template_of
from safeconduct.access.grant_model import BreakGlass, GrantCase, GrantDraft
from safeconduct.access.grant_requests import issue, put_to_vote
from safeconduct.access.grant_rules import check_draft, check_electable, path_of, principal_of
from safeconduct.access.model.grants import Conditions, GrantOrigin
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.windows import Window
from safeconduct.access.reading_rights import reader_as
from safeconduct.access.reasons import check_reason
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import MINUTE, Instant
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.acts import SignedAct

SUBJECT = "break-glass"


def break_glass(
    tx: Transaction,
    signed: SignedAct,
    template_name: str,
    reason: str,
    principal: PrincipalId | None = None,
    *,
    operation: str,
    content: str,
) -> GrantCase:
    """Opens a template's grant for the signer, or for a service of theirs. It waits for nothing remote.

    Where the template asks for several people, the others vote first; the minutes run from this request on.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not: `not-an-opener`, `not-yours-to-request`;
            `review-overdue`, `glass-broken`, `approval-lockout`.
        AbsentError: `template-unknown`.
        SafeconductError: as `check_draft`; `reason-missing`.
    """
    signer = authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    refuse_frozen(tx, signer)
    if not reader_as(tx, signer).of_party:  # the program's templates are the parties' to know
        raise AbsentError(f"there is no break-glass {template_name[:64]!r} for you", code="template-unknown")
    template = template_of(tx, template_name)
    _check_opener(signer, template)
    check_reason(reason, "a break-glass")
    refuse_overdue(tx, template.organization, tx.now)
    held_by = _holder(tx, signer, principal)
    refuse_unreviewed(tx, template, held_by.id)
    draft = _draft(tx, template, held_by, reason)
    check_draft(tx, draft, tx.now)
    others = _others(tx, template, signer, draft)
    case = put_to_vote(tx, signed, draft, signer, others)
    return case if others else issue(tx, case, None)


def _check_opener(signer: Principal, template: BreakGlass) -> None:
    if signer.organization != template.organization or template.role not in signer.roles:
        raise RefusedError(
            f"break-glass {template.id} is for people of {template.organization} with role {template.role}",
            code="not-an-opener",
            clause=f"grants_policy.break_glass.{template.id}",
        )


def _holder(tx: Transaction, signer: Principal, principal: PrincipalId | None) -> Principal:
    if principal in (None, signer.id):
        return signer
    found = principal_of(tx, PrincipalId(str(principal)))
    if found.sponsor != signer.id:
        raise RefusedError(
            f"{signer.id} breaks glass for themselves or for a service that they sponsor, not for {found.id}",
            code="not-yours-to-request",
            clause=f"principal:{found.id}",
        )
    return found


def _draft(tx: Transaction, template: BreakGlass, holder: Principal, reason: str) -> GrantDraft:
    path = path_of(tx, template.path)
    return GrantDraft(
        principal=holder.id,
        path=path.id,
        path_digest=path.digest,
        purpose=path.purpose,
        scope=template.scope,
        tier=template.tier,
        elevated=template.tier > holder.tier,
        window=Window(opens_at=tx.now, closes_at=Instant(tx.now + template.minutes * MINUTE)),
        budget=None,
        conditions=Conditions(),
        reason=reason,
        origin=GrantOrigin.BREAK_GLASS,
        template=template.id,
    )


def _others(tx: Transaction, template: BreakGlass, signer: Principal, draft: GrantDraft) -> approvals.Proposal | None:
    if template.count == 1:
        return None
    groups = (approvals.Group(organization=template.organization, role=template.role, count=template.count - 1),)
    check_electable(tx, SUBJECT, groups, (signer.id,))
    return approvals.Proposal(
        kind=SUBJECT,
        content=draft.digest,
        proposer=signer.id,
        groups=groups,
        expires_at=draft.window.closes_at,
    )
