"""The common columns of events: what a hunt may ask for by name, and where in OCSF each stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from safeconduct.soc.model import Event
from safeconduct.soc.pointers import pointer, steps_of


@dataclass(frozen=True, slots=True)
class Column:
    """A common column: one value of an event, the first found at these places. `whole` numbers compare as numbers."""

    name: str
    places: tuple[str, ...]
    whole: bool = False


COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        Column("class", ("/ocsf/class_uid",), whole=True),
        Column("activity", ("/ocsf/activity_id",), whole=True),
        Column("status", ("/ocsf/status",)),
        Column("host", ("/ocsf/device/hostname",)),
        Column("user", ("/ocsf/user/name", "/ocsf/process/user/name", "/ocsf/job/user/name", "/ocsf/actor/user/name")),
        Column("actor", ("/ocsf/actor/user/name",)),
        Column("src_ip", ("/ocsf/src_endpoint/ip",)),
        Column("src_port", ("/ocsf/src_endpoint/port",), whole=True),
        Column("dst_ip", ("/ocsf/dst_endpoint/ip",)),
        Column("dst_port", ("/ocsf/dst_endpoint/port",), whole=True),
        Column("bytes_out", ("/ocsf/traffic/bytes_out",), whole=True),
        Column("bytes_in", ("/ocsf/traffic/bytes_in",), whole=True),
        Column("process", ("/ocsf/process/file/path",)),
        Column("command", ("/ocsf/process/cmd_line", "/ocsf/job/cmd_line")),
        Column("pid", ("/ocsf/process/pid",), whole=True),
        Column("parent", ("/ocsf/process/parent_process/file/path", "/ocsf/actor/process/file/path")),
        Column("ppid", ("/ocsf/process/parent_process/pid",), whole=True),
        Column("file", ("/ocsf/file/path",)),
        Column("query", ("/ocsf/query/hostname",)),
        Column("url", ("/ocsf/http_request/url/url_string", "/ocsf/http_request/url/path")),
        Column("method", ("/ocsf/http_request/http_method",)),
        Column("agent", ("/ocsf/http_request/user_agent",)),
        Column("code", ("/ocsf/http_response/code",), whole=True),
        Column("api", ("/ocsf/api/operation",)),
    )
}
"""Name -> column. A name stays what it is: saved hunts use it."""

NAMES_MAX = 8_192
"""Names of members whose spelling in pointers is kept: as many as all telemetry we know has."""

WHOLE_MAX = 2**63 - 1
"""The greatest number in a column of whole numbers: what every engine's 64 bits hold."""


def column_value(event: Event, column: Column) -> Any:  # noqa: ANN401 - JSON
    """Returns an event's value in a column as it stands in the event, or None."""
    found = (value for place in column.places for value in values_at(event, place))
    return next(found, None)


def folded(value: Any) -> str:  # noqa: ANN401 - JSON
    """Returns a value as hunts compare it: text in lower case; true and false; numbers as written.

    NUL is U+FFFD here: some engines end a text at it, and what follows it must not be hidden by it.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).lower().replace("\0", "\ufffd")


def whole_number(value: Any) -> int | None:  # noqa: ANN401 - JSON
    """Returns a value of a column of whole numbers, or None where it is none, or none that 64 bits hold."""
    text = str(value)
    digits = text.removeprefix("-")
    if isinstance(value, bool) or not digits.isascii() or not digits.isdigit() or len(digits) > len(str(WHOLE_MAX)):
        return None
    return number if abs(number := int(text)) <= WHOLE_MAX else None


def values_at(event: Event, place: str) -> Iterator[Any]:
    """Yields the values at a JSON pointer into an event's document that are there.

    A list on the way stands for each of its elements, so that a pointer has no index; so does one at the end.
    """
    root, *steps = _steps(place)
    document: Mapping[str, Any] = {"raw": event.raw, "ocsf": event.ocsf}
    return _below(document.get(root), steps)


@lru_cache(maxsize=NAMES_MAX)
def named(name: str) -> str:
    """Returns the step to a member, as a pointer has it."""
    return pointer(name)


@lru_cache(maxsize=NAMES_MAX)
def _steps(place: str) -> tuple[str, ...]:
    return tuple(steps_of(place))


def values_below(event: Event) -> dict[str, list[Any]]:
    """Returns every value of an event that `values_at` gives, by its pointer."""
    found: dict[str, list[Any]] = {}
    for name, value in (("raw", event.raw), ("ocsf", event.ocsf)):
        _gather(value, "/" + name, found)
    return found


def _gather(value: Any, at: str, found: dict[str, list[Any]]) -> None:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        for name, item in value.items():
            _gather(item, at + named(name), found)
    elif isinstance(value, list | tuple):
        for item in value:
            _gather(item, at, found)
    elif value is not None and value != "":
        found.setdefault(at, []).append(value)


def _below(value: Any, steps: Sequence[str]) -> Iterator[Any]:  # noqa: ANN401 - JSON
    if isinstance(value, list | tuple):
        for item in value:
            yield from _below(item, steps)
    elif steps and isinstance(value, Mapping):
        yield from _below(value.get(steps[0]), steps[1:])
    elif not steps and value is not None and value != "" and not isinstance(value, Mapping):
        yield value
