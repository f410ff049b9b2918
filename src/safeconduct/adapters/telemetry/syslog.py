"""rsyslog's RFC 3339 lines: `TIME HOST PROGRAM[PID]: MESSAGE`."""

import re

from safeconduct.adapters.telemetry.lines import Line, UnreadableError, visible
from safeconduct.adapters.telemetry.times import instant
from safeconduct.soc.normalizing import Record

LINE = re.compile(
    r"(?P<timestamp>\d{4}-\d\d-\d\dT\S+) (?P<hostname>\S+) "
    r"(?P<program>[^\s\[\]:]+)(?:\[(?P<pid>\d+)\])?:(?: (?P<message>.*))?"
)
TRADITIONAL = re.compile(r"(?:<\d+>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [^\s:]+: ")


def recognizes(text: str) -> bool:
    """Tells whether the line has this form, with the old time format too: that is told as such, line by line."""
    return bool(LINE.fullmatch(text) or TRADITIONAL.match(text))


def parse(line: Line) -> Record:
    """Reads one line.

    Raises:
        UnreadableError: another form, or a time that names no instant.
    """
    found = LINE.fullmatch(line.text)
    if not found:
        if TRADITIONAL.match(line.text):
            raise UnreadableError(
                "time-without-year",
                "the time has neither year nor offset; let rsyslog write RSYSLOG_FileFormat (RFC 3339 times)",
            )
        raise UnreadableError("syslog-form", "expected: RFC 3339 time, host, program[pid]: message")
    raw = {name: visible(value) for name, value in found.groupdict(default="").items() if name != "pid" or value}
    return Record(source="auth", line=line.number, at=instant(raw["timestamp"]), raw=raw)
