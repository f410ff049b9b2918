"""What people see of the events that a hunt found: for each when, where from, and a line of what it is."""

from collections.abc import Sequence
from typing import Any

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.hunts.columns import COLUMNS, column_value
from safeconduct.soc.model import Event
from safeconduct.soc.ports import EventStore
from safeconduct.soc.wording import shown

SHOWN_MAX = 20
"""Events of an answer that are told in a line each: what fits a screen. Ids of all stand beside them."""

TELLING = (
    "api",
    "command",
    "process",
    "method",
    "url",
    "query",
    "file",
    "user",
    "src_ip",
    "dst_ip",
    "dst_port",
    "host",
)
"""Columns that tell what an event is, the most telling first."""

VALUES_MAX = 4
"""Values of one event in its line: with a long command the width of a screen."""


def in_lines(store: EventStore, events: Sequence[EventId]) -> list[dict[str, Any]]:
    """Returns id, time, source and a line of what it is, of the first `SHOWN_MAX` events that are stored."""
    found = store.many(events[:SHOWN_MAX]).values()
    return [{"id": one.id, "time": rfc3339(one.at), "source": one.source, "what": line_of(one)} for one in found]


def line_of(event: Event) -> str:
    """Returns what an event is in a line: its most telling columns by name, values escaped and cut."""
    held = ((name, column_value(event, COLUMNS[name])) for name in TELLING)
    told = [f"{name} {shown(value)}" for name, value in held if value not in (None, "")]
    return ", ".join(told[:VALUES_MAX])
