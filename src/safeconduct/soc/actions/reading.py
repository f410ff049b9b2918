"""Actions as they are looked up."""

from collections.abc import Iterator

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import ActionId
from safeconduct.kernel.ports import Records
from safeconduct.soc.actions.keeping import ACTIONS
from safeconduct.soc.actions.kinds import KINDS
from safeconduct.soc.actions.model import Action


def find(records: Records, action_id: ActionId) -> Action:
    """Returns an action.

    Raises:
        AbsentError: there is none.
    """
    found = records.get(ACTIONS, action_id)
    if found is None:
        raise unknown_action(action_id)
    return found


def begun_actions(records: Records, beginning: str) -> Iterator[Action]:
    """Yields the actions whose ids begin so, oldest first."""
    return (action for _, action in records.scan(ACTIONS, beginning))


def unknown_action(action_id: str) -> AbsentError:
    """Returns the one answer about an action that is not there, and about one that is not the reader's."""
    return AbsentError(
        f"no action {action_id[:64]!r}", code="action-unknown", remedy="safeconduct action list shows them"
    )


def actions(records: Records) -> Iterator[Action]:
    """Yields every action, oldest first."""
    return (action for _, action in records.scan(ACTIONS))


def voters(records: Records, action: Action) -> tuple[approvals.Group, ...]:
    """Returns the groups that vote on an action; where a playbook stood for the vote, those that would have."""
    if action.approval:
        return approvals.find(records, action.approval).proposal.groups
    return groups_for(records, action.kind)


def groups_for(records: Records, kind: str) -> tuple[approvals.Group, ...]:
    """Returns the groups that must approve actions of a kind, by its risk."""
    rule = records.get(kept.APPROVAL_RULES, KINDS[kind].risk)
    return rule.groups if rule else ()
