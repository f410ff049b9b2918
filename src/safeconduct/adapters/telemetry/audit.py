"""Raw records of the Linux audit daemon (`log_format = RAW`), joined to events by their id.

Records of several events may be interleaved, so an event stays open until its PROCTITLE, which the kernel writes last,
or until time has moved on. Record forms: linux-audit-documentation, "Audit event fields", and auditd 3.0.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from safeconduct.adapters.telemetry.lines import Line, UnreadableError, visible
from safeconduct.adapters.telemetry.times import epoch
from safeconduct.kernel.instants import Duration, Instant, seconds
from safeconduct.soc.normalizing import Record

LINE = re.compile(
    r"(?:node=(?P<node>\S+) )?type=(?P<type>[A-Z0-9_\[\]]+) msg=audit\((?P<id>[0-9.]+:\d+)\): ?(?P<rest>.*)"
)
PAIR = re.compile(r"""(?P<name>[A-Za-z0-9_\[\]-]+)=(?P<value>"[^"]*"|'[^']*'|\S*)""")
HEX = re.compile(r"(?:[0-9A-F]{2})+")

OPEN_EVENTS_MAX = 4096
"""Events joined at once; a busy machine interleaves a few dozen."""

JOIN_WAIT: Duration = seconds(5)
"""Time after which no more records of an event are awaited; ausearch waits two seconds, a stopped daemon longer."""

ENCODED = frozenset(
    {"proctitle", "comm", "exe", "cwd", "name", "acct", "cmd", "data", "dir", "file", "path", "key", "vm"}
)
"""Fields the kernel writes in hex when they hold a space, a quote or a control character."""

SEVERAL = frozenset({"PATH", "OBJ_PID", "SOCKADDR"})
"""Record types an event may hold more than one of; always lists in `raw`."""


@dataclass
class _Open:
    line: int
    at: Instant
    raw: dict[str, Any] = field(default_factory=dict)


def recognizes(text: str) -> bool:
    """Tells whether the line has this form."""
    return bool(LINE.fullmatch(text))


class Joiner:
    """Joins the records of one file. `push` may return events that are complete; `rest` returns what is left."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    def push(self, line: Line) -> list[Record]:
        """Takes a line.

        Raises:
            UnreadableError: it is no audit record, or repeats one that its event has already.
        """
        found = LINE.fullmatch(line.text)
        at = epoch(found["id"].partition(":")[0]) if found else None
        if not found or at is None:
            raise UnreadableError("audit-form", "expected: type=TYPE msg=audit(SECONDS:SERIAL): fields")
        key = f"{found['node'] or ''} {found['id']}"
        event = self._open.setdefault(key, _Open(line.number, at, _head(found)))
        _add(event.raw, found["type"], _fields(found["type"], found["rest"]))
        if found["type"] in {"PROCTITLE", "EOE"}:
            return [_record(self._open.pop(key))]
        return self._stale(at)

    def rest(self) -> list[Record]:
        """Returns the events that were still open at the end of the file."""
        left = [_record(event) for event in self._open.values()]
        self._open.clear()
        return left

    def _stale(self, now: Instant) -> list[Record]:
        oldest = next(iter(self._open))
        if len(self._open) <= OPEN_EVENTS_MAX and self._open[oldest].at + JOIN_WAIT >= now:
            return []
        return [_record(self._open.pop(oldest))]


def _head(found: re.Match[str]) -> dict[str, Any]:
    return {"id": found["id"]} | ({"node": visible(found["node"])} if found["node"] else {})


def _add(raw: dict[str, Any], kind: str, fields: dict[str, str]) -> None:
    if kind in SEVERAL:
        raw.setdefault(kind, []).append(fields)
    elif kind == "EXECVE" and kind in raw:
        raw[kind] |= fields  # the kernel splits long argument lists over several records
    elif kind in raw:
        raise UnreadableError("audit-repeated", f"a second {kind} record in one event")
    else:
        raw[kind] = fields


def _fields(kind: str, text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    plain, _, enriched = text.partition("\x1d")  # after the separator stand names that auditd itself looked up
    for found in PAIR.finditer(f"{plain} {enriched}"):
        name, value = found["name"], found["value"]
        if name == "msg" and value.startswith("'"):
            fields |= _fields(kind, value[1:-1])
        else:
            fields[name] = visible(_value(kind, name, value))
    return fields


def _value(kind: str, name: str, value: str) -> str:
    if value[:1] in {'"', "'"}:
        return value[1:-1]
    encoded = name in ENCODED or (kind == "EXECVE" and re.fullmatch(r"a\d+(?:\[\d+\])?", name))
    if encoded and HEX.fullmatch(value):
        text = bytes.fromhex(value).decode(errors="surrogateescape")
        return text.replace("\0", " ").rstrip() if name == "proctitle" else text
    return value


def _joined(fields: dict[str, str]) -> dict[str, str]:
    """Joins `a2[0] a2[1] ...`, the pieces of one long argument, to `a2`, and drops their lengths."""
    whole: dict[str, str] = {}
    for name, value in fields.items():
        if re.fullmatch(r"a\d+_len", name):
            continue
        base = name.partition("[")[0]
        whole[base] = whole.get(base, "") + value if "[" in name else value
    return whole


def _record(event: _Open) -> Record:
    raw = event.raw
    if "EXECVE" in raw:
        raw["EXECVE"] = _joined(raw["EXECVE"])
    return Record(source="audit", line=event.line, at=event.at, raw=raw)
