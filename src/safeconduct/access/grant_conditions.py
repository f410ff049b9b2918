"""Conditions of a grant: stated in words, and kept only where the gateway enforces them on every call."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from safeconduct.access.model.grants import Conditions, Hours
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import DAY, MINUTE, Instant

PER_CALL = "per-call"
"""The value of condition `approval`: a person approves each call, as `approvals.call` of the program says."""

_DAY_MINUTES = DAY // MINUTE
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_SESSION = re.compile(r"[A-Za-z0-9._:/-]{1,128}")


def parse_conditions(stated: Mapping[str, str]) -> Conditions:
    """Reads conditions: `hours` as `HH:MM-HH:MM` in UTC, `session` as a name, `approval` as `per-call`.

    Raises:
        InvalidInputError: `not-built-yet`: no gateway would hold a call to it; or `condition-invalid`.
    """
    known: Mapping[str, Callable[[str], dict[str, Any]]] = {"hours": _hours, "session": _session, "approval": _approval}
    read: dict[str, Any] = {}
    for name, value in stated.items():
        if name not in known:
            raise InvalidInputError(
                f"no gateway holds a call to condition {name[:64]!r}; there is {', '.join(known)}",
                code="not-built-yet",
                remedy="leave it out: a condition that nothing enforces would only look like one",
            )
        read |= known[name](value)
    return Conditions(**read)


def within(hours: Hours, now: Instant) -> bool:
    """Tells whether an instant lies in the hours, which may reach past midnight."""
    minute = now // MINUTE % _DAY_MINUTES
    if hours.opens < hours.closes:
        return hours.opens <= minute < hours.closes
    return minute >= hours.opens or minute < hours.closes


def next_close(hours: Hours, now: Instant) -> Instant:
    """Returns the next instant after one at which the hours close."""
    minutes = now // MINUTE
    today = minutes - minutes % _DAY_MINUTES + hours.closes
    return Instant((today if today > minutes else today + _DAY_MINUTES) * MINUTE)


def conditions_document(conditions: Conditions) -> dict[str, str]:
    """Returns conditions as they are stated; nothing for those that there are not."""
    stated = {
        "hours": hours_text(conditions.hours) if conditions.hours else "",
        "session": conditions.session,
        "approval": PER_CALL if conditions.hold else "",
    }
    return {name: value for name, value in stated.items() if value}


def hours_text(hours: Hours) -> str:
    """Returns hours as they are stated."""
    return "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in (hours.opens, hours.closes))


def _hours(text: str) -> dict[str, Hours]:
    found = _HOURS.fullmatch(text)
    if found is None:
        raise _invalid("hours", "HH:MM-HH:MM in UTC, such as 08:00-18:00", text)
    opens, closes = (int(found[hour]) * 60 + int(found[hour + 1]) for hour in (1, 3))
    if opens == closes:
        raise _invalid("hours", "two different times", text)
    return {"hours": Hours(opens=opens, closes=closes)}


def _session(text: str) -> dict[str, str]:
    if not _SESSION.fullmatch(text):
        raise _invalid("session", "a name of up to 128 letters, digits and . _ : / -", text)
    return {"session": text}


def _approval(text: str) -> dict[str, bool]:
    if text != PER_CALL:
        raise _invalid("approval", PER_CALL, text)
    return {"hold": True}


def _invalid(name: str, expected: str, got: str) -> InvalidInputError:
    return InvalidInputError(f"condition {name}: expected {expected}, got {got[:64]!r}", code="condition-invalid")
