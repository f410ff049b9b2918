"""Where the fields that a rule names stand in a Windows record."""

from collections.abc import Iterator, Mapping
from typing import Any

from safeconduct.soc.detection.windows_sources import Names
from safeconduct.soc.windows import WindowsRecord

HEADER = {
    "Channel": "channel",
    "Provider_Name": "provider",
    "EventID": "event_id",
    "Computer": "computer",
    "EventRecordID": "record_id",
}
"""The header's fields, as Sigma writes them, and as the record has them. They win over the event's own data."""

SYSTEM = frozenset(("Level", "Task", "Opcode", "Keywords", "Version", "Message", "Hostname"))
"""Further members of the header, which stand where the record's shape puts them."""


def spellings(field: str, names: Names) -> tuple[str, ...]:
    """Returns the names a field may have in a record's data, the first that is there wins.

    Sigma writes an underscore where Windows has a space in a name.
    """
    found = names.get(field, (field,))
    return (*found, *(name.replace("_", " ") for name in found if "_" in name))


def header_of(raw: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Returns the part of a record that holds its header, and the pointer to it."""
    event = raw.get("Event")
    system = event.get("System") if isinstance(event, Mapping) else None
    return (system, "/raw/Event/System") if isinstance(system, Mapping) else (raw, "/raw")


def places(field: str, names: Names, record: WindowsRecord, raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields each place at which a field stands, with what is there."""
    if field in HEADER:
        yield record.pointers[field], getattr(record, HEADER[field])
        return
    for name in spellings(field, names):
        if name in record.data:
            yield record.pointers[name], record.data[name]
    if field in SYSTEM:
        system, at = header_of(raw)
        if field in system:
            yield f"{at}/{field}", system[field]
