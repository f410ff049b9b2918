"""What stands in which field of which telemetry: the schemas, and how an event's is recognized.

The table is event_fields.toml. docs/spec/recognizers.md section 4.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

COMMON = "common"
"""The schema of fields that mean one thing wherever they stand."""

DEPTH_MAX = 32
"""How deep an event is followed. Telemetry nests less than ten deep, and what is deeper is read as free text."""


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind of telemetry: the members that tell it, and what is in its fields."""

    name: str
    marks: frozenset[str]
    fields: Mapping[str, str]


Place = tuple["Place", object] | None
"""What a value stands in, and the member's name or the index there; None is the document itself."""


class Leaf(NamedTuple):
    """A value of a document: where it stands, the names that lead to it in small letters, and itself."""

    place: Place
    names: tuple[str, ...]
    value: str

    @property
    def pointer(self) -> str:
        """Where it stands, by RFC 6901. Few of a document's values are asked for it."""
        parts, place = [], self.place
        while place is not None:
            place, name = place
            parts.append(f"/{_escaped(name)}")
        return "".join(reversed(parts))


@cache
def schemas() -> tuple[Schema, ...]:
    """Returns the schemas, the common one last."""
    stated = tomllib.loads(files("safeconduct.boundary").joinpath("event_fields.toml").read_text("utf-8"))
    common = _fields(stated.pop(COMMON))
    found = [Schema(name, frozenset(one["marks"]), common | _fields(one)) for name, one in stated.items()]
    return (*found, Schema(COMMON, frozenset(), common))


def _fields(stated: Mapping[str, list[str]]) -> dict[str, str]:
    return {field: what for what, names in stated.items() if what != "marks" for field in names}


def schema_of(event: Mapping[str, Any]) -> Schema:
    """Returns the schema that an event has most marks of; the common one where it has none."""
    by_mark = _by_mark()
    marked = [place for name in {str(name).lower() for name in event} for place in by_mark.get(name, ())]
    return schemas()[max(sorted(set(marked)), key=marked.count)] if marked else schemas()[-1]


@cache
def _by_mark() -> Mapping[str, tuple[int, ...]]:
    """Returns for each mark the places of the schemas that have it."""
    found: dict[str, tuple[int, ...]] = {}
    for place, schema in enumerate(schemas()):
        for mark in schema.marks:
            found[mark] = (*found.get(mark, ()), place)
    return found


def leaves(value: Any) -> Iterator[Leaf]:  # noqa: ANN401 - JSON
    """Yields the texts and numbers of a document in their order. Deeper than DEPTH_MAX nothing is told."""
    waiting: list[tuple[Any, Place, tuple[str, ...]]] = [(value, None, ())]
    while waiting:
        one, at, path = waiting.pop()
        if isinstance(one, str) or (isinstance(one, int | float) and not isinstance(one, bool)):
            yield Leaf(at, path, str(one))
        elif len(path) < DEPTH_MAX and isinstance(one, dict):
            waiting += [(item, (at, name), (*path, str(name).lower())) for name, item in reversed(one.items())]
        elif isinstance(one, list):
            waiting += [(item, (at, place), path) for place, item in reversed(list(enumerate(one)))]


def _escaped(name: object) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")


def said_of(leaf: Leaf, schema: Schema) -> str:
    """Returns what a schema says of a value's field; empty where it says nothing."""
    if not leaf.names:
        return ""
    return schema.fields.get(".".join(leaf.names[-2:])) or schema.fields.get(leaf.names[-1], "")


def tag_of(leaf: Leaf, tags: Mapping[str, str]) -> str:
    """Returns the class that an operator gave a value's field, by the longest of its names; empty where none."""
    if not tags:
        return ""
    names = leaf.names
    return next((tags[name] for start in range(len(names)) if (name := ".".join(names[start:])) in tags), "")
