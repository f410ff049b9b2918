"""The entry of a decided turn of tool calls, and what it leaves: how often each playbook allowed one this hour."""

from collections.abc import Mapping

import msgspec

from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.instants import HOUR, Instant
from safeconduct.kernel.ports import Collection, Projection, Records, State
from safeconduct.ledger.events import EventType


class TurnJudged(msgspec.Struct, frozen=True, kw_only=True):
    """What the sinks said of a call's turn. Sealed: `tool_calls`, what was proposed and why each was decided so.

    `sinks` counts its tool calls by VERDICT:EFFECT, `codes` by why; `playbooks` says how many each of them allowed.
    `allowed` and `asked` are the digests of the attempts that may be made, or may when `approval` is given.
    """

    call: str
    principal: str
    path: str
    path_digest: str
    sinks: Mapping[str, int]
    codes: Mapping[str, int]
    playbooks: Mapping[str, int]
    allowed: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    approval: str = ""


class Uses(msgspec.Struct, frozen=True):
    """When a playbook allowed a call, within the last hour, oldest first."""

    at: tuple[Instant, ...] = ()


TURN_JUDGED = EventType("gateway.turn.judged/1", TurnJudged, Retention.CALL)
PLAYBOOK_USES = Collection("playbook-uses", Uses)  # at the playbook's id

CAME = Collection("decided-attempts", str)  # at an attempt's digest: the approval that it needs, empty where none


def uses_of(records: Records, playbook: str, now: Instant) -> int:
    """Returns how often a playbook allowed a call within the last hour."""
    return len(_recent(records, playbook, now))


def _recent(records: Records, playbook: str, now: Instant) -> tuple[Instant, ...]:
    found = records.get(PLAYBOOK_USES, playbook) or Uses()
    return tuple(at for at in found.at if at > now - HOUR)


def _judged(state: State, entry: Entry) -> None:
    event = TURN_JUDGED.read(entry)
    for sought in event.asked:
        if state.get(CAME, sought) != "":
            state.put(CAME, sought, event.approval)
    for sought in event.allowed:
        state.put(CAME, sought, "")
    for playbook, count in event.playbooks.items():
        at = (*_recent(state, playbook, entry.at), *[entry.at] * count)
        state.put(PLAYBOOK_USES, playbook, Uses(at))


PROJECTIONS: Mapping[str, Projection] = {TURN_JUDGED.name: _judged}
