"""JSON lines of other tools: the names of ECS, OCSF, Suricata EVE, Zeek and Sysmon that are surely the same thing.

A name stands here only where its format defines it. A record that matches no class is a base event; its raw form is
searched, detected on and quoted all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.ledger.ocsf import AUTHENTICATION, BASE, FAILURE, OTHER, SUCCESS
from safeconduct.ledger.ocsf import base as base_object
from safeconduct.soc.ocsf.forms import DNS, HTTP, NETWORK, PROCESS, Form, converted, fill
from safeconduct.soc.ocsf.network import METHODS, http_outcome, split_target

NAMES: Mapping[str, tuple[str, ...]] = {
    "src_ip": ("source.ip", "src_endpoint.ip", "src_ip", "id.orig_h", "client.ip", "SourceIp", "IpAddress",
               "sourceIPAddress"),
    "src_port": ("source.port", "src_endpoint.port", "src_port", "id.orig_p", "client.port", "SourcePort", "IpPort"),
    "dst_ip": ("destination.ip", "dst_endpoint.ip", "dest_ip", "id.resp_h", "server.ip", "DestinationIp"),
    "dst_port": ("destination.port", "dst_endpoint.port", "dest_port", "id.resp_p", "server.port", "DestinationPort"),
    "proto": ("network.transport", "connection_info.protocol_name", "proto", "Protocol"),
    "bytes_out": ("source.bytes", "traffic.bytes_out", "flow.bytes_toserver", "orig_bytes"),
    "bytes_in": ("destination.bytes", "traffic.bytes_in", "flow.bytes_toclient", "resp_bytes"),
    "hostname": ("host.hostname", "host.name", "device.hostname", "Computer", "Hostname", "hostname"),
    "user": ("user.name", "actor.user.name", "TargetUserName", "userIdentity.userName", "User"),
    "pid": ("process.pid", "ProcessId"),
    "ppid": ("process.parent.pid", "process.parent_process.pid", "ParentProcessId"),
    "command": ("process.command_line", "process.cmd_line", "CommandLine"),
    "exe": ("process.executable", "process.file.path", "Image", "NewProcessName"),
    "cwd": ("process.working_directory", "CurrentDirectory"),
    "query": ("dns.question.name", "query.hostname", "dns.rrname", "QueryName"),
    "query_type": ("dns.question.type", "query.type", "dns.rrtype"),
    "method": ("http.request.method", "http_request.http_method", "http.http_method"),
    "status": ("http.response.status_code", "http_response.code", "http.status"),
    "agent": ("user_agent.original", "http_request.user_agent", "http.http_user_agent"),
    "uri": ("url.original", "http_request.url.url_string", "http.url"),
    "path": ("url.path",),
    "http_host": ("url.domain", "http.hostname"),
    "outcome": ("event.outcome", "status"),
    "category": ("event.category",),
    "event_code": ("EventID", "event.code", "winlog.event_id"),
    "message": ("message", "msg"),
}  # fmt: skip
"""Our field -> the names it goes by, first found wins. A name with dots is a member called so, or a path."""

ZEEK: Mapping[str, Mapping[str, str]] = {
    "dns": {"query": "query", "query_type": "qtype_name"},
    "http": {"method": "method", "uri": "uri", "http_host": "host", "agent": "user_agent", "status": "status_code"},
}
"""Zeek's names that are too common to trust alone, by the log (`_path`) they are in."""

TIME_NAMES = ("@timestamp", "timestamp", "eventTime", "event.created", "TimeCreated", "time", "ts", "_time", "datetime")
"""Where a record's time is looked for, in this order."""

WINDOWS_LOGONS = {"4624": SUCCESS, "4625": FAILURE}
SYSMON_LAUNCHES = frozenset({"1", "4688"})


@dataclass(frozen=True)
class _Kind:
    class_uid: int
    needs: tuple[str, ...]
    copy: Mapping[str, str]


_ENDPOINTS = {
    "src_endpoint.ip": "src_ip",
    "src_endpoint.port": "src_port",
    "dst_endpoint.ip": "dst_ip",
    "dst_endpoint.port": "dst_port",
}
_PROCESS = {
    "device.hostname": "hostname",
    "process.pid": "pid",
    "process.cmd_line": "command",
    "process.file.path": "exe",
    "process.working_directory": "cwd",
    "process.user.name": "user",
    "actor.user.name": "user",
    "process.parent_process.pid": "ppid",
    "actor.process.pid": "ppid",
}
_HTTP = _ENDPOINTS | {
    "http_request.http_method": "method",
    "http_request.user_agent": "agent",
    "http_request.url.path": "path",
    "http_request.url.query_string": "query_string",
    "http_request.url.hostname": "http_host",
    "http_request.url.url_string": "url",
    "http_response.code": "status",
}
_LOGON = _ENDPOINTS | {"device.hostname": "hostname", "user.name": "user"}
_FLOW = _ENDPOINTS | {
    "connection_info.protocol_name": "proto",
    "traffic.bytes_out": "bytes_out",
    "traffic.bytes_in": "bytes_in",
}

KINDS = (
    _Kind(PROCESS, ("command",), _PROCESS),
    _Kind(DNS, ("query", "src_ip"), _ENDPOINTS | {"query.hostname": "query", "query.type": "query_type"}),
    _Kind(HTTP, ("method",), _HTTP),
    _Kind(AUTHENTICATION, ("user", "logon"), _LOGON),
    _Kind(NETWORK, ("src_ip", "dst_ip"), _FLOW),
    _Kind(BASE, (), _ENDPOINTS | {"device.hostname": "hostname", "message": "message"}),
)
"""Tried in this order: the first whose needed fields are all there."""


def record(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the OCSF object of a JSON record."""
    fields = _fields(raw)
    kind = next(kind for kind in KINDS if all(fields.get(name) for name in kind.needs))
    document = fill(Form(kind.class_uid, _does(kind.class_uid, fields), kind.copy), fields, at, "json")
    if kind.class_uid == HTTP:
        return document | http_outcome(fields["status"])
    return document | dict(_outcome(fields))


def as_it_says(raw: Mapping[str, Any], at: Instant) -> dict[str, Any]:
    """Returns the object of a record that is OCSF already: what it says, and of the base attributes what it lacks."""
    return base_object(raw["class_uid"], _activity(raw), at) | dict(raw) | {"time": at // 1000}


def lookup(raw: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - JSON
    """Returns the value of a name: a member called exactly so, else the path its dots spell; None if neither."""
    if name in raw:
        return raw[name]
    place: Any = raw
    for step in _steps(name):
        if not isinstance(place, dict) or step not in place:
            return None
        place = place[step]
    return place


@cache
def _steps(name: str) -> tuple[str, ...]:
    return tuple(name.split("."))


def _fields(raw: Mapping[str, Any]) -> dict[str, Any]:
    zeek = ZEEK.get(str(raw.get("_path", "")), {})
    fields = {ours: _found(raw, names) for ours, names in NAMES.items()}
    fields |= {ours: raw[name] for ours, name in zeek.items() if name in raw}
    fields["logon"] = _logon(fields)
    if fields["uri"] and fields["method"]:
        target = split_target(str(fields["http_host"] or ""), str(fields["uri"]))
        fields |= {"path": target["path"], "query_string": target["query"], "url": target["url"]}
        fields["http_host"] = target["host"] or fields["http_host"]
    return fields


def _found(raw: Mapping[str, Any], names: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    values = (lookup(raw, name) for name in names)
    return next((value for value in values if value is not None and not isinstance(value, Mapping)), None)


def _logon(fields: Mapping[str, Any]) -> bool:
    category = fields["category"]
    listed = category if isinstance(category, list) else [category]
    return "authentication" in listed or str(fields["event_code"]) in WINDOWS_LOGONS


def _does(class_uid: int, fields: Mapping[str, Any]) -> int:
    if class_uid == HTTP:
        return METHODS.get(str(fields["method"]).upper(), OTHER)
    if class_uid == PROCESS:
        code = fields["event_code"]
        return 1 if code is None or str(code) in SYSMON_LAUNCHES else OTHER
    return {AUTHENTICATION: 1, DNS: 1, NETWORK: 6}.get(class_uid, OTHER)


def _outcome(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    told = str(fields["outcome"]).lower()
    return WINDOWS_LOGONS.get(str(fields["event_code"]), {"success": SUCCESS, "failure": FAILURE}.get(told, {}))


def _activity(raw: Mapping[str, Any]) -> int:
    value = converted("code", raw.get("activity_id"))
    return value if isinstance(value, int) else OTHER
