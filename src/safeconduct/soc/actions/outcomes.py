"""What became of work outside. Each use case ends one effect with an entry; the same reported again changes nothing."""

from collections.abc import Sequence

from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.ids import ActionId, EntryId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.soc.actions import events
from safeconduct.soc.actions.edl import ADDRESSES
from safeconduct.soc.actions.ending import ENDS, undo
from safeconduct.soc.actions.keeping import CARRY_OUT, PREPARE, TARGETS, UNDO, VERIFY
from safeconduct.soc.actions.limits import holding
from safeconduct.soc.actions.model import Action, PointReport, PointState, Presence, Why
from safeconduct.soc.actions.reading import find
from safeconduct.soc.actions.states import ActionState

Reports = Sequence[PointReport]

AS_EXPECTED = "as-expected"
"""The detail of a look that found what it should."""

PARTLY = "partly"
"""The detail of a look that found it at some points and not at others."""


def record_prepared(tx: Transaction, effect: EntryId, action_id: ActionId, reports: Reports) -> Action:
    """Records how each point stands before anything is changed. Where none is ready, the action failed.

    One whose time ran out meanwhile is not begun.

    Raises:
        AbsentError: no such action.
    """
    action = find(tx, action_id)
    if not _ordered(tx, effect, PREPARE):
        return action
    event = events.Reported(action=action.id, effect=effect, points=tuple(reports))
    if tx.now < action.expires_at and any(one.state is PointState.READY for one in reports):
        tx.append(action.origin, events.PREPARED.draft(event, subject=action.incident))
        return find(tx, action_id)
    return _not_done(tx, action, effect, reports)


def record_carried_out(tx: Transaction, effect: EntryId, action_id: ActionId, reports: Reports) -> Action:
    """Records what each point said. Where all of them refused, the action failed, and there is nothing to undo.

    Raises:
        AbsentError: no such action.
    """
    action = find(tx, action_id)
    if not _ordered(tx, effect, CARRY_OUT):
        return action
    if all(one.state is PointState.REFUSED for one in reports):
        return _not_done(tx, action, effect, reports)
    done = events.Done(action=action.id, until=action.expires_at, effect=effect, points=tuple(reports))
    tx.append(action.origin, events.DONE.draft(done, subject=action.incident))
    return find(tx, action_id)


def record_look(tx: Transaction, effect: EntryId, action_id: ActionId, expect: Presence, reports: Reports) -> Action:
    """Records what a look from outside showed, at our list or at the points that were reached.

    A look for an effect that was overtaken by its end says nothing about the action any more. What was looked for at
    every point and is at none is undone: nothing is left that nobody sees. What could not be looked at stays.

    Raises:
        AbsentError: no such action.
    """
    action = find(tx, action_id)
    if not _ordered(tx, effect, VERIFY):
        return action
    problem = _problem(_wanted(action, reports, expect), expect)
    event = events.Probed(
        action=action.id, effect=effect, expect=expect, detail=problem or AS_EXPECTED, points=tuple(reports)
    )
    kind = events.FAILED if problem else events.VERIFIED
    kind = events.SUPERSEDED if _overtaken(tx, action, expect) else kind
    tx.append(action.origin, kind.draft(event, subject=action.incident))
    if kind is events.FAILED and expect is Presence.PRESENT and _nowhere(reports):
        return undo(tx, find(tx, action_id), Why.UNSEEN)
    return find(tx, action_id)


def record_undone(tx: Transaction, effect: EntryId, action_id: ActionId, reports: Reports) -> Action:
    """Records that the points undid it. Where one did not, the undo failed and is tried again.

    Raises:
        AbsentError: no such action.
    """
    action = find(tx, action_id)
    if not _ordered(tx, effect, UNDO):
        return action
    points, why = tuple(reports), action.why or Why.BY_HAND
    if any(one.state is not PointState.UNDONE for one in reports):
        failed = events.Reported(action=action.id, effect=effect, points=points)
        tx.append(action.origin, events.UNDO_FAILED.draft(failed, subject=action.incident))
    elif ENDS[why] is ActionState.EXPIRED:
        expired = events.Expired(action=action.id, effect=effect, points=points)
        tx.append(action.origin, events.EXPIRED.draft(expired, subject=action.incident))
    else:
        back = events.RolledBack(action=action.id, by=events.ITSELF, why=why, effect=effect, points=points)
        tx.append(action.origin, events.ROLLED_BACK.draft(back, subject=action.incident))
    return find(tx, action_id)


def _wanted(action: Action, reports: Reports, expect: Presence) -> Reports:
    # A point that refused has nothing to be seen, and is part of what was wanted.
    missing = [one for one in action.reports if one.state is PointState.REFUSED]
    return [*missing, *reports] if expect is Presence.PRESENT else reports


def _problem(reports: Reports, expect: Presence) -> str:
    """Returns what a look found wrong: the first point's own code, or that they differ."""
    expected = PointState.SEEN if expect is Presence.PRESENT else PointState.UNDONE
    wrong = [one for one in reports if one.state is not expected]
    if not wrong:
        return ""
    return wrong[0].detail if len(wrong) == len(reports) else PARTLY


def _not_done(tx: Transaction, action: Action, effect: EntryId, reports: Reports) -> Action:
    event = events.Reported(action=action.id, effect=effect, points=_refused(reports))
    tx.append(action.origin, events.NOT_DONE.draft(event, subject=action.incident))
    return undo(tx, find(tx, action.id), Why.UNSEEN)


def _refused(reports: Reports) -> tuple[PointReport, ...]:
    # Nothing was changed where nothing was begun, whatever a point said before.
    return tuple(
        PointReport(point=one.point, state=PointState.REFUSED, detail=one.detail or "too-late", before=one.before)
        for one in reports
    )


def _ordered(tx: Records, effect: EntryId, kind: str) -> bool:
    return tx.get(OUTBOX, f"{effect}/{kind}") is not None


def _overtaken(tx: Records, action: Action, expect: Presence) -> bool:
    if expect is Presence.PRESENT:
        return action.state is not ActionState.DONE
    # Another action listed the target since, or took effect at its points.
    key = f"{action.kind}/{action.target}"
    later = tx.get(TARGETS, key)
    return tx.get(ADDRESSES, key) is not None or (later is not None and later.id != action.id and holding(later))


def _nowhere(reports: Reports) -> bool:
    return bool(reports) and all(one.state is PointState.UNSEEN for one in reports)
