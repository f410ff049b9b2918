"""Freezing stops at once and waits for nothing. A freeze ends when both parties say so, or as was said at its start.

docs/spec/freeze.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act, require
from safeconduct.access.catalogue import SealedModel
from safeconduct.access.due import Due, principal_owner
from safeconduct.access.freeze_events import (
    FREEZE_EXPIRED,
    FREEZE_REVIEWED,
    FREEZE_STARTED,
    FreezeExpired,
    FreezeReviewed,
    FreezeStarted,
)
from safeconduct.access.freeze_preview import cuts_everybody, preview
from safeconduct.access.model.calls import CallFacts
from safeconduct.access.model.changes import Pending, RequestKind
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.model.stops import Freeze, Selection
from safeconduct.access.reasons import check_reason
from safeconduct.access.selectable import check_selected
from safeconduct.access.upstream_keys import keyed_upstreams
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import FreezeId, GrantId, PrincipalId
from safeconduct.kernel.instants import DAY, Duration, Instant, rfc3339
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct

FREEZE_MAX = Duration(30 * DAY)
"""How long a freeze may be that ends by itself: whoever knows by then that it may end later asks the other party."""

REVIEW_MAX = Duration(92 * DAY)
"""When a review of a freeze may be due at the latest: a quarter, after which nobody remembers why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeOrder:
    """What is to be frozen, and how. `ends_at` and `review_by` are None where it has no end of its own and no review.

    What would cut everybody says so: by `everybody`, or by the digest of the preview that was seen. With
    `revoke_upstream` the key that the selector names is also revoked at its vendor, which no unfreezing undoes.
    """

    selector: Selection
    reason: str
    everybody: bool = False
    seen: str = ""
    ends_at: Instant | None = None
    review_by: Instant | None = None
    owner: PrincipalId | None = None
    revoke_upstream: bool = False


def freeze(tx: Transaction, signed: SignedAct, order: FreezeOrder, *, operation: str, content: str) -> Freeze:
    """Freezes what the selector selects, in this transaction. Waits for nothing.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `freeze-cuts-everybody`.
        AbsentError: `nothing-to-freeze`: there is nothing of that name, so nothing would stop; `principal-unknown`.
        InvalidInputError: no reason, or too long a one; `freeze-end-invalid`, `review-invalid`, `revocation-unnamed`.
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.FREEZE)
    check_selected(tx, order.selector)
    check_reason(order.reason, "a freeze")
    _check_times(tx, order)
    if not order.everybody:
        _check_seen(tx, order)
    event = FreezeStarted(
        selector=order.selector,
        by=signer.id,
        reason=order.reason,
        ends_at=order.ends_at,
        review_by=order.review_by,
        owner=(order.owner or signer.id) if order.review_by is not None else None,
        revokes=keyed_upstreams(tx, order.selector) if order.revoke_upstream else (),
    )
    entry = tx.append(kept.require_agreement(tx).origin, FREEZE_STARTED.draft(event, act=signed.envelope()))
    return find_freeze(tx, FreezeId(entry.id))


def expire(tx: Transaction, freeze_id: FreezeId) -> None:
    """Ends a freeze whose stated end has come. Its timer calls this.

    Raises:
        AbsentError: `freeze-unknown`.
        ConflictError: `freeze-open`: it is not due.
    """
    found = find_freeze(tx, freeze_id)
    if found.ends_at is None or tx.now < found.ends_at:
        raise ConflictError(f"freeze {found.id} is not due to end", code="freeze-open")
    tx.append(kept.require_agreement(tx).origin, FREEZE_EXPIRED.draft(FreezeExpired(freeze=found.id)))


def review_freeze(
    tx: Transaction,
    signed: SignedAct,
    freeze_id: FreezeId,
    reason: str,
    review_by: Instant,
    *,
    operation: str,
    content: str,
) -> Freeze:
    """Leaves a freeze in force, and says why and when somebody looks again: by its owner, or by who may unfreeze.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `freeze-unknown`.
        InvalidInputError: `reason-missing`, `review-invalid`.
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.FREEZE)
    found = find_freeze(tx, freeze_id)
    if signer.id != found.owner:
        require(signer, Capability.UNFREEZE)
    check_reason(reason, "a review")
    _check_between(tx.now, review_by, REVIEW_MAX, "review-invalid", "a review is due")
    event = FreezeReviewed(freeze=found.id, by=signer.id, reason=reason, review_by=review_by)
    tx.append(kept.require_agreement(tx).origin, FREEZE_REVIEWED.draft(event, act=signed.envelope()))
    return find_freeze(tx, found.id)


def find_freeze(records: Records, freeze_id: FreezeId) -> Freeze:
    """Returns a freeze in force.

    Raises:
        AbsentError: `freeze-unknown`.
    """
    found = records.get(kept.FREEZES, freeze_id)
    if found is None:
        raise AbsentError(f"no freeze {freeze_id[:64]!r} is in force", code="freeze-unknown")
    return found


def freezes(records: Records) -> tuple[Freeze, ...]:
    """Returns the freezes in force, oldest first."""
    return tuple(freeze for _, freeze in records.scan(kept.FREEZES))


def due(records: Records, _now: Instant) -> Iterator[Due]:
    """Yields the reviews of freezes that are owed, and the ends that were stated at their start."""
    for one in freezes(records):
        if one.review_by is not None:
            what = "it stays frozen, and nobody has said that it still should"
            yield _due(one, "freeze-review", one.review_by, one.owner or one.by, what)
        if one.ends_at is not None:
            yield _due(one, "freeze", one.ends_at, one.by, f"{one.selector} passes again")


def _due(one: Freeze, kind: str, at: Instant, owner: PrincipalId, what: str) -> Due:
    who, look = principal_owner(owner), "safeconduct unfreeze"
    return Due(kind=kind, name=one.id, at=at, owner=who, consequence=what, since=one.at, look=look)


def overdue_reviews(records: Records, now: Instant) -> int:
    """Returns how many freezes somebody should have looked at by now."""
    return sum(1 for one in freezes(records) if one.review_by is not None and one.review_by <= now)


def pending(records: Records, kind: RequestKind | None = None) -> tuple[Pending, ...]:
    """Returns what waits for the partner, oldest first."""
    return tuple(one for _, one in records.scan(kept.PENDING) if kind in (None, one.kind))


def call_facts(
    principal: Principal, path: SealedPath, grant: GrantId, *, model: SealedModel | None = None, approval: str = ""
) -> CallFacts:
    """Returns what can end a call for a model. `approval` is the key of the approval that the model needs."""
    return CallFacts(
        principal=principal.id,
        organization=principal.organization,
        path=path.id,
        grant=grant,
        agreement=path.agreement,
        tier=model.tier if model else 0,
        approval=approval,
        models=model.names if model else (),
    )


def _check_times(tx: Transaction, order: FreezeOrder) -> None:
    if order.ends_at is not None:
        _check_between(tx.now, order.ends_at, FREEZE_MAX, "freeze-end-invalid", "a freeze that ends by itself ends")
    if order.review_by is not None:
        _check_between(tx.now, order.review_by, REVIEW_MAX, "review-invalid", "a review is due")
    if order.owner is not None and order.review_by is None:
        raise InvalidInputError("an owner owns a review: say when it is due, too", code="review-invalid")
    if order.owner is not None and tx.get(kept.PRINCIPALS, order.owner) is None:
        raise AbsentError(f"no principal {order.owner!r}", code="principal-unknown")


def _check_between(now: Instant, at: Instant, most: Duration, code: str, what: str) -> None:
    if not now < at <= now + most:
        told = f"{what} within {most // DAY} days from now, not at {rfc3339(at)}"
        raise InvalidInputError(told, code=code)


def _check_seen(tx: Transaction, order: FreezeOrder) -> None:
    if not cuts_everybody(tx, order.selector):
        return
    if order.seen and order.seen == preview(tx, order.selector).digest:
        return
    raise RefusedError(
        f"{order.selector} selects every call there may be, so nobody could go on",
        code="freeze-cuts-everybody",
        clause=f"freeze:{order.selector}",
        remedy=f"look first: safeconduct freeze '{order.selector}' --dry-run; then the same with --everybody, or name "
        "fewer",
    )
