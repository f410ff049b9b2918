"""What watch may have done here: restrict and freeze one grant or principal, as the program's ladder says, and lift it.

The right is stated: the service that the ladder names acts, and only by an action that a step of it has.
docs/spec/escalation.md section 3.
"""

from safeconduct.access import records as kept
from safeconduct.access.escalation import Act, Ladder, SignalKind, Step
from safeconduct.access.freeze_events import FREEZE_STARTED, FreezeStarted
from safeconduct.access.model.parties import PrincipalKind
from safeconduct.access.model.stops import RestrictionKind, Selection, Selector
from safeconduct.access.restriction_events import LIFTED, SET, RestrictionLifted, RestrictionSet
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import MINUTE, Instant
from safeconduct.kernel.ports import Records, Transaction

RESTRICTS = {
    Act.SLOW: RestrictionKind.SLOW,
    Act.WEAKER: RestrictionKind.WEAKER,
    Act.HOLD: RestrictionKind.HOLD,
    Act.SUSPEND: RestrictionKind.SUSPEND,
}


def ladder_of(records: Records, signal: SignalKind) -> Ladder | None:
    """Returns what the program in force says follows a signal; None where it says nothing."""
    return records.get(kept.ESCALATION, signal)


def restrict_as_stated(tx: Transaction, ladder: Ladder, step: Step, selector: Selector, reason: str) -> EntryId:
    """Restricts in this transaction, and returns the restriction's id.

    Raises:
        RefusedError: `watch-not-allowed`: the ladder in force does not say so, or its service is gone.
    """
    _require_stated(tx, ladder, step)
    event = RestrictionSet(
        selector=selector, kind=RESTRICTS[step.action], slow_ms=step.slow_ms, by=ladder.by, reason=reason
    )
    return tx.append(kept.require_agreement(tx).origin, SET.draft(event)).id


def freeze_as_stated(tx: Transaction, ladder: Ladder, step: Step, selector: Selector, reason: str) -> EntryId:
    """Freezes in this transaction, for the step's owner to review; a freeze waits for nothing. Returns its id.

    Raises:
        RefusedError: as `restrict_as_stated`.
    """
    _require_stated(tx, ladder, step)
    event = FreezeStarted(
        selector=Selection((selector,)),
        by=ladder.by,
        reason=reason,
        ends_at=None,
        review_by=Instant(tx.now + step.due_minutes * MINUTE),
        owner=step.owner,
        revokes=(),
    )
    return tx.append(kept.require_agreement(tx).origin, FREEZE_STARTED.draft(event)).id


def lift_as_decided(tx: Transaction, restriction_id: EntryId, by: str) -> bool:
    """Lifts a restriction that watch set, on a person's decision of its case; tells whether it was there still.

    `by` is the service that set it. One that a person set, or set anew, stays.
    """
    found = tx.get(kept.RESTRICTIONS, restriction_id)
    if found is None or found.by != by:
        return False
    tx.append(kept.require_agreement(tx).origin, LIFTED.draft(RestrictionLifted(restriction=found.id, by=found.by)))
    return True


def _require_stated(tx: Transaction, ladder: Ladder, step: Step) -> None:
    stated, service = ladder_of(tx, ladder.signal), tx.get(kept.PRINCIPALS, ladder.by)
    held = service is not None and service.kind is PrincipalKind.SERVICE
    if stated is None or stated.by != ladder.by or step not in stated.steps or not held:
        raise RefusedError(
            f"the program in force does not have {ladder.by} {step.action} for {ladder.signal}",
            code="watch-not-allowed",
            clause=f"escalation.{ladder.signal}",
            remedy="the next step is taken by the ladder in force",
        )
