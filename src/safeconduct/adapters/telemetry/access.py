"""The common and combined log formats of nginx and Apache."""

import re

from safeconduct.adapters.telemetry.lines import Line, UnreadableError, visible
from safeconduct.adapters.telemetry.times import common_log
from safeconduct.soc.normalizing import Record

_QUOTED = r'"(?P<{}>(?:[^"\\]|\\.)*)"'
LINE = re.compile(
    r"(?P<remote_addr>\S+) \S+ (?P<remote_user>.+?) \[(?P<time_local>[^\]]+)\] "
    + _QUOTED.format("request")
    + r" (?P<status>\d{3}) (?P<body_bytes_sent>\d+|-)"
    + f"(?: {_QUOTED.format('referer')} {_QUOTED.format('user_agent')})?(?: .*)?"
)


def recognizes(text: str) -> bool:
    """Tells whether the line has this form."""
    return bool(LINE.fullmatch(text))


def parse(line: Line) -> Record:
    """Reads one line; its fields get nginx's names. Escapes stay as the server wrote them.

    Raises:
        UnreadableError: another form or time.
    """
    found = LINE.fullmatch(line.text)
    if not found:
        raise UnreadableError("access-form", "expected the combined log format of nginx or Apache")
    raw = {name: visible(value) for name, value in found.groupdict().items() if value is not None}
    return Record(source="access", line=line.number, at=common_log(raw["time_local"]), raw=raw)
