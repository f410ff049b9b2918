"""What Zeek's logs have in common: the ends of a connection, and how Zeek's values become OCSF's."""

from collections.abc import Mapping
from typing import Any

from safeconduct.ledger.ocsf import FAILURE, SUCCESS
from safeconduct.soc.ocsf.forms import NETWORK, Form

Raw = Mapping[str, Any]
Meaning = tuple[Form, Mapping[str, Any]]
"""A form, and the fields that were worked out beside the record's own."""

TRAFFIC = 6
ENDS = {
    "metadata.correlation_uid": "uid",
    "src_endpoint.ip": "id.orig_h",
    "src_endpoint.port": "id.orig_p",
    "dst_endpoint.ip": "id.resp_h",
    "dst_endpoint.port": "id.resp_p",
}
UNKNOWN_WAY = 0


def form(class_uid: int, activity_id: int, copy: str = "", **fixed: Any) -> Form:  # noqa: ANN401 - JSON
    """Returns a form with a connection's ends; `copy` pairs attributes with fields, as `tls.sni=server_name`."""
    return Form(class_uid, activity_id, ENDS | dict(pair.split("=") for pair in copy.split()), fixed)


def connection(activity_id: int = TRAFFIC, copy: str = "", **fixed: Any) -> Form:  # noqa: ANN401 - JSON
    """Returns the form of network activity."""
    known = "connection_info.protocol_name=proto connection_info.community_uid=community_id"
    return form(NETWORK, activity_id, f"{known} {copy}", **{"connection_info.direction_id": UNKNOWN_WAY} | fixed)


def outcome(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Returns OCSF's status of a field that is true, false or absent."""
    return SUCCESS if value is True else FAILURE if value is False else {}


def text(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """Returns a scalar as text, None for what is none or absent."""
    return None if value is None or isinstance(value, list | dict) else str(value)


def items(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Returns the members of a list as text; of what is no list, none."""
    return [str(item) for item in value] if isinstance(value, list) else []
