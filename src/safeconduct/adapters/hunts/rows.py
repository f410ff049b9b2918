"""An event as a row of a segment."""

from ipaddress import ip_address
from typing import Any

from safeconduct.adapters.hunts.rule_fields import rule_texts, stream_text
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.hunts.columns import COLUMNS, column_value, folded, values_below, whole_number
from safeconduct.soc.hunts.model import ADDRESSES
from safeconduct.soc.model import Event

SCHEMA_VERSION = 2
"""Of the rows below. Segments of another version are made again."""

SCHEMA: dict[str, str] = {
    "arrived": "int64",
    "at": "int64",
    "key": "string",
    "source": "string",
    **{name: "int64" if column.whole else "string" for name, column in COLUMNS.items()},
    **{f"{name}_key": "string" for name in sorted(ADDRESSES)},
    "fields": "map<string, array<string>>",
    "stream": "string",
    "places": "map<string, array<string>>",
}
"""Column -> type, in Ibis's words. Texts are as hunts compare them; `fields` has every value by its pointer.

`arrived` is the event's number in its index; `stream` and `places` are what rules go by; see `rule_fields`.
"""

_TIME_DIGITS = 16
_EARLIEST = 2**63
_KEY_DIGITS = {4: 8, 6: 32}


def row_of(number: int, event: Event) -> dict[str, Any]:
    """Returns the row of the event that arrived as this number."""
    row: dict[str, Any] = {"arrived": number, "at": event.at, "key": sort_key(event.at, event.id)}
    row["source"] = event.source
    for name, column in COLUMNS.items():
        value = column_value(event, column)
        row[name] = whole_number(value) if column.whole else None if value is None else folded(value)
    for name in ADDRESSES:
        row[f"{name}_key"] = None if row[name] is None else address_key(row[name])
    row["fields"] = {at: [folded(one) for one in values] for at, values in values_below(event).items()}
    row["stream"], row["places"] = stream_text(event), rule_texts(event)
    return row


def sort_key(at: Instant, event_id: EventId) -> str:
    """Returns one text for time and id, which sorts as (time, id) does."""
    return f"{at + _EARLIEST:0{_TIME_DIGITS}x}{event_id}"


def from_sort_key(key: str) -> tuple[Instant, EventId]:
    """Returns the time and the id of a sort key."""
    return Instant(int(key[:_TIME_DIGITS], 16) - _EARLIEST), EventId(key[_TIME_DIGITS:])


def address_key(text: str) -> str | None:
    """Returns an address as a text that sorts as addresses do, each version for itself; None if it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return f"{address.version}{int(address):0{_KEY_DIGITS[address.version]}x}"
