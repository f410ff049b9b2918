"""Mapping files: what somebody's own JSON lines mean in OCSF, said by a table, without code.

A file names the member that holds the time, the zone of times that tell no offset, and rows, of which the first that
fits a record is its form. What no row fits is mapped by the names it shares with other formats. docs/telemetry.md,
"Mapping files", has the form.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import msgspec

from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import FAILURE, OTHER, SUCCESS
from safeconduct.soc.ocsf.forms import Form, fill
from safeconduct.soc.ocsf.records import lookup, record

MAPPING_BYTES_MAX = 64 * 1024
"""Bytes of a mapping file; one with 100 rows has about 40,000."""

ROWS_MAX = 100
"""Rows of a mapping file: each is tried on each record."""

ATTRIBUTES_MAX = 100
"""Attributes that a row sets; OCSF's widest classes have about as many."""

CLASS_MAX = 9999
ACTIVITY_MAX = OTHER
RESERVED = frozenset({"class_uid", "category_uid", "activity_id", "activity_name", "type_uid", "time", "metadata"})
"""Attributes that follow from the row and the record's time, or are ours to say."""

_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,63}(?:\.[a-z][a-z0-9_]{0,63}){0,6}")
_ZONE = re.compile(r"Z|[+-](?:0\d|1[0-4]):[0-5]\d")

ZONE_FORM = "an offset like +02:00, or Z"
"""What a zone is. The name of a place would leave open which of two hours it was when clocks were put back."""

Wanted = Mapping[str, tuple[str, ...]]
"""Member of a record -> the texts it may have. Numbers, true and false are written as in JSON."""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The form of the records that `when` fits: of all where it is empty."""

    class_uid: int
    activity_id: int
    activity_name: str = ""
    when: Wanted = {}
    copy: Mapping[str, str] = {}
    fixed: Mapping[str, str | int | bool] = {}
    success: Wanted = {}
    failure: Wanted = {}


class OwnMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping file. `mapping` is the version of its form."""

    mapping: int
    rows: tuple[Row, ...] = ()
    time: str = ""
    zone: str = ""

    def document(self, raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
        """Returns the OCSF object of a record."""
        row = next((row for row in self.rows if _fits(raw, row.when)), None)
        if row is None:
            return record(raw, at)
        named = {"activity_name": row.activity_name} if row.activity_name else {}
        told = SUCCESS if _says(raw, row.success) else FAILURE if _says(raw, row.failure) else {}
        fields = {name: _plain(lookup(raw, name)) for name in row.copy.values()}
        form = Form(row.class_uid, row.activity_id, row.copy, {**named, **told, **row.fixed})
        return fill(form, fields, at, "json")


NO_MAPPING = OwnMapping(mapping=1)
"""No mapping file: own JSON lines are mapped by the names they share with other formats."""


def parse_mapping(content: bytes) -> OwnMapping:
    """Reads a mapping file.

    Raises:
        InvalidInputError: `mapping-invalid`: another form, or a row that can't be what it says.
        TooLargeError: it is over MAPPING_BYTES_MAX, or has more rows or attributes than may be.
    """
    if len(content) > MAPPING_BYTES_MAX:
        raise TooLargeError(f"the mapping file is over {MAPPING_BYTES_MAX} bytes")
    try:
        mapping = msgspec.json.decode(content, type=OwnMapping)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise _invalid(str(error)) from error
    if len(mapping.rows) > ROWS_MAX or any(len(row.copy) + len(row.fixed) > ATTRIBUTES_MAX for row in mapping.rows):
        raise TooLargeError(f"the mapping file has over {ROWS_MAX} rows, or a row over {ATTRIBUTES_MAX} attributes")
    fault = next(_faults(mapping), "")
    if fault:
        raise _invalid(fault)
    return mapping


def is_zone(text: str) -> bool:
    """Tells whether a text is a zone as ZONE_FORM has it, or empty."""
    return not text or _ZONE.fullmatch(text) is not None


def _faults(mapping: OwnMapping) -> Iterator[str]:
    if mapping.mapping != 1:
        yield f"expected version 1 in mapping, got {mapping.mapping}"
    if not is_zone(mapping.zone):
        yield f"zone: expected {ZONE_FORM}, got {mapping.zone!r}"
    for number, row in enumerate(mapping.rows):
        yield from (f"rows[{number}]: {fault}" for fault in _row_faults(row))


def _row_faults(row: Row) -> Iterator[str]:
    if not (row.class_uid == 0 or 1000 <= row.class_uid <= CLASS_MAX):  # noqa: PLR2004 - OCSF's categories begin there
        yield f"class_uid: expected an OCSF class, got {row.class_uid}"
    if not 0 <= row.activity_id <= ACTIVITY_MAX or (row.activity_id == OTHER and not row.activity_name):
        yield "activity_id: expected 0 to 99, and with 99 an activity_name"
    names = sorted([*row.copy, *row.fixed])
    for name in names:
        if not _ATTRIBUTE.fullmatch(name) or name.partition(".")[0] in RESERVED:
            yield f"{name[:64]!r} is no attribute that a row may set"
    for former, later in pairwise(names):
        if former == later or later.startswith(f"{former}."):
            yield f"{later!r} is set twice, or within {former!r}"


def _fits(raw: Mapping[str, Any], wanted: Wanted) -> bool:
    return all(_text(lookup(raw, name)) in texts for name, texts in wanted.items())


def _says(raw: Mapping[str, Any], wanted: Wanted) -> bool:
    return bool(wanted) and _fits(raw, wanted)


def _text(value: Any) -> str | None:  # noqa: ANN401 - JSON
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str | int)] or None
    return value if isinstance(value, str | int) else None


def _invalid(fault: str) -> InvalidInputError:
    return InvalidInputError(
        f"the mapping file does not fit: {fault}",
        code="mapping-invalid",
        remedy='expected {"mapping": 1, "time": MEMBER, "zone": "+00:00", "rows": [{"class_uid": N, ...}]}',
    )
