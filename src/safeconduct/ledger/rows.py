"""Whether a row out of somebody's SIEM is what the log has. docs/spec/export.md section 2 says what that means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.ocsf import EntryForm, PlacedLeaf, ocsf_event, place_only, without_leaf

ROW_BYTES_MAX = 1024 * 1024
"""Bytes of a row. A leaf has 64 KiB; written as text within text it may take six times that."""

_DEPTH_MAX = 3  # {"result": {"_raw": "{...}"}} is the deepest that products hand out
_FOREIGN = ("@", "_")  # how names begin that a SIEM adds at the top; no OCSF attribute does


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRow:
    """What comparing a row found: good if nothing `differs`. `added` are the SIEM's own attributes, as `@timestamp`."""

    placed: PlacedLeaf
    entry: str
    differs: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """The event in a row, and where it says that its entry stands."""

    event: Mapping[str, Any]
    origin: str
    index: int


def read_row(text: bytes) -> Row:
    """Reads a row: an event of ours, as it was sent or wrapped as Splunk, Elastic and Log Analytics hand it out.

    Raises:
        InvalidInputError: there is no event of an entry in it.
    """
    try:
        document = msgspec.json.decode(text) if len(text) <= ROW_BYTES_MAX else None
    except msgspec.DecodeError as error:
        raise InvalidInputError(f"a row is one JSON document: {error}", code="row-unreadable") from error
    for event in _events(document, _DEPTH_MAX):
        named = event.get("metadata")
        if isinstance(named, Mapping) and type(named.get("sequence")) is int and type(named.get("log_name")) is str:
            return Row(event, named["log_name"], named["sequence"])
    raise InvalidInputError(
        "there is no OCSF event with metadata.log_name and metadata.sequence in the row", code="row-unreadable"
    )


def check_row(row: Row, placed: PlacedLeaf, forms: Mapping[str, EntryForm]) -> CheckedRow:
    """Compares a row with the entry that stands at its place: the event is made again and must be the same."""
    event = ocsf_event(placed, forms)
    shapes = (event, without_leaf(event), place_only(event))
    nearest = min((list(_differing(shape, row.event, "")) for shape in shapes), key=len)
    return CheckedRow(
        placed=placed,
        entry=event["metadata"]["uid"],
        differs=tuple(nearest),
        added=tuple(sorted(name for name in row.event if name.startswith(_FOREIGN))),
    )


def _events(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return
    if isinstance(value, Mapping):
        if "class_uid" in value and "metadata" in value:
            yield value
        for inner in value.values() if depth else ():
            yield from _events(inner, depth - 1)


def _differing(expected: Any, found: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for name, value in expected.items():
            yield from _differing(value, found.get(name), f"{path}.{name}" if path else name)
        for name in sorted(found.keys() - expected.keys()):
            if path or not name.startswith(_FOREIGN):
                yield f"{path}.{name}" if path else name
    elif msgspec.to_builtins(expected) != found or isinstance(expected, bool) != isinstance(found, bool):
        yield path
