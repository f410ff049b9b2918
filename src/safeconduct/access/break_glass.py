"""Break-glass, after it was opened: the other party is told with it, and both owe a review that ends in their votes."""

from collections.abc import Iterator

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.grant_events import GRANT_CASES, OPENED, REVIEWED, REVIEWS, BreakGlassOpened, BreakGlassReviewed
from safeconduct.access.grant_model import BreakGlass, Finding, GrantCase, GrantState, Review
from safeconduct.access.grant_rules import policy
from safeconduct.access.humans import accounts_of
from safeconduct.access.model.agreements import Agreement
from safeconduct.access.model.parties import Principal
from safeconduct.access.reasons import check_reason
from safeconduct.approvals import Approval
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import AbsentError, ConflictError, RefusedError
from safeconduct.kernel.ids import GrantId, OrganizationId, PrincipalId
from safeconduct.kernel.instants import HOUR, Instant
from safeconduct.kernel.listing import there_is
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct


def template_of(records: Records, name: str) -> BreakGlass:
    """Returns a template of the program in force.

    Raises:
        AbsentError: `template-unknown`.
    """
    known = policy(records).break_glass
    found = next((one for one in known if one.id == name), None)
    if found is None:
        told = there_is((one.id for one in known), "declared")
        raise AbsentError(f"the program has no break-glass {name[:64]!r}; {told}", code="template-unknown")
    return found


def refuse_overdue(records: Records, organization: OrganizationId, now: Instant) -> None:
    """Returns if no review of what an organization opened is overdue.

    Raises:
        RefusedError: `review-overdue`.
    """
    late = next((one for one in reviews(records) if one.organization == organization and one.overdue(now)), None)
    if late is not None:
        raise RefusedError(
            f"the review of break-glass {late.id} is overdue: {', '.join(late.missing)} did not vote",
            code="review-overdue",
            clause=f"review:{late.id}",
            remedy=f"both parties vote: safeconduct grant review {late.id} --justified|--unjustified --reason TEXT",
        )


def refuse_unreviewed(records: Records, template: BreakGlass, holder: PrincipalId) -> None:
    """Returns if a holder has not broken this glass already: what waits for votes or for its review comes first.

    Raises:
        RefusedError: `glass-broken`.
    """
    accounts = accounts_of(records, holder)
    for _, case in records.scan(GRANT_CASES):
        same = case.draft.template == template.id and case.draft.principal in accounts
        if same and _open(records, case):
            raise RefusedError(
                f"{case.draft.principal} broke glass {template.id}: {case.id} waits for votes or for its review",
                code="glass-broken",
                clause=f"review:{case.id}",
                remedy="have both parties review it when it is over: safeconduct grant review ID; or request a grant",
            )


def _open(records: Records, case: GrantCase) -> bool:
    review = records.get(REVIEWS, case.id)
    return case.state is GrantState.ASKED or (review is not None and bool(review.missing))


def open_review(tx: Transaction, case: GrantCase, approval: Approval | None) -> None:
    """Tells the other party that glass was broken, and opens the review that both owe."""
    agreement = kept.require_agreement(tx)
    template = template_of(tx, case.draft.template)
    voters = {one.voter for one in approval.votes} if approval else set()
    event = BreakGlassOpened(
        grant=GrantId(case.id),
        template=template.id,
        by=case.by,
        organization=template.organization,
        told=_other(agreement, template.organization),
        recused=tuple(sorted({case.by, case.draft.principal, *voters})),
        due_at=Instant(tx.now + template.review_hours * HOUR),
    )
    tx.append(agreement.origin, OPENED.draft(event))


def review_digest(case: GrantCase, review: Review) -> str:
    """Returns the digest of what is reviewed: what was opened, by whom, why, and when it ended."""
    return digest(
        {
            "grant": case.id,
            "draft": case.draft.digest,
            "by": case.by,
            "entries": case.entries,
            "ended_at": case.ended_at,
            "due_at": review.due_at,
        }
    )


def vote_on_review(
    tx: Transaction,
    signed: SignedAct,
    case: GrantCase,
    finding: Finding,
    reason: str,
    *,
    seen: str,
    operation: str,
    content: str,
) -> Review:
    """Says for one's party whether a break-glass was justified. With the other's word the review is closed.

    `seen` is the digest of what the voter looked at.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `own-break-glass`; `not-a-party`.
        AbsentError: `review-unknown`.
        ConflictError: `review-early`, `review-changed`, `already-voted`.
        InvalidInputError: `reason-missing`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.REVIEW_BREAK_GLASS
    )
    review = find_review(tx, GrantId(case.id))
    check_reason(reason, "a review")
    accounts = accounts_of(tx, signer.id)
    _check_reviewer(review, signer, accounts)
    _check_once(review, signer, accounts)
    _check_time(case, review, seen)
    event = BreakGlassReviewed(
        grant=review.id,
        review=seen,
        organization=signer.organization,
        voter=signer.id,
        finding=finding,
        reason=reason,
    )
    tx.append(kept.require_agreement(tx).origin, REVIEWED.draft(event, act=signed.envelope()))
    return find_review(tx, review.id)


def find_review(records: Records, grant: GrantId) -> Review:
    """Returns the review of a break-glass.

    Raises:
        AbsentError: `review-unknown`.
    """
    found = records.get(REVIEWS, grant)
    if found is None:
        raise AbsentError(f"{grant[:64]!r} is no break-glass, so nobody owes a review of it", code="review-unknown")
    return found


def reviews(records: Records) -> Iterator[Review]:
    """Yields every review there ever was, oldest first."""
    return (review for _, review in records.scan(REVIEWS))


def _check_reviewer(review: Review, signer: Principal, accounts: frozenset[PrincipalId]) -> None:
    if signer.organization not in review.parties:
        raise RefusedError(
            f"{', '.join(review.parties)} review it, and {signer.id} is of {signer.organization}",
            code="not-a-party",
            clause=f"review:{review.id}",
        )
    if not accounts.isdisjoint(review.recused):
        raise RefusedError(
            f"{signer.id} had a hand in the opening; another person reviews it",
            code="own-break-glass",
            clause=f"review:{review.id}",
        )


def _check_time(case: GrantCase, review: Review, seen: str) -> None:
    if case.ended_at is None:
        raise ConflictError(
            f"break-glass {case.id} is {case.state}: it is reviewed when it is over", code="review-early"
        )
    if seen != review_digest(case, review):
        raise ConflictError(
            f"review {review.id} is not what was looked at", code="review-changed", remedy="look again, then vote"
        )


def _check_once(review: Review, signer: Principal, accounts: frozenset[PrincipalId]) -> None:
    if signer.organization not in review.missing:
        raise ConflictError(f"{signer.organization} has voted on review {review.id}", code="already-voted")
    if any(vote.voter in accounts for vote in review.votes):
        told = f"{signer.id} has voted on review {review.id}, for the other party"
        raise ConflictError(told, code="already-voted", remedy=f"another person of {signer.organization} reviews it")


def _other(agreement: Agreement, organization: OrganizationId) -> OrganizationId:
    return agreement.partner if organization == agreement.provider else agreement.provider
