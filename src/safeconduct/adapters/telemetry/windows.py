"""When a Windows event happened, by what its shape says of it."""

from collections.abc import Mapping
from typing import Any

from safeconduct.adapters.telemetry.lines import UnreadableError
from safeconduct.adapters.telemetry.times import instant
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import Instant, parse_rfc3339

SYSMON = "Microsoft-Windows-Sysmon"
_NO_TIME = ("time-missing", "expected Event/System/TimeCreated, or TimeCreated, UtcTime (Sysmon) or @timestamp")


def windows_instant(raw: Mapping[str, Any], zone: str = "") -> Instant:
    """Returns when an event was created.

    Sysmon's `UtcTime` is UTC by its definition, and stands in for a flat line's `TimeCreated` that is absent or without
    offset: there some collectors write the machine's local time. Then it is taken to be of `zone`, if one is given, and
    then the collector's own `@timestamp` is taken.

    Raises:
        UnreadableError: no time (`time-missing`), none that is one (`time-unknown`), one without offset.
    """
    written = _system_time(raw) if "Event" in raw else raw.get("TimeCreated")
    try:
        return _exact(written)
    except UnreadableError:
        if raw.get("SourceName") == SYSMON and isinstance(raw.get("UtcTime"), str):
            return _exact(raw["UtcTime"] + "Z")
        if zone and written is not None:
            return instant(written, zone)
        if "@timestamp" in raw:
            return _exact(raw["@timestamp"])
        raise


def _system_time(raw: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    try:
        return raw["Event"]["System"]["TimeCreated"]["#attributes"]["SystemTime"]
    except (KeyError, TypeError):
        return None


def _exact(written: Any) -> Instant:  # noqa: ANN401 - JSON
    if not isinstance(written, str):
        raise UnreadableError(*_NO_TIME)
    try:
        return parse_rfc3339(written)
    except InvalidInputError:
        return instant(written)  # names what is wrong with it, and reads the odder forms
