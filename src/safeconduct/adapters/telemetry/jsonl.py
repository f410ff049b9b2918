"""JSON lines: nginx, tshark, flows, Zeek, Suricata, CloudTrail, OCSF, anyone's own; its members say which a line is."""

from collections.abc import Callable
from typing import Any

from safeconduct.adapters.telemetry.lines import Line, UnreadableError, parse_object
from safeconduct.adapters.telemetry.times import instant
from safeconduct.adapters.telemetry.windows import windows_instant
from safeconduct.kernel.instants import Instant
from safeconduct.soc.normalizing import Record
from safeconduct.soc.ocsf.records import TIME_NAMES, lookup
from safeconduct.soc.ocsf.zeek_logs import is_zeek
from safeconduct.soc.windows import SOURCE as WINDOWS
from safeconduct.soc.windows import windows_record

FLOW_MEMBERS = frozenset({"start", "src", "sport", "dst", "dport", "proto"})
CLOUDTRAIL_MEMBERS = frozenset({"eventVersion", "eventTime", "eventSource", "eventName", "awsRegion"})
EVE_MEMBERS = frozenset({"timestamp", "src_ip", "dest_ip"})
SIEM_ALERT_MEMBERS = frozenset({"@siem", "@alert", "@severity"})
ACCESS_TIMES = ("msec", "time_iso8601", "time")


def recognizes(text: str) -> bool:
    """Tells whether the line is a JSON object."""
    try:
        parse_object(text)
    except UnreadableError:
        return False
    return True


def parser(time_field: str = "", zone: str = "") -> Callable[[Line], Record | None]:
    """Returns the parser of a file's lines.

    `time_field` names the member that holds the time of own data, `zone` is the offset of times that tell none.
    """

    def parse(line: Line) -> Record | None:
        raw = parse_object(line.text)
        if set(raw) == {"index"}:
            return None  # Elasticsearch's bulk header, which tshark writes before every message
        source = source_of(raw)
        return Record(source=source, line=line.number, at=_at(source, raw, time_field, zone), raw=raw)

    return parse


def source_of(raw: dict[str, Any]) -> str:
    """Returns which kind of record an object is."""
    layers = raw.get("layers")
    if isinstance(layers, dict) and "timestamp" in raw:
        for source in ("http", "dns"):
            if any(name.startswith(f"{source}_") for name in layers):
                return source
    if set(raw) >= FLOW_MEMBERS:
        return "flow"
    if "remote_addr" in raw and "status" in raw and ("request" in raw or "request_uri" in raw):
        return "access"
    return next((source for source, is_its in SENSORS if is_its(raw)), "json")


def _is_cloudtrail(raw: dict[str, Any]) -> bool:
    return raw.keys() >= CLOUDTRAIL_MEMBERS


def _is_eve(raw: dict[str, Any]) -> bool:
    return isinstance(raw.get("event_type"), str) and raw.keys() >= EVE_MEMBERS


def _is_ocsf(raw: dict[str, Any]) -> bool:
    return type(raw.get("class_uid")) is int and isinstance(raw.get("metadata"), dict)


def _is_windows(raw: dict[str, Any]) -> bool:
    return windows_record(raw) is not None


def _is_siem_alert(raw: dict[str, Any]) -> bool:
    return raw.keys() >= SIEM_ALERT_MEMBERS


SENSORS: tuple[tuple[str, Callable[[dict[str, Any]], bool]], ...] = (
    ("siem-alert", _is_siem_alert),
    ("ocsf", _is_ocsf),
    ("cloudtrail", _is_cloudtrail),
    ("eve", _is_eve),
    ("zeek", is_zeek),
    (WINDOWS, _is_windows),
)
"""Sources told by members that their formats define; what fits none is somebody's own."""


def _at(source: str, raw: dict[str, Any], time_field: str, zone: str) -> Instant:
    if source in {"http", "dns"}:
        exact = raw["layers"].get("frame_time_epoch")
        return instant(exact[0] if isinstance(exact, list) and exact else raw["timestamp"])
    if source == "flow":
        return instant(raw["start"])
    if source == WINDOWS and not time_field:
        return windows_instant(raw, zone)
    names = (time_field,) if time_field else (*ACCESS_TIMES, *TIME_NAMES) if source == "access" else TIME_NAMES
    return _first_time(raw, names, zone)


def _first_time(raw: dict[str, Any], names: tuple[str, ...], zone: str) -> Instant:
    refused: UnreadableError | None = None
    for name in names:
        value = lookup(raw, name)
        if value is None or isinstance(value, dict | list):
            continue
        try:
            return instant(value, zone)
        except UnreadableError as error:
            refused = refused or UnreadableError(error.code, f"{name}: {error.detail}")
    raise refused or UnreadableError("time-missing", f"expected the time in one of: {', '.join(names)}")
