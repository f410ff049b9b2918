"""Lines for whoever keeps logs of programs: one an event, as text or JSON, without anything that somebody said.

The joint log is the record; these lines are for finding out what a process does. What a library raised is told by its
type alone: its words may quote a request.
"""

import logging
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from safeconduct.kernel.instants import Instant, rfc3339

if TYPE_CHECKING:
    from safeconduct.gateway.observing import EndedCall, RefusedCall

LINE_CHARS_MAX = 2000
"""Characters of a message. Ours have up to 200; a library's may be anything."""

_NAMED = "safeconduct_fields"
_calls = logging.getLogger("safeconduct.calls")


class LineFormat(StrEnum):
    """How lines are written."""

    TEXT = "text"
    JSON = "json"


class Lines(logging.Formatter):
    """Writes a record as one line. `now` is asked for each."""

    def __init__(self, form: LineFormat, now: Callable[[], Instant]) -> None:
        super().__init__()
        self._form = form
        self._now = now

    def format(self, record: logging.LogRecord) -> str:
        said = self._said(record)
        if self._form is LineFormat.JSON:
            return msgspec.json.encode(said).decode()
        told = " ".join(f"{name}={value}" for name, value in said.items() if name not in _HEAD and value is not None)
        return " ".join(part for part in (*(str(said[name]) for name in _HEAD), told) if part)

    def _said(self, record: logging.LogRecord) -> dict[str, Any]:
        raised = record.exc_info[0] if record.exc_info else None
        return {
            "at": rfc3339(self._now()),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": " ".join(record.getMessage().split())[:LINE_CHARS_MAX],
            **getattr(record, _NAMED, {}),
            **({"raised": raised.__name__} if raised else {}),
        }


_HEAD = ("at", "level", "from", "event")


class CallLines:
    """`Observer` that writes a line for each call and refusal."""

    def running(self, change: int) -> None:
        """Says nothing: a call is told of when it ended."""

    def ended(self, call: "EndedCall") -> None:
        fields = msgspec.structs.asdict(call)
        told = {name: fields[name] for name in _TOLD} | {"seconds": round(call.seconds, 3)}
        _calls.info("call ended", extra={_NAMED: told})

    def refused(self, refused: "RefusedCall") -> None:
        _calls.info("request refused", extra={_NAMED: msgspec.structs.asdict(refused)})

    def unidentified(self) -> None:
        """Says nothing: whoever floods us with strangers must not flood the lines. They are counted."""


_TOLD = ("call", "path", "dialect", "upstream", "model", "end", "why", "attempt", "prompt_tokens", "completion_tokens")


def write_lines(form: LineFormat, now: Callable[[], Instant]) -> None:
    """Writes what this process logs to standard error, from here on and nowhere else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(form, now))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _calls.setLevel(logging.INFO)
