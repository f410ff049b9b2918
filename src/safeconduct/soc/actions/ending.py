"""How an action ends: by hand, by its time, or because nothing of it was seen."""

from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import ActionId, PrincipalId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.actions import events
from safeconduct.soc.actions.model import Action, Why
from safeconduct.soc.actions.reading import find
from safeconduct.soc.actions.states import OPEN, TRANSITIONS, ActionState, Step

ENDS = {Why.BY_HAND: ActionState.ROLLED_BACK, Why.UNSEEN: ActionState.ROLLED_BACK, Why.EXPIRED: ActionState.EXPIRED}
"""Where an action that is undone ends, by why it is."""


def roll_back(tx: Transaction, signed: SignedAct, action_id: ActionId, *, operation: str, content: str) -> Action:
    """Undoes an action. Needs no approval and waits for nobody: its points are told after the commit.

    Raises:
        AbsentError: no such action.
        UnauthenticatedError, RefusedError: the signer may not.
        ConflictError: it is not in effect, or is carried out at this moment.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.ROLL_BACK_RESPONSE
    )
    return undo(tx, find(tx, action_id), Why.BY_HAND, signer.id, signed)


def expire(tx: Transaction, action_id: ActionId) -> Action:
    """Ends an action, or a proposal, whose time ran out. Its timer calls this; one that ended already stays as it is.

    An undo that failed is tried again; why it is undone stays what it was.

    Raises:
        AbsentError: no such action.
        ConflictError: its time has not run out.
    """
    action = find(tx, action_id)
    if tx.now < action.expires_at:
        raise ConflictError(f"action {action_id} lasts until {rfc3339(action.expires_at)}", code="action-in-force")
    if action.state in OPEN and (action.state, Step.EXPIRE) in TRANSITIONS:
        tx.append(action.origin, events.EXPIRED.draft(events.Expired(action=action.id), subject=action.incident))
        return find(tx, action_id)
    if (action.state, Step.UNDO) not in TRANSITIONS:
        return action
    return undo(tx, action, action.why or Why.EXPIRED)


def undo(
    tx: Transaction, action: Action, why: Why, by: PrincipalId = events.ITSELF, signed: SignedAct | None = None
) -> Action:
    """Undoes an action: our own list at once, points after the commit; what reached no point has ended with this.

    Raises:
        ConflictError: its state does not allow it.
    """
    action.step(Step.UNDO)
    act = signed.envelope() if signed else None
    if action.points and action.reached:
        undoing = events.Undoing(action=action.id, by=by, why=why, ends=ENDS[why])
        tx.append(action.origin, events.UNDOING.draft(undoing, subject=action.incident, act=act))
    elif ENDS[why] is ActionState.EXPIRED:
        expired = events.Expired(action=action.id)
        tx.append(action.origin, events.EXPIRED.draft(expired, subject=action.incident))
    else:
        rolled_back = events.RolledBack(action=action.id, by=by, why=why)
        tx.append(action.origin, events.ROLLED_BACK.draft(rolled_back, subject=action.incident, act=act))
    return find(tx, action.id)
