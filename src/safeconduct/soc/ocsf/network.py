"""Web server requests, captured HTTP and DNS messages, and flows.

The source endpoint is always who asked: an answer's packet runs the other way, its OCSF object does not.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import Instant, parse_rfc3339
from safeconduct.ledger.ocsf import FAILURE, OTHER, SUCCESS
from safeconduct.soc.ocsf.forms import DNS, HTTP, NETWORK, Form, fill, integer

METHODS = {"CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8, "PATCH": 9}
QUERY, RESPONSE, TRAFFIC = 1, 2, 6
HTTP_ERROR = 400
UNKNOWN_DIRECTION = 0
RECORD_TYPES = {"1": "A", "2": "NS", "5": "CNAME", "6": "SOA", "12": "PTR", "15": "MX", "16": "TXT", "28": "AAAA",
                "33": "SRV", "251": "IXFR", "252": "AXFR", "255": "ANY"}  # fmt: skip
"""DNS resource record types (IANA) that are named; others keep their number."""

_REQUEST = {
    "src_endpoint.ip": "client",
    "src_endpoint.port": "client_port",
    "dst_endpoint.ip": "server",
    "dst_endpoint.port": "server_port",
    "http_request.http_method": "method",
    "http_request.user_agent": "agent",
    "http_request.referrer": "referrer",
    "http_request.length": "request_length",
    "http_request.body_length": "request_body",
    "http_request.url.path": "path",
    "http_request.url.query_string": "query",
    "http_request.url.hostname": "host",
    "http_request.url.url_string": "url",
    "http_response.code": "status",
    "http_response.body_length": "response_body",
    "http_response.content_type": "content_type",
    "connection_info.uid": "stream",
}
_ANSWER = {name: field for name, field in _REQUEST.items() if not name.startswith("http_request")}
_DNS = {
    "src_endpoint.ip": "client",
    "src_endpoint.port": "client_port",
    "dst_endpoint.ip": "server",
    "dst_endpoint.port": "server_port",
    "query.hostname": "name",
    "query.type": "type",
    "answers": "answers",
    "rcode_id": "rcode",
}
FLOW = Form(
    NETWORK,
    TRAFFIC,
    {
        "src_endpoint.ip": "src",
        "src_endpoint.port": "sport",
        "dst_endpoint.ip": "dst",
        "dst_endpoint.port": "dport",
        "connection_info.protocol_name": "proto",
        "unmapped.tcp_flags": "tcp_flags",
        "traffic.bytes_out": "bytes_sent",
        "traffic.bytes_in": "bytes_received",
        "traffic.packets_out": "packets_sent",
        "traffic.packets_in": "packets_received",
        "traffic.start_time": "start_ms",
        "traffic.end_time": "end_ms",
    },
    {"connection_info.direction_id": UNKNOWN_DIRECTION},
)


def access(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the OCSF object of a web server's line about a request it answered, under nginx's names for variables."""
    method, uri = _request_line(str(raw.get("request", "")))
    target = split_target(str(_one_of(raw, "host", "http_host")), str(_one_of(raw, "uri", "request_uri") or uri))
    fields = target | {
        "client": raw.get("remote_addr"),
        "client_port": raw.get("remote_port"),
        "method": _one_of(raw, "method", "request_method") or method,
        "agent": _one_of(raw, "user_agent", "http_user_agent"),
        "referrer": _one_of(raw, "referer", "http_referer"),
        "request_length": raw.get("request_length"),
        "status": raw.get("status"),
        "response_body": raw.get("body_bytes_sent"),
    }
    return fill(_http(fields), fields, at, "access")


def http(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the OCSF object of a captured HTTP message, request or answer."""
    layers = {name: _first(value) for name, value in raw["layers"].items()}
    answer = "http_response_code" in layers
    fields = _peers(layers, "tcp", answered=answer) | {"stream": layers.get("tcp_stream")}
    if answer:
        fields |= {"status": layers["http_response_code"], "response_body": layers.get("http_content_length")}
        fields |= {"content_type": layers.get("http_content_type")}
        return fill(_http(fields, _ANSWER), fields, at, "http")
    fields |= split_target(str(layers.get("http_host") or ""), str(layers.get("http_request_uri") or "")) | {
        "method": layers.get("http_request_method"),
        "agent": layers.get("http_user_agent"),
        "request_body": layers.get("http_content_length"),
    }
    return fill(_http(fields), fields, at, "http")


def dns(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the OCSF object of a captured DNS message."""
    layers = {name: _first(value) for name, value in raw["layers"].items()}
    answer = str(layers.get("dns_flags_response")) in {"1", "True", "true"}
    kind = str(layers.get("dns_qry_type", ""))
    fields = _peers(layers, "udp" if "udp_srcport" in layers else "tcp", answered=answer)
    fields |= {"name": layers.get("dns_qry_name") or ".", "type": RECORD_TYPES.get(kind, kind)}
    fields |= {"answers": _answers(raw["layers"]), "rcode": layers.get("dns_flags_rcode")}
    fixed = {} if not answer else SUCCESS if fields["rcode"] == "0" else FAILURE
    return fill(Form(DNS, RESPONSE if answer else QUERY, _DNS, fixed), fields, at, "dns")


def flow(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the OCSF object of a flow; bytes out are the source's."""
    return fill(FLOW, {**raw, "start_ms": at // 1000, "end_ms": _milliseconds(raw.get("end"))}, at, "flow")


def split_target(host: str, uri: str) -> dict[str, Any]:
    """Returns host, path, query and whole URL of a request, whatever its sender put into either."""
    authority, _, rest = uri.partition("://")[2].partition("/") if "://" in uri else (host, "", uri.removeprefix("/"))
    path, _, query = f"/{rest}".partition("?")
    try:
        name = urlsplit(f"//{authority}").hostname or ""
    except ValueError:  # an unbalanced bracket; the text stays in raw
        name = ""
    return {"host": name, "path": path, "query": query, "url": f"http://{authority}/{rest}" if name else ""}


def _request_line(text: str) -> tuple[str, str]:
    words = text.split(" ")
    return (words[0], words[1]) if len(words) > 1 else ("", "")


def _one_of(raw: Mapping[str, Any], *names: str) -> Any:  # noqa: ANN401 - JSON
    return next((raw[name] for name in names if raw.get(name)), "")


def http_outcome(status: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Returns OCSF's status of an HTTP status code; nothing for what is no code."""
    code = integer(status)
    return {} if code is None else SUCCESS if code < HTTP_ERROR else FAILURE


def _http(fields: Mapping[str, Any], copy: Mapping[str, str] | None = None) -> Form:
    fixed = http_outcome(fields.get("status"))
    activity = METHODS.get(str(fields.get("method", "")).upper(), OTHER)
    return Form(HTTP, activity, copy or _REQUEST, fixed | {"connection_info.direction_id": UNKNOWN_DIRECTION})


def _peers(layers: Mapping[str, Any], proto: str, *, answered: bool) -> dict[str, Any]:
    sender = {"ip": layers.get("ip_src", layers.get("ipv6_src")), "port": layers.get(f"{proto}_srcport")}
    receiver = {"ip": layers.get("ip_dst", layers.get("ipv6_dst")), "port": layers.get(f"{proto}_dstport")}
    client, server = (receiver, sender) if answered else (sender, receiver)
    return {
        "client": client["ip"],
        "client_port": client["port"],
        "server": server["ip"],
        "server_port": server["port"],
    }


def _answers(layers: Mapping[str, Any]) -> list[dict[str, str]] | None:
    kinds = {"dns_a": "A", "dns_aaaa": "AAAA", "dns_mx_mail_exchange": "MX", "dns_cname": "CNAME"}
    found = [{"rdata": str(value), "type": kind} for name, kind in kinds.items() for value in _all(layers.get(name))]
    return found or None


def _first(value: Any) -> Any:  # noqa: ANN401 - JSON
    # tshark writes every field as a list, since a packet may carry several messages; the first is the message's own.
    return (value[0] if value else None) if isinstance(value, list) else value


def _all(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return [] if value is None else value if isinstance(value, list) else [value]


def _milliseconds(text: Any) -> int | None:  # noqa: ANN401 - JSON
    try:
        return parse_rfc3339(text) // 1000 if isinstance(text, str) else None
    except InvalidInputError:
        return None
