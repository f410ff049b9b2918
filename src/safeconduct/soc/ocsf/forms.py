"""How a table's row becomes an OCSF object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import base, put
from safeconduct.soc.entity_forms import normal_address, normal_host

ACCOUNT_CHANGE = 3001
PROCESS = 1007
SCHEDULED_JOB = 1006
NETWORK = 4001
HTTP = 4002
DNS = 4003
DETECTION_FINDING = 2004

SERVER = 1

_COUNTS = frozenset(("bytes_in", "bytes_out", "packets_in", "packets_out"))
_INTEGERS = _COUNTS | {"port", "pid", "code", "length", "body_length", "rcode_id", "start_time", "end_time"}
_INTEGER_DIGITS_MAX = 15  # below 2^53, so that every JSON reader keeps it


@dataclass(frozen=True)
class Form:
    """One row of a mapping table: the class, the activity, and where each OCSF attribute comes from.

    `copy` maps a dotted OCSF attribute to the name of a parsed field; fields that are absent, empty, or not what the
    attribute needs (a port that is no number) are left out. `fixed` holds what follows from the row alone.
    """

    class_uid: int
    activity_id: int
    copy: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)


def fill(form: Form, fields: Mapping[str, Any], at: Instant, log_name: str) -> dict[str, Any]:
    """Returns the OCSF object of a row and a record's fields, with every base attribute."""
    document = base(form.class_uid, form.activity_id, at)
    document["metadata"]["log_name"] = log_name
    for path, value in form.fixed.items():
        put(document, path, value)
    for path, name in form.copy.items():
        put(document, path, converted(path, fields.get(name)))
    return document


def converted(path: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """Returns a field's value in the type and normal form of the attribute, or None where it has none."""
    if value is None or value == "":
        return None
    name = path.rpartition(".")[2]
    if name in _INTEGERS:
        return integer(value)
    if name == "ip":
        return normal_address(str(value))
    if name == "hostname":
        return normal_host(str(value)) or None
    return value


def integer(value: Any) -> int | None:  # noqa: ANN401 - JSON
    """Returns a whole number written as one, or None."""
    text = str(value)
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or len(text) > _INTEGER_DIGITS_MAX:
        return None
    return int(text)
