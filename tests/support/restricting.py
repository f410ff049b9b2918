"""Commands that set and lift restrictions, signed."""

from safeconduct.access.model.stops import RestrictionKind
from safeconduct.access.restrictions import lift, restrict
from safeconduct.access.selectors import parse_selector
from support.programs import signed

SET = "POST /api/v1/restrictions/set"


def setting(selector, kind, *, by="ops", slow_ms=0, reason="odd calls", now):
    act = signed(by, SET, f"{selector} {kind}".encode(), now)
    return lambda tx: restrict(
        tx,
        act,
        operation=SET,
        content=act.act.content,
        selector=parse_selector(selector),
        kind=RestrictionKind(kind),
        slow_ms=slow_ms,
        reason=reason,
    )


def lifting(restriction_id, *, by="ops", now):
    operation = f"POST /api/v1/restrictions/{restriction_id}/lift"
    act = signed(by, operation, b"", now)
    return lambda tx: lift(tx, act, operation=operation, content=act.act.content, restriction_id=restriction_id)
