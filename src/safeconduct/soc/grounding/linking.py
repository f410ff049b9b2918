"""Rule 4: the entities at two fields are one by their normal form; a parent is one by pid, host and time."""

import re

from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.instants import SECOND
from safeconduct.soc.claims import TIME_POINTER, Claim
from safeconduct.soc.entities import HOST_PLACES, mentions
from safeconduct.soc.grounding.model import Context, broken
from safeconduct.soc.model import EntityKind, Event
from safeconduct.soc.predicates import Consequence, Relation, Tie
from safeconduct.soc.quotes import quote_at

PROCESS_LIFE_S = 86_400
"""Seconds within which a process id on a host means one process. Ids are reused; nothing in the events says when."""

PID_POINTER = "/ocsf/process/pid"
PARENT_PID_POINTER = "/ocsf/process/parent_process/pid"

PARENTS = {
    PID_POINTER: PARENT_PID_POINTER,
    "/ocsf/process/uid": "/ocsf/process/parent_process/uid",
    "/raw/ProcessGuid": "/raw/ParentProcessGuid",
    "/raw/Event/EventData/ProcessGuid": "/raw/Event/EventData/ParentProcessGuid",
}
"""Where an event names its process, and where another names that as the parent of its own."""

ALONE = {
    Tie.USER: re.compile(r"S-1-5-21-.+|arn:.+"),
    Tie.PROCESS: re.compile(r"[^@]+"),
    Tie.PARENT: re.compile(r"[^@]+"),
}
"""Normal forms that are one thing everywhere and at all times: SIDs of a domain, ARNs, GUIDs of processes."""

_NEEDS_HOST = frozenset({Tie.USER, Tie.PROCESS, Tie.PARENT, Tie.SESSION})
_NEEDS_TIME = frozenset({Tie.PROCESS, Tie.PARENT})


def linked(claim: Claim, context: Context) -> Reason | None:
    """Rule 4: the entities are the same by their normal form; a parent is one by pid, host and time."""
    predicate = claim.predicate.edge if isinstance(claim.predicate, Consequence) else claim.predicate
    if not isinstance(predicate, Relation):
        return None
    left, right = context.events[predicate.left.event], context.events[predicate.right.event]
    if left.id == right.id:
        return broken(4, "same-event", "an event has no relation to itself")
    if predicate.tie is Tie.PARENT and PARENTS.get(predicate.left.pointer) != predicate.right.pointer:
        return broken(4, "no-pid-cited", f"a parent is cited at {PID_POINTER}, its child at {PARENT_PID_POINTER}")
    kind = EntityKind.PROCESS if predicate.tie is Tie.PARENT else EntityKind(predicate.tie)
    shared = _entities(left, predicate.left.pointer, kind) & _entities(right, predicate.right.pointer, kind)
    if not shared:
        return broken(4, "not-the-same", f"the two fields do not name the same {kind.value}")
    alone = ALONE.get(predicate.tie)
    if alone is not None and any(alone.fullmatch(value) for value in shared):
        return None
    return _supported(predicate, left, right) or _alive(predicate, left, right, context)


def _entities(event: Event, pointer: str, kind: EntityKind) -> frozenset[str]:
    return frozenset(one.entity.value for one in mentions(event) if one.pointer == pointer and one.entity.kind is kind)


def support_pointers(tie: Tie, event: Event) -> tuple[str, ...] | None:
    """Returns the further fields of an event that such a relation rests on, or None if it has no host and needs one."""
    host = next((pointer for pointer in HOST_PLACES if quote_at(event, pointer) is not None), None)
    if tie in _NEEDS_HOST and host is None:
        return None
    hosts = (host,) if host and tie in _NEEDS_HOST else ()
    return (*hosts, TIME_POINTER) if tie in _NEEDS_TIME else hosts


def _supported(predicate: Relation, left: Event, right: Event) -> Reason | None:
    cited = {(piece.event, piece.pointer) for piece in predicate.support}
    for event in (left, right):
        needed = support_pointers(predicate.tie, event)
        if needed is None:
            return broken(4, "host-unknown", f"a {predicate.tie.value} is only one on a host, and an event names none")
        if any((event.id, pointer) not in cited for pointer in needed):
            return broken(4, "support-missing", f"the relation also rests on {', '.join(needed)} of both events")
    return None


def _alive(predicate: Relation, left: Event, right: Event, context: Context) -> Reason | None:
    if predicate.tie not in _NEEDS_TIME:
        return None
    if abs(left.at - right.at) > PROCESS_LIFE_S * SECOND:
        return broken(4, "pid-too-old", f"a process id is not trusted for longer than {PROCESS_LIFE_S} s")
    if predicate.tie is Tie.PROCESS:
        return None
    if left.at > right.at:
        return broken(4, "parent-after-child", "the parent's event is later than the child's")
    nearer = any(
        left.at < other.at <= right.at and other.source == left.source and _same_pid(left, other)
        for other in context.events.values()
        if other.id not in (left.id, right.id)
    )
    return (
        broken(4, "nearer-parent", "the parent's process id was used again before the child started")
        if nearer
        else None
    )


def _same_pid(one: Event, other: Event) -> bool:
    return bool(_entities(one, PID_POINTER, EntityKind.PROCESS) & _entities(other, PID_POINTER, EntityKind.PROCESS))
