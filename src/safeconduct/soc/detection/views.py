"""Which log source an event belongs to, in Sigma's words, and where the fields that Sigma names stand in it.

Names are Sigma's field -> the pointers it may stand at, the first found wins; `*` is every member of a map or list. In
Windows records they are names of the record's own data.

Rules name fields as the Sigma taxonomy does (`CommandLine`, `c-ip`, `query`), or as the raw record does, or by their
OCSF attribute with `ocsf.` before it. A name leads to JSON pointers, so that what a rule found can be looked up again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from safeconduct.soc.detection.ir import LogSource
from safeconduct.soc.detection.windows_fields import places
from safeconduct.soc.detection.windows_sources import Names, windows_names
from safeconduct.soc.model import Event
from safeconduct.soc.ocsf.zeek_logs import log_of
from safeconduct.soc.pointers import leaves, pointer, steps_of
from safeconduct.soc.windows import SOURCE, Glance, WindowsRecord, glance, windows_record

STREAMS_MAX = 65_536
"""Pairs of a stream and a log source whose names are remembered. Channels are whatever a file says they are."""

PLACES_MAX = 65_536
"""Pointers whose steps are remembered; rules name some thousand fields."""

ENDPOINTS: Names = {
    "src_ip": ("/ocsf/src_endpoint/ip",),
    "src_port": ("/ocsf/src_endpoint/port",),
    "dst_ip": ("/ocsf/dst_endpoint/ip",),
    "dst_port": ("/ocsf/dst_endpoint/port",),
}
AUTHENTICATION: Names = {
    **ENDPOINTS,
    "user": ("/ocsf/user/name",),
    "actor": ("/ocsf/actor/user/name",),
    "status": ("/ocsf/status",),
    "status_detail": ("/ocsf/status_detail",),
    "service": ("/ocsf/service/name",),
    "method": ("/ocsf/auth_protocol",),
    "activity": ("/ocsf/activity_id",),
    "command": ("/ocsf/unmapped/command",),
    "hostname": ("/ocsf/device/hostname",),
}
JOBS: Names = {
    "user": ("/ocsf/job/user/name",),
    "command": ("/ocsf/job/cmd_line",),
    "operation": ("/ocsf/unmapped/operation",),
    "hostname": ("/ocsf/device/hostname",),
}
WEB: Names = {
    **ENDPOINTS,
    "c-ip": ("/ocsf/src_endpoint/ip",),
    "c-uri": ("/ocsf/http_request/url/url_string", "/ocsf/http_request/url/path"),
    "c-useragent": ("/ocsf/http_request/user_agent",),
    "cs-bytes": ("/ocsf/http_request/body_length", "/ocsf/http_request/length"),
    "cs-host": ("/ocsf/http_request/url/hostname",),
    "cs-method": ("/ocsf/http_request/http_method",),
    "cs-referer": ("/ocsf/http_request/referrer",),
    "cs-uri": ("/raw/uri", "/raw/layers/http_request_uri/0", "/ocsf/http_request/url/path"),
    "cs-uri-query": ("/ocsf/http_request/url/query_string",),
    "cs-uri-stem": ("/ocsf/http_request/url/path",),
    "cs-user-agent": ("/ocsf/http_request/user_agent",),
    "sc-status": ("/ocsf/http_response/code",),
}
DNS: Names = {
    **ENDPOINTS,
    "query": ("/ocsf/query/hostname",),
    "QueryName": ("/ocsf/query/hostname",),
    "record_type": ("/ocsf/query/type",),
    "answer": ("/ocsf/answers/*/rdata",),
}
NETWORK: Names = {
    **ENDPOINTS,
    "DestinationIp": ("/ocsf/dst_endpoint/ip",),
    "DestinationPort": ("/ocsf/dst_endpoint/port",),
    "SourceIp": ("/ocsf/src_endpoint/ip",),
    "proto": ("/ocsf/connection_info/protocol_name",),
    "bytes_out": ("/ocsf/traffic/bytes_out",),
    "bytes_in": ("/ocsf/traffic/bytes_in",),
}
PROCESS: Names = {
    "Image": ("/ocsf/process/file/path",),
    "CommandLine": ("/ocsf/process/cmd_line",),
    "CurrentDirectory": ("/ocsf/process/working_directory",),
    "User": ("/ocsf/process/user/name",),
    "LoginUser": ("/ocsf/actor/user/name",),
    "ProcessId": ("/ocsf/process/pid",),
    "ParentProcessId": ("/ocsf/process/parent_process/pid",),
    "hostname": ("/ocsf/device/hostname",),
}
CLOUDTRAIL: Names = {"resources.ARN": ("/raw/resources/*/ARN",)}
UNNAMED: Names = {}
"""Fields under the record's own names alone."""

RECORDS: Names = {"type": ("/ocsf/unmapped/types/*",)}


@dataclass(frozen=True)
class _Route:
    """Events of a source, of one OCSF class or of any, are of this log source. No `product` agrees with every rule."""

    events: str
    class_uid: int | None
    source: LogSource
    names: Names


SYSLOG_SERVICES = {
    "sshd": ("sshd", "sshd-session", "sshd-auth"),
    "sudo": ("sudo",),
    "cron": ("cron", "CRON", "crond", "crontab"),
}
BY_CLASS = (
    (3002, "authentication", AUTHENTICATION),
    (1007, "process_creation", PROCESS),
    (4001, "firewall", NETWORK),
    (4001, "network_connection", NETWORK),
    (4002, "webserver", WEB),
    (4002, "proxy", WEB),
    (4003, "dns", DNS),
)
"""OCSF class -> the category of rules that its records are for, whoever wrote them."""

ROUTES = (
    _Route("auth", 3002, LogSource("authentication", "linux", "auth"), AUTHENTICATION),
    _Route("auth", 1006, LogSource("scheduled_job", "linux", "cron"), JOBS),
    _Route("auth", None, LogSource("", "linux", "auth"), AUTHENTICATION),
    _Route("auth", None, LogSource("", "linux", "syslog"), AUTHENTICATION),
    _Route("access", None, LogSource("webserver"), WEB),
    _Route("http", None, LogSource("proxy"), WEB),
    _Route("dns", None, LogSource("dns"), DNS),
    _Route("flow", None, LogSource("firewall"), NETWORK),
    _Route("flow", None, LogSource("network_connection"), NETWORK),
    _Route("audit", 1007, LogSource("process_creation", "linux"), PROCESS),
    _Route("audit", None, LogSource("", "linux", "auditd"), RECORDS),
    _Route("eve", 2004, LogSource("", "suricata", "alert"), UNNAMED),
    _Route("siem-alert", None, LogSource("siem_alert"), UNNAMED),
    _Route("cloudtrail", None, LogSource("", "aws", "cloudtrail"), CLOUDTRAIL),
    *(
        _Route(events, class_uid, LogSource(category), names)
        for events in ("json", "ocsf", "eve", "zeek")
        for class_uid, category, names in BY_CLASS
    ),
)
ZEEK_NAMES: Mapping[str, Names] = {"dns": DNS, "http": WEB, "conn": NETWORK}
"""Zeek's log -> names that rules use beside the log's own."""


@dataclass
class View:
    """An event as rules of one log source see it."""

    event: Event
    names: Names
    record: WindowsRecord | None = field(init=False)
    _document: dict[str, Any] = field(init=False)
    _found: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.record = windows_record(self.event.raw) if self.event.source == SOURCE else None
        self._document = {"raw": self.event.raw, "ocsf": self.event.ocsf}

    def values(self, name: str) -> list[tuple[str, Any]]:
        """Returns the scalar values of a field with their pointers: none, one, or each element of a list.

        Without a name, those of the whole raw record, for keywords.
        """
        if name not in self._found:
            self._found[name] = self._look_up(name)
        return self._found[name]

    def places(self, name: str) -> tuple[str, ...]:
        """Returns the pointers at which a field may stand."""
        if self.record is not None and not name.startswith("ocsf."):
            return (pointer("raw", name),)
        if name in self.names:
            return self.names[name]
        if name.startswith("ocsf."):
            return (pointer(*name.split(".")),)
        spelled = (pointer("raw", name), pointer("raw", *name.split(".")))
        return (*spelled, f"/raw/*/{name}", f"/raw/PATH/*/{name}") if self.event.source == "audit" else spelled

    def _look_up(self, name: str) -> list[tuple[str, Any]]:
        if not name:
            return list(leaves(self.event.raw, "/raw"))
        if self.record is not None and not name.startswith("ocsf."):
            return self._in_record(self.record, name)
        for place in self.places(name):
            found = [pair for at, value in _at(self._document, _steps(place)) for pair in leaves(value, at)]
            if found:
                return found
        return []

    def _in_record(self, record: WindowsRecord, name: str) -> list[tuple[str, Any]]:
        for at, value in places(name, self.names, record, self.event.raw):
            if value is not None:
                return [(at, value)] if type(value) is str else list(leaves(value, at))
        return []


class Stream(NamedTuple):
    """What log sources tell records by: the event's source, its OCSF class, and which stream within the source.

    `kind` is a Windows record's channel, a syslog line's program or Zeek's log, `code` a Windows record's event id.
    """

    source: str
    class_uid: int
    kind: str = ""
    code: int = 0


def stream_of(event: Event, glanced: Glance | None) -> Stream:
    """Returns the stream of an event; `glanced` is what its Windows record says, if it has one."""
    if glanced is not None:
        return Stream(event.source, 0, glanced[0], glanced[2])
    kind = _KINDS.get(event.source)
    return Stream(event.source, event.ocsf["class_uid"], kind(event.raw) if kind else "")


def views(event: Event, source: LogSource) -> Iterator[View]:
    """Yields the event as rules for a log source see it; nothing if they are not for it."""
    glanced = glance(event.raw) if event.source == SOURCE else None
    names = names_for(stream_of(event, glanced), source)
    if names is not None:
        yield View(event, names)


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"auth": itemgetter("program"), "zeek": log_of}


@lru_cache(maxsize=STREAMS_MAX)
def names_for(stream: Stream, wanted: LogSource) -> Names | None:
    """Returns where a log source's fields stand in the records of a stream; None if they are not of it."""
    if stream.source == SOURCE:
        return windows_names(stream.kind, stream.code, wanted)
    for route in ROUTES:
        if route.events == stream.source and route.class_uid in {None, stream.class_uid} and _covers(wanted, route):
            return route.names
    if stream.source == "zeek" and wanted.product == "zeek" and not wanted.category:
        return ZEEK_NAMES.get(stream.kind, UNNAMED) if wanted.service in {"", stream.kind} else None
    if stream.source == "auth" and not wanted.category and wanted.product in {"", "linux"}:
        programs = SYSLOG_SERVICES.get(wanted.service, ())
        return (JOBS if wanted.service == "cron" else AUTHENTICATION) if stream.kind in programs else None
    return None


def _covers(wanted: LogSource, route: _Route) -> bool:
    has = route.source
    if wanted.category != has.category and (wanted.category or not wanted.service):
        return False
    if wanted.product and has.product and wanted.product != has.product:
        return False
    return not wanted.service or wanted.service == has.service


@lru_cache(maxsize=PLACES_MAX)
def _steps(place: str) -> tuple[str, ...]:
    return tuple(steps_of(place))


def _at(value: Any, steps: tuple[str, ...]) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    # Pointers are made on the way back: most places are looked at in vain.
    if not steps:
        yield "", value
        return
    for name, item in _children(value) if steps[0] == "*" else _child(value, steps[0]):
        for at, found in _at(item, steps[1:]):
            yield pointer(name) + at, found


def _child(value: Any, name: str) -> tuple[tuple[str, Any], ...]:  # noqa: ANN401 - JSON
    if isinstance(value, dict | Mapping):
        return ((name, value[name]),) if name in value else ()
    if isinstance(value, list) and name.isdigit() and int(name) < len(value):
        return ((name, value[int(name)]),)
    return ()


def _children(value: Any) -> Iterable[tuple[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict | Mapping):
        return value.items()
    return ((str(index), item) for index, item in enumerate(value)) if isinstance(value, list) else ()
