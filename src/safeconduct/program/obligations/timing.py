"""What time does to duties: they begin with the program, warn before they are due, and lower the tier step by step.

Nothing that time brought is skipped, however late somebody looks: each warning and each step has its entry, in order.
"""

from safeconduct.access import records as kept
from safeconduct.kernel.effects import Timer
from safeconduct.kernel.ports import Transaction
from safeconduct.program.obligations.events import LOWERED, TAKEN, WARNED, DutyTaken, DutyWarned, TierLowered
from safeconduct.program.obligations.model import DUTIES, Action, Duty, Moment


def take(tx: Transaction, timer: Timer) -> None:
    """Has a duty follow what the program says of it; the timer that a change of the program set calls this.

    What is overdue by the program's new word is entered in the same transaction: a change gives no time back.
    """
    stated = tx.get(kept.OBLIGATIONS, timer.key)
    event = DutyTaken(name=timer.key, obligation=stated, since=timer.due_at)
    tx.append(kept.require_agreement(tx).origin, TAKEN.draft(event))
    pass_due(tx, timer.key)


def pass_due(tx: Transaction, name: str) -> None:
    """Enters every warning and every step of a duty whose time has come, oldest first; its timer calls this."""
    duty = tx.get(DUTIES, name)
    while duty is not None and duty.next is not None and duty.next.at <= tx.now:
        _enter(tx, duty, duty.next)
        duty = tx.get(DUTIES, name)


def _enter(tx: Transaction, duty: Duty, moment: Moment) -> None:
    owed, origin = duty.obligation, kept.require_agreement(tx).origin
    if moment.action is Action.LOWER and moment.tier is not None:
        lowered = TierLowered(
            obligation=owed.id,
            organization=owed.organization,
            owner=owed.owner,
            due_at=duty.due_at,
            days=moment.days,
            tier=moment.tier,
        )
        tx.append(origin, LOWERED.draft(lowered))
        return
    warned = DutyWarned(
        obligation=owed.id, organization=owed.organization, owner=owed.owner, due_at=duty.due_at, days=moment.days
    )
    tx.append(origin, WARNED.draft(warned))
