"""How a table's row becomes an OCSF object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import base, put
from safeconduct.soc.entity_forms import normal_address, normal_host

FILE = 1001
MODULE = 1005
SCHEDULED_JOB = 1006
PROCESS = 1007
SCRIPT = 1009
ACCOUNT_CHANGE = 3001
AUTHORIZE_SESSION = 3003
GROUP_MANAGEMENT = 3006
NETWORK = 4001
HTTP = 4002
DNS = 4003
RDP = 4005
SMB = 4006
REGISTRY_KEY = 201001
REGISTRY_VALUE = 201002
WINDOWS_SERVICE = 201004
DETECTION_FINDING = 2004

SERVER = 1

EVIDENCE = ("src_endpoint", "dst_endpoint", "connection_info", "http_request", "http_response", "tls")
"""Attributes of network classes that a finding holds as its evidence."""

IP_ADDRESS = 2
"""OCSF's type of an observable that is one."""

MILLISECONDS_MAX = 10**15
"""Above it is no time and no duration: the year 33,658."""

_COUNTS = frozenset(("bytes", "bytes_in", "bytes_out", "bytes_missed", "packets", "packets_in", "packets_out", "size"))
_INTEGERS = _COUNTS | {
    "physical_width",
    "physical_height",
    "port",
    "pid",
    "code",
    "length",
    "body_length",
    "rcode_id",
    "start_time",
    "end_time",
}
_NUMBER_CHARS_MAX = 40  # Zeek writes at most 20
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


def as_finding(document: dict[str, Any]) -> dict[str, Any]:
    """Returns a finding of another's sensor with what the packets said moved to where findings keep it.

    The addresses stand among the observables too, by which findings are joined to what else happened.
    """
    evidence = {name: document.pop(name) for name in EVIDENCE if name in document}
    observed = [
        {"name": f"evidences[0].{end}.ip", "type_id": IP_ADDRESS, "type": "IP Address", "value": evidence[end]["ip"]}
        for end in ("src_endpoint", "dst_endpoint")
        if "ip" in evidence.get(end, {})
    ]
    return document | ({"evidences": [evidence]} if evidence else {}) | ({"observables": observed} if observed else {})


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


def milliseconds(value: Any) -> int | None:  # noqa: ANN401 - JSON
    """Returns seconds, whole or with a fraction, as whole milliseconds, or None where it is no such number."""
    try:
        number = float(str(value)[:_NUMBER_CHARS_MAX]) * 1000
    except ValueError:
        return None
    return round(number) if 0 <= number < MILLISECONDS_MAX else None


def integer(value: Any) -> int | None:  # noqa: ANN401 - JSON
    """Returns a whole number written as one, or None."""
    text = str(value)
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or len(text) > _INTEGER_DIGITS_MAX:
        return None
    return int(text)
