"""JSON lines: nginx access logs, tshark's messages, flows, and anyone's own; a line's members say which it is."""

from collections.abc import Callable
from typing import Any

from safeconduct.adapters.telemetry.lines import Line, UnreadableError, parse_object
from safeconduct.adapters.telemetry.times import instant
from safeconduct.kernel.instants import Instant
from safeconduct.soc.normalizing import Record
from safeconduct.soc.ocsf.records import TIME_NAMES, lookup

FLOW_MEMBERS = frozenset({"start", "src", "sport", "dst", "dport", "proto"})
ACCESS_TIMES = ("msec", "time_iso8601", "time")


def recognizes(text: str) -> bool:
    """Tells whether the line is a JSON object."""
    try:
        parse_object(text)
    except UnreadableError:
        return False
    return True


def parser(time_field: str = "") -> Callable[[Line], Record | None]:
    """Returns the parser of a file's lines. `time_field` names the member that holds the time of own data."""

    def parse(line: Line) -> Record | None:
        raw = parse_object(line.text)
        if set(raw) == {"index"}:
            return None  # Elasticsearch's bulk header, which tshark writes before every message
        source = source_of(raw)
        return Record(source=source, line=line.number, at=_at(source, raw, time_field), raw=raw)

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
    return "json"


def _at(source: str, raw: dict[str, Any], time_field: str) -> Instant:
    if source in {"http", "dns"}:
        exact = raw["layers"].get("frame_time_epoch")
        return instant(exact[0] if isinstance(exact, list) and exact else raw["timestamp"])
    if source == "flow":
        return instant(raw["start"])
    names = (time_field,) if time_field else (*ACCESS_TIMES, *TIME_NAMES) if source == "access" else TIME_NAMES
    return _first_time(raw, names)


def _first_time(raw: dict[str, Any], names: tuple[str, ...]) -> Instant:
    refused: UnreadableError | None = None
    for name in names:
        value = lookup(raw, name)
        if value is None or isinstance(value, dict | list):
            continue
        try:
            return instant(value)
        except UnreadableError as error:
            refused = refused or UnreadableError(error.code, f"{name}: {error.detail}")
    raise refused or UnreadableError("time-missing", f"expected the time in one of: {', '.join(names)}")
