"""What rules see of an event, as columns of a segment: its stream, and each value under the place a rule may name.

A place is a pointer in which `*` stands for each element of a list; what stands below it is its values. A Windows
record's fields stand under their own names instead, whatever shape it came in.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from safeconduct.soc.detection.values import text_of
from safeconduct.soc.detection.views import Stream, stream_of
from safeconduct.soc.detection.windows_fields import HEADER, SYSTEM, header_of
from safeconduct.soc.hunts.columns import folded, named
from safeconduct.soc.model import Event
from safeconduct.soc.windows import SOURCE, WindowsRecord, glance, windows_record

ANY_RECORD = "/raw/*/"
"""How a place in any record of an audit event begins: these are told apart by their types, not by a list."""

Texts = dict[str, list[str | None]]


def stream_text(event: Event) -> str:
    """Returns an event's stream as one text, which `stream_from` reads."""
    source, class_uid, kind, code = stream_of(event, glance(event.raw) if event.source == SOURCE else None)
    return f"{source}/{class_uid}/{code}/{kind}".replace("\0", "\ufffd")


def stream_from(text: str) -> Stream:
    """Returns the stream of a text."""
    source, class_uid, code, kind = text.split("/", 3)
    return Stream(source, int(class_uid), kind, int(code))


def rule_texts(event: Event) -> Texts:
    """Returns the values of an event as rules compare them, null where there is none, by place."""
    found: Texts = {}
    record = windows_record(event.raw) if event.source == SOURCE else None
    if record is not None:
        _gather_record(record, event.raw, found)
    else:
        _gather_below(event.raw, "/raw", found)
    if event.source == "audit":
        _gather_records(event.raw, found)
    _gather_below(event.ocsf, "/ocsf", found)
    return found


def data_key(name: str) -> str:
    """Returns the place of a Windows record's own field."""
    return "/data" + named(name)


def header_key(name: str) -> str:
    """Returns the place of a member of a Windows record's header."""
    return "/header" + named(name)


def _gather_record(record: WindowsRecord, raw: Mapping[str, Any], found: Texts) -> None:
    for name, value in record.data.items():
        if value is not None:
            found[data_key(name)] = [_text(one) for one in _scalars(value)]
    for name, attribute in HEADER.items():
        found[header_key(name)] = [_text(getattr(record, attribute))]
    system, _ = header_of(raw)
    for name in SYSTEM & system.keys():
        if system[name] is not None:
            found[header_key(name)] = [_text(one) for one in _scalars(system[name])]


def _gather_below(value: Any, at: str, found: Texts) -> list[str | None]:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        below = [text for name, item in value.items() for text in _gather_below(item, at + named(name), found)]
    elif isinstance(value, list):
        below = [text for item in value for text in _gather_below(item, f"{at}/*", found)]
    else:
        below = [_text(value)]
    if below:
        found.setdefault(at, []).extend(below)
    return below


def _gather_records(raw: Mapping[str, Any], found: Texts) -> None:
    for record in raw.values():
        if isinstance(record, Mapping):
            for name, value in record.items():
                found.setdefault(ANY_RECORD + name, []).extend(_text(one) for one in _scalars(value))


def _scalars(value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _scalars(item)
    else:
        yield value


def _text(value: Any) -> str | None:  # noqa: ANN401 - JSON
    return None if value is None else folded(text_of(value))
