"""How much actions may do: within an hour, at once, and all kinds together."""

from safeconduct.access import records as kept
from safeconduct.access.model.rules import ResponseRule
from safeconduct.kernel.errors import ConflictError, LimitedError, RefusedError
from safeconduct.kernel.instants import HOUR, Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.soc.actions.edl import active
from safeconduct.soc.actions.keeping import RUNS, TARGETS
from safeconduct.soc.actions.kinds import KINDS
from safeconduct.soc.actions.model import Action
from safeconduct.soc.actions.states import HELD, OPEN, ActionState


def rule_of(records: Records, kind: str) -> ResponseRule:
    """Returns the bounds on a kind.

    Raises:
        RefusedError: `no-response-rule`.
    """
    rule = records.get(kept.RESPONSE_RULES, kind)
    if rule is None:
        raise RefusedError(
            f"the program in force has no bounds for {kind}, so it can't be done",
            code="no-response-rule",
            clause=f"responses.{kind}",
            remedy=f"write responses.{kind} into the program file",
        )
    return rule


def refuse_second(records: Records, kind: str, target: str) -> None:
    """Returns unless an action of the kind holds the target, or waits to.

    Raises:
        ConflictError: `already-blocked`, `already-proposed`.
    """
    held = records.get(TARGETS, f"{kind}/{target}")
    if held is None:
        return
    if held.state in HELD:
        raise ConflictError(f"{target} is held by action {held.id}", code="already-blocked")
    if held.state in OPEN:
        raise ConflictError(f"action {held.id} on {target} waits to be decided", code="already-proposed")


def refuse_over_limit(tx: Transaction, action: Action, rule: ResponseRule) -> None:
    """Returns if one more action stays within every bound.

    Raises:
        LimitedError: `response-rate`, `response-active`, `response-blast-radius`, `response-playbook-rate`.
    """
    _refuse_rate(tx, rule)
    _refuse_active(tx, rule)
    _refuse_blast(tx, action, rule)
    if action.playbook:
        _refuse_playbook(tx, rule)


def _refuse_rate(tx: Transaction, rule: ResponseRule) -> None:
    recent = sum(tx.now - run.at < HOUR for _, run in tx.scan(RUNS, f"{rule.kind}/"))
    if recent >= rule.rate_per_hour:
        raise LimitedError(
            f"{recent} actions ran within the hour; the program allows {rule.rate_per_hour}",
            code="response-rate",
            clause=f"responses.{rule.kind}.rate_per_hour",
            remedy="wait, or have the program changed",
        )


def _refuse_active(tx: Transaction, rule: ResponseRule) -> None:
    count = in_force(tx, rule.kind, tx.now)
    if count >= rule.active_max:
        raise LimitedError(
            f"{count} actions are in force; the program allows {rule.active_max}",
            code="response-active",
            clause=f"responses.{rule.kind}.active_max",
            remedy="roll one back first",
        )


def _refuse_blast(tx: Transaction, action: Action, rule: ResponseRule) -> None:
    # What already is held does not grow by a second action on it.
    held = _held(tx) | {_entity(action)}
    if rule.blast_radius is not None and len(held) > rule.blast_radius:
        raise LimitedError(
            f"with it, actions of all kinds hold {len(held)} targets; the program allows {rule.blast_radius}",
            code="response-blast-radius",
            clause=f"responses.{rule.kind}.blast_radius",
            remedy="roll one back first, of any kind",
        )


def _refuse_playbook(tx: Transaction, rule: ResponseRule) -> None:
    unasked = sum(tx.now - run.at < HOUR and not run.asked for _, run in tx.scan(RUNS, f"{rule.kind}/"))
    if rule.playbook is None or unasked >= rule.playbook.per_hour:
        raise LimitedError(
            f"the playbook that stands for the vote allowed {unasked} actions within the hour, or is gone",
            code="response-playbook-rate",
            clause=f"responses.{rule.kind}.playbook",
            remedy="propose it again when the hour is over; further proposals of now go to the vote",
        )


def playbook_left(tx: Transaction, rule: ResponseRule) -> bool:
    """Tells whether the kind's playbook has room for one more action now."""
    try:
        _refuse_playbook(tx, rule)
    except LimitedError:
        return False
    return True


def in_force(records: Records, kind: str, now: Instant) -> int:
    """Returns how many actions of a kind are in force, or may be."""
    if KINDS[kind].own:
        return sum(1 for _ in active(records, kind, now))
    return sum(holding(action) for _, action in records.scan(TARGETS, f"{kind}/"))


def _held(records: Records) -> set[str]:
    return {_entity(action) for _, action in records.scan(TARGETS) if holding(action) and KINDS[action.kind].holds}


def holding(action: Action) -> bool:
    """Tells whether an action may be in effect somewhere, or is about to be."""
    return action.state in HELD or action.state is ActionState.EXECUTING


def _entity(action: Action) -> str:
    # One host is one host, whether it is isolated or a webhook is called about it.
    form = KINDS[action.kind].form
    name = {"ip": "address", "user": "account"}
    if form == "entity":
        kind, _, value = action.target.partition(":")
        return f"{name.get(kind, kind)}:{value}"
    return f"{form}:{action.target}"
