"""Zeek's tab-separated logs. Header lines say how what follows is written, and may come again with another log.

The record is the one that Zeek's JSON writer would write, with `_path` for the log, so that one record is one event
however it came. Zeek manual, "Zeek Log Formats": `#separator`, `#set_separator`, `#empty_field`, `#unset_field`,
`#path`, `#fields`, `#types`.
"""

import re
from typing import Any

from safeconduct.adapters.telemetry.lines import Line, UnreadableError, visible
from safeconduct.adapters.telemetry.times import instant
from safeconduct.kernel.canonical import INTEGER_MAX
from safeconduct.kernel.instants import Instant
from safeconduct.soc.normalizing import Record

FIRST = b"#separator "
_HEX = re.compile(r"\\x([0-9a-fA-F]{2})")
_WHOLE = frozenset({"count", "int", "port"})
_LIST = re.compile(r"(?:set|vector)\[(.*)\]")


def begins(head: bytes) -> bool:
    """Tells whether a file begins as these logs do: with how its fields are parted."""
    return head.startswith(FIRST)


class Reader:
    """Reads the lines of one file. `push` returns the record of a line, or none for a header."""

    def __init__(self) -> None:
        self._said = {"separator": "\t", "set_separator": ",", "empty_field": "(empty)", "unset_field": "-"}
        self._fields: list[str] = []
        self._types: list[str] = []

    def push(self, line: Line) -> list[Record]:
        """Takes a line.

        Raises:
            UnreadableError: `zeek-form`: no header came before it, or it has another number of fields; or as `instant`.
        """
        if line.text.startswith("#"):
            self._head(line.text)
            return []
        values = line.text.split(self._said["separator"])
        if not self._fields or len(values) != len(self._fields) or len(self._types) != len(self._fields):
            raise UnreadableError(
                "zeek-form", f"expected {len(self._fields)} fields as #fields says, got {len(values)}"
            )
        raw = self._raw(values)
        return [Record(source="zeek", line=line.number, at=_time(raw), raw=raw)]

    def _head(self, text: str) -> None:
        if text.startswith("#separator "):
            self._said["separator"] = _unescaped(text.removeprefix("#separator ")) or "\t"
            return
        name, *values = text[1:].split(self._said["separator"])
        if name == "fields":
            self._fields = values
        elif name == "types":
            self._types = values
        elif values:
            self._said[name] = values[0]

    def _raw(self, values: list[str]) -> dict[str, Any]:
        named = zip(self._fields, self._types, values, strict=True)
        raw = {
            visible(name): self._value(kind, text) for name, kind, text in named if text != self._said["unset_field"]
        }
        return {"_path": self._said["path"]} | raw if self._said.get("path") else raw

    def _value(self, kind: str, text: str) -> Any:  # noqa: ANN401 - JSON
        several = _LIST.fullmatch(kind)
        if several:
            parts = [] if text == self._said["empty_field"] else text.split(self._said["set_separator"])
            return [_one(several[1], part) for part in parts]
        return "" if text == self._said["empty_field"] else _one(kind, text)


def _one(kind: str, text: str) -> Any:  # noqa: ANN401 - JSON
    if kind == "bool" and text in {"T", "F"}:
        return text == "T"
    if kind in _WHOLE and text.isascii() and text.isdigit() and len(text) < len(str(INTEGER_MAX)):
        return int(text)
    return visible(text)


def _time(raw: dict[str, Any]) -> Instant:
    if "ts" not in raw:
        raise UnreadableError("time-missing", "expected the time in ts")
    return instant(raw["ts"])


def _unescaped(text: str) -> str:
    return _HEX.sub(lambda found: chr(int(found[1], 16)), text)
