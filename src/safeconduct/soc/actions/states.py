"""Where a response action stands, and each step that leads from there, in one table."""

from collections.abc import Mapping
from enum import StrEnum


class ActionState(StrEnum):
    """Where an action stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXECUTING = "executing"
    DONE = "done"
    VERIFIED = "verified"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDO_FAILED = "undo-failed"
    ROLLED_BACK = "rolled-back"
    EXPIRED = "expired"


class Step(StrEnum):
    """What can happen to it."""

    APPROVE = "approve"  # the last vote needed, or a playbook
    REJECT = "reject"
    EXECUTE = "execute"  # the approval is used, the limits hold
    COMPLETE = "complete"  # it took effect at one point at least, so far as they say
    VERIFY = "verify"  # it was seen from outside, at every point
    FAIL = "fail"  # it was not seen, or not everywhere; or it could not be undone
    UNDO = "undo"  # its points are told to undo it
    ROLL_BACK = "roll-back"
    EXPIRE = "expire"  # time ran out: of the approval, or of the action


TRANSITIONS: Mapping[tuple[ActionState, Step], ActionState] = {
    (ActionState.PROPOSED, Step.APPROVE): ActionState.APPROVED,
    (ActionState.PROPOSED, Step.REJECT): ActionState.REJECTED,
    (ActionState.PROPOSED, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.APPROVED, Step.EXECUTE): ActionState.EXECUTING,
    (ActionState.APPROVED, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.EXECUTING, Step.COMPLETE): ActionState.DONE,
    (ActionState.EXECUTING, Step.FAIL): ActionState.FAILED,
    (ActionState.DONE, Step.VERIFY): ActionState.VERIFIED,
    (ActionState.DONE, Step.FAIL): ActionState.FAILED,
    (ActionState.DONE, Step.UNDO): ActionState.UNDOING,
    (ActionState.DONE, Step.ROLL_BACK): ActionState.ROLLED_BACK,
    (ActionState.DONE, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.VERIFIED, Step.UNDO): ActionState.UNDOING,
    (ActionState.VERIFIED, Step.ROLL_BACK): ActionState.ROLLED_BACK,
    (ActionState.VERIFIED, Step.EXPIRE): ActionState.EXPIRED,
    # What our probe could not see may still have taken effect: the way back stays open.
    (ActionState.FAILED, Step.UNDO): ActionState.UNDOING,
    (ActionState.FAILED, Step.ROLL_BACK): ActionState.ROLLED_BACK,
    (ActionState.FAILED, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.UNDOING, Step.ROLL_BACK): ActionState.ROLLED_BACK,
    (ActionState.UNDOING, Step.EXPIRE): ActionState.EXPIRED,
    (ActionState.UNDOING, Step.FAIL): ActionState.UNDO_FAILED,
    (ActionState.UNDO_FAILED, Step.UNDO): ActionState.UNDOING,
}
"""Every step there is. What is not in here is refused."""

OPEN = frozenset({ActionState.PROPOSED, ActionState.APPROVED, ActionState.EXECUTING})
"""Proposed and not done yet: a second proposal for the same target waits for these."""

HELD = frozenset(
    {ActionState.DONE, ActionState.VERIFIED, ActionState.FAILED, ActionState.UNDOING, ActionState.UNDO_FAILED}
)
"""It may be in effect somewhere."""

ENDED = frozenset({ActionState.REJECTED, ActionState.ROLLED_BACK, ActionState.EXPIRED})
"""Nothing more can happen to it."""
