"""The calendar as an iCalendar file (RFC 5545), so that people see it in the calendar that they use."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from safeconduct.access.due import Due
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.instants import SECOND, Instant

LINE_OCTETS_MAX = 75
"""Octets of a content line, without its end (RFC 5545 section 3.1). Longer ones are folded."""

_ESCAPES = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"}


def icalendar(dues: Iterable[Due], now: Instant) -> bytes:
    """Returns a calendar of one event for each thing, which takes no time of the day.

    An event's UID stays the same while the thing, its owner and its date do, so that a calendar that reads the file
    again replaces it. Text of others can't begin a line: it is escaped, and control characters are left out.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Safeconduct//calendar//EN", "METHOD:PUBLISH"]
    for due in dues:
        lines += _event(due, now)
    return b"".join(folded(line) for line in [*lines, "END:VCALENDAR"])


def _event(due: Due, now: Instant) -> Iterator[str]:
    uid = digest({"kind": due.kind, "name": due.name, "owner": due.owner, "at": due.at})
    yield "BEGIN:VEVENT"
    yield f"UID:{uid}@safeconduct"
    yield f"DTSTAMP:{_utc(now)}"
    yield f"DTSTART:{_utc(due.at)}"
    yield f"SUMMARY:{_text(f'{due.kind} {due.name}')}"
    yield f"DESCRIPTION:{_text(f'{due.owner}: {due.consequence}.{chr(10)}{due.look}')}"
    yield f"CATEGORIES:{_text(due.kind)}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def folded(line: str) -> bytes:
    """Returns a content line with its end, folded so that no part has more than LINE_OCTETS_MAX octets.

    A fold never cuts a character in two.
    """
    parts, room = [b""], LINE_OCTETS_MAX
    for character in line:
        encoded = character.encode()
        if len(parts[-1]) + len(encoded) > room:
            parts.append(b"")
            room = LINE_OCTETS_MAX - 1  # the space that a continued line begins with
        parts[-1] += encoded
    return b"\r\n ".join(parts) + b"\r\n"


def _text(text: str) -> str:
    printable = "".join(one for one in text if one == "\n" or one.isprintable())
    return "".join(_ESCAPES.get(one, one) for one in printable)


def _utc(at: Instant) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
