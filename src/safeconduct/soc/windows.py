"""Windows event records, whatever wrote them: one view over the shapes they come in.

Two shapes are read, each because samples of it exist: the rendering of an event log (`Event` with `System` and
`EventData`, `UserData` or `ProcessingErrorData`), and the flat lines of NXLog and of the collectors that copy it, where
members of the header and of the event stand side by side.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from safeconduct.soc.pointers import pointer

SOURCE = "windows"
"""`Event.source` of these records."""

SECTIONS = ("EventData", "UserData", "ProcessingErrorData")
"""Where a rendered event keeps its own data; the first that holds any is read."""

FLAT_HEADER = frozenset((
    "@timestamp", "@version", "AccountName", "AccountType", "Channel", "Computer", "EventID",
    "EventReceivedTime", "EventTime", "EventTypeOrignal", "ExecutionProcessID", "Hostname", "Keywords", "Level",
    "Opcode", "OpcodeValue", "ProviderGuid", "RecordNumber", "Severity", "SeverityValue", "SourceModuleName",
    "SourceModuleType", "SourceName", "Task", "ThreadID", "TimeCreated", "Version", "host", "port", "tags",
    "@occurrence",
))  # fmt: skip
"""Members of a flat line that its logger or shipper wrote; all others are the event's own."""

NESTED_MAX = 8
"""Levels of `UserData` looked into. Real ones have two; a deeper one is made to break a reader."""

Glance = tuple[str, str, int, Mapping[str, Any]]
"""A record's channel, provider, event id and data."""

_Places = Mapping[str, str]
_ATTRIBUTES, _TEXT = "#attributes", "#text"
_RENDERED = {
    "Channel": "/raw/Event/System/Channel",
    "Provider_Name": "/raw/Event/System/Provider/#attributes/Name",
    "EventID": "/raw/Event/System/EventID",
    "Computer": "/raw/Event/System/Computer",
    "EventRecordID": "/raw/Event/System/EventRecordID",
}
_QUALIFIED = {**_RENDERED, "EventID": "/raw/Event/System/EventID/#text"}
_FLAT = {
    "Channel": "/raw/Channel",
    "Provider_Name": "/raw/SourceName",
    "EventID": "/raw/EventID",
    "Computer": "/raw/Hostname",
    "EventRecordID": "/raw/RecordNumber",
}
_FLAT_COMPUTER = {**_FLAT, "Computer": "/raw/Computer"}


class Pointers(Mapping[str, str]):
    """Where each field of a record stands in its event's document. Made when asked: few of them ever are."""

    __slots__ = ("_at", "_data", "_header", "_places")

    def __init__(self, header: _Places, data: Mapping[str, Any], at: str, places: _Places) -> None:
        """`header` and `places` win over `at`, below which all other data stands under its own name."""
        self._header = header
        self._data = data
        self._at = at
        self._places = places

    def __getitem__(self, name: str) -> str:
        found = self._header.get(name) or self._places.get(name)
        if found is None and name in self._data:
            return self._at + pointer(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys((*self._header, *self._data))

    def __len__(self) -> int:
        return len(self._header.keys() | self._data.keys())


class WindowsRecord(NamedTuple):
    """One Windows event: its header, and its own data by the names the event gives them.

    `event_id` is 0 and the texts are empty where the record doesn't say. A value of `data` is a scalar or a list of
    scalars. `pointers` leads from each name of `data`, and from the header's names as Sigma writes them (`Channel`,
    `Provider_Name`, `EventID`, `Computer`, `EventRecordID`), to its place under `/raw`.
    """

    channel: str
    provider: str
    event_id: int
    computer: str
    record_id: int
    data: Mapping[str, Any]
    pointers: Mapping[str, str]


def windows_record(raw: Mapping[str, Any]) -> WindowsRecord | None:
    """Returns the record as one of Windows, or None if it is none."""
    event = raw.get("Event")
    if event is None:
        return _flat(raw) if _is_flat(raw) else None
    system = _system(event)
    return None if system is None else _rendered(event, system)


def _system(event: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - JSON
    system = event.get("System") if type(event) is dict else None
    return system if type(system) is dict and "EventID" in system else None


def _rendered(event: Mapping[str, Any], system: Mapping[str, Any]) -> WindowsRecord:
    header = _QUALIFIED if type(system["EventID"]) is dict else _RENDERED
    channel, provider, code = _named(system)
    data, at, places = _own(event)
    return WindowsRecord(
        channel,
        provider,
        code,
        _text(system.get("Computer")),
        whole(system.get("EventRecordID")),
        data,
        Pointers(header, data, at, places),
    )


def _named(system: Mapping[str, Any]) -> tuple[str, str, int]:
    code, provider = system["EventID"], system.get("Provider")
    if type(code) is dict:
        code = code.get(_TEXT)
    named = provider.get(_ATTRIBUTES) if type(provider) is dict else None
    name = _text(named.get("Name") or named.get("EventSourceName")) if type(named) is dict else ""
    return _text(system.get("Channel")), name, code if type(code) is int else whole(code)


def _own(event: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, _Places]:
    for name in SECTIONS:
        section = event.get(name)
        if type(section) is dict:
            at = f"/raw/Event/{name}"
            if dict not in map(type, section.values()):
                return section, at, {}  # what nearly every event is
            found = dict(_leaves(section, at, 0))
            return {n: value for n, (value, _) in found.items()}, at, {n: place for n, (_, place) in found.items()}
    return {}, "", {}


def _leaves(section: Mapping[str, Any], at: str, depth: int) -> Iterator[tuple[str, tuple[Any, str]]]:
    for name, value in section.items():
        place = at + pointer(name)
        if name == _ATTRIBUTES:
            continue
        if type(value) is not dict:
            yield name, (value, place)
        elif _TEXT in value:
            yield name, (value[_TEXT], place + pointer(_TEXT))
        elif depth < NESTED_MAX:
            yield from _leaves(value, place, depth + 1)


def glance(raw: Mapping[str, Any]) -> Glance | None:
    """Returns what `windows_record` says of channel, provider, event id and data, for less; None where it does.

    Of a flat line it is the whole line, in which members of FLAT_HEADER are none of its data.
    """
    event = raw.get("Event")
    if event is None:
        channel, provider, code = raw.get("Channel"), raw.get("SourceName"), raw.get("EventID")
        if provider and type(provider) is type(channel) is str and type(code) is int:
            return channel, provider, code, raw  # what nearly every line is
        if not _is_flat(raw):
            return None
        return _text(raw["Channel"]), _text(raw.get("SourceName")), whole(raw["EventID"]), raw
    system = _system(event)
    return None if system is None else (*_named(system), _own(event)[0])


def _is_flat(raw: Mapping[str, Any]) -> bool:
    if "Channel" not in raw or "EventID" not in raw:
        return False
    named = isinstance(raw.get("SourceName") or raw.get("ProviderGuid"), str)
    return named and bool(whole(raw["EventID"]) or raw["EventID"] in (0, "0"))  # a tuple: it may be a list


def _flat(raw: Mapping[str, Any]) -> WindowsRecord:
    computer = "Hostname" if "Hostname" in raw else "Computer"
    data = {name: value for name, value in raw.items() if name not in FLAT_HEADER}
    return WindowsRecord(
        _text(raw["Channel"]),
        _text(raw.get("SourceName")),
        whole(raw["EventID"]),
        _text(raw.get(computer)),
        whole(raw.get("RecordNumber")),
        data,
        Pointers(_FLAT, data, "/raw", {}) if computer == "Hostname" else Pointers(_FLAT_COMPUTER, data, "/raw", {}),
    )


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return value if type(value) is str else ""


def whole(value: Any) -> int:  # noqa: ANN401 - JSON
    """Returns a whole number that is written as one or as its digits; 0 for anything else."""
    if type(value) is int:
        return value
    # Fifteen digits: below 2^53, so that every JSON reader keeps it.
    return int(value) if type(value) is str and value.isascii() and value.isdigit() and len(value) < 16 else 0  # noqa: PLR2004
