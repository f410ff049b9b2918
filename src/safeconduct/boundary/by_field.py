"""Finds by field what is an organization's own in events, and events in text.

A value that a field tells is sought again in all of the request's texts (boundary/names.py): the name of an account
stands in a command line too.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from safeconduct.access.inventory import NO_INVENTORY, Inventory
from safeconduct.boundary.account_shapes import ACCOUNT, account_kind, is_built_in_domain
from safeconduct.boundary.address_shapes import address_class
from safeconduct.boundary.event_fields import Leaf, Schema, leaves, said_of, schema_of, tag_of
from safeconduct.boundary.host_shapes import HOST
from safeconduct.boundary.kept_shapes import INDICATOR
from safeconduct.boundary.names import NAME_LENGTH_MAX, NO_NAMES, Names
from safeconduct.boundary.secret_shapes import SECRET, assigns_secret

WASTE_MAX = 4
"""How often a text's length may be read in vain, of what begins like an event and is none. The rest is free text."""

NESTED_MAX = 3
"""How deep events are sought in the texts of events: a log line in an argument of a tool's call."""

KNOWN_MAX = 10_000
"""Values of one request that its fields tell and that are sought again in it: those of some thousand events."""

KEPT_MIN = 6
"""Characters of the shortest value that a field keeps everywhere: `5` is a logon's number, and everybody else's too."""

What = tuple[str, str]
"""A kind and a class."""


class FieldFinding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a field of a document holds. `pointer` is where (RFC 6901)."""

    pointer: str
    kind: str
    data_class: str
    value: str


def recognize_fields(document: Any, inventory: Inventory = NO_INVENTORY) -> tuple[FieldFinding, ...]:  # noqa: ANN401 - JSON
    """Returns what the fields of an event, or of a list of events, say of their values."""
    events = document if isinstance(document, list) else [document]
    found: list[FieldFinding] = []
    for place, event in enumerate(events):
        if isinstance(event, Mapping):
            found += _of_event(event, f"/{place}" if isinstance(document, list) else "", inventory)
    return tuple(found)


def _of_event(event: Mapping[str, Any], pointer: str, inventory: Inventory) -> Iterator[FieldFinding]:
    records = event.get("Records")
    if isinstance(records, list):  # CloudTrail's files
        for place, one in enumerate(records):
            if isinstance(one, Mapping):
                yield from _of_event(one, f"{pointer}/Records/{place}", inventory)
        return
    schema = schema_of(event)
    for leaf in leaves(event):
        tag = tag_of(leaf, inventory.classes)
        value = leaf.value.strip()
        what = ("tagged", tag) if tag and value else _told(leaf, schema, value, inventory)
        if what is not None:
            yield FieldFinding(pointer=pointer + leaf.pointer, kind=what[0], data_class=what[1], value=value)


def _told(leaf: Leaf, schema: Schema, value: str, inventory: Inventory) -> What | None:
    said = said_of(leaf, schema)
    if said:
        return _judged(said, value, inventory)
    return ("field-secret", SECRET) if leaf.names and assigns_secret(leaf.names[-1], value) else None


def _judged(said: str, value: str, inventory: Inventory) -> What | None:
    judge = _JUDGES.get(said)
    return judge(value, inventory) if judge and value not in ("", "-") else None


def _host(value: str, inventory: Inventory) -> What | None:
    if value.lower() in ("localhost", "localhost.localdomain") or not any(one.isalpha() for one in value):
        return address_class(value, inventory)
    return address_class(value, inventory) or ("field-host", HOST)


def _domain(value: str, _: Inventory) -> What | None:
    return None if is_built_in_domain(value) else ("field-domain", HOST)


def _account(value: str, _: Inventory) -> What | None:
    return account_kind(value, "field-account")


def _keep(value: str, _: Inventory) -> What | None:
    return ("kept-field", INDICATOR) if len(value) >= KEPT_MIN else None


_JUDGES: Mapping[str, Callable[[str, Inventory], What | None]] = {
    "account": _account,
    "host": _host,
    "domain": _domain,
    "address": address_class,
    "mail": lambda value, _: ("field-mail", "mail") if "@" in value else None,
    "secret": lambda value, _: ("field-secret", SECRET) if value.strip("*<>") and len(value) >= KEPT_MIN else None,
    "keep": _keep,
}


def events_in(text: str) -> Iterator[Any]:
    """Yields the JSON objects and lists that stand in a text, each from its first bracket in a line on."""
    at, waste = 0, WASTE_MAX * len(text)
    while waste > 0 and (begin := _bracket(text, at)) >= 0:
        try:
            value, at = _DECODER.raw_decode(text, begin)
        except json.JSONDecodeError as error:
            waste -= error.pos - begin + 1
            at = _next_line(text, begin)
        except RecursionError:
            waste -= len(text)
            at = _next_line(text, begin)
        else:
            yield value


def _next_line(text: str, at: int) -> int:
    line = text.find("\n", at)
    return line + 1 if line >= 0 else len(text)


_DECODER = json.JSONDecoder()


def _bracket(text: str, at: int) -> int:
    found = [place for place in (text.find("{", at), text.find("[{", at)) if place >= 0]
    return min(found, default=-1)


def names_in(texts: Iterable[str], inventory: Inventory = NO_INVENTORY) -> Names:
    """Returns what the fields of all events in texts tell, to be sought in each of the texts."""
    known: dict[str, What] = {}
    for text in texts:
        for event in _events(text, 0) if "{" in text else ():
            for one in recognize_fields(event, inventory):
                if len(known) < KNOWN_MAX:
                    _learn(known, one)
    return Names(known) if known else NO_NAMES


def _events(text: str, depth: int) -> Iterator[Any]:
    """Yields the events in a text, and those in the texts of events."""
    nests = depth < NESTED_MAX and "\\" in text  # a member's name within a text has its quotes escaped
    for event in events_in(text):
        yield event
        for one in (leaf.value for leaf in leaves(event) if "{" in leaf.value) if nests else ():
            yield from _events(one, depth + 1)


def _learn(known: dict[str, What], one: FieldFinding) -> None:
    """Notes a value in small letters, in each spelling that JSON gives it; of a host's name its first label as well."""
    value = one.value.rstrip("$") if one.data_class in (ACCOUNT, HOST) else one.value
    for name in (value, value.partition(".")[0]) if one.kind == "field-host" else (value,):
        if 1 < len(name) <= NAME_LENGTH_MAX:
            for spelled in {name.lower(), _in_json(name).lower()}:
                known.setdefault(spelled, (one.kind, one.data_class))


def _in_json(value: str) -> str:
    if value.isascii() and "\\" not in value and '"' not in value:
        return value
    return "".join(
        f"\\u{ord(one):04x}" if not one.isascii() else {"\\": "\\\\", '"': '\\"'}.get(one, one) for one in value
    )
