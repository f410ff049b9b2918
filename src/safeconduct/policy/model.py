"""What a policy decides on: entities with attributes, and a request about them."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from safeconduct.kernel.canonical import JSONValue
from safeconduct.kernel.errors import InvalidInputError


class EntityUid(msgspec.Struct, frozen=True, order=True):
    """The type and the id of an entity. The id may be any text: it never passes through Cedar's surface syntax."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


@dataclass(frozen=True, slots=True)
class Extension:
    """A value of one of Cedar's extension types, such as `ip("192.0.2.0/24")`."""

    function: str
    argument: str


Value: TypeAlias = "bool | int | str | EntityUid | Extension | tuple[Value, ...] | frozenset[str] | Mapping[str, Value]"
"""A Cedar value. Tuples and frozen sets are Cedar sets."""


_NAMELESS = frozenset((bool, int, str, frozenset))


@dataclass(frozen=True, slots=True)
class EntityRecord:
    """One entity of the store. `parents` are the entities it is `in`."""

    uid: EntityUid
    attributes: Mapping[str, Value] = field(default_factory=dict)
    parents: tuple[EntityUid, ...] = ()


class PolicyRequest(msgspec.Struct, frozen=True):
    """May this principal do this action to this resource, in this context?"""

    principal: EntityUid
    action: EntityUid
    resource: EntityUid
    context: Mapping[str, Value] = {}


_FLAT = frozenset((str, bool, int, frozenset, EntityUid))
_ALIKE = frozenset((str, frozenset, EntityUid, Extension))


def encode(value: Value) -> JSONValue:
    """Returns the Cedar JSON form of a value.

    Raises:
        InvalidInputError: the value has none, or a record's name begins with the two underscores Cedar reserves,
            which would let text from outside pose as an entity.
    """
    if isinstance(value, str) or value is True or value is False:  # most there is, and encoded for each call
        return value
    if isinstance(value, int):
        return value
    if isinstance(value, EntityUid):
        return {"__entity": encode_uid(value)}
    if isinstance(value, Extension):
        return {"__extn": {"fn": value.function, "arg": value.argument}}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return encode_record(value)
    raise InvalidInputError(f"{type(value).__name__} has no Cedar form")


def encode_record(record: Mapping[str, Value]) -> dict[str, JSONValue]:
    """Returns the Cedar JSON form of a record."""
    reserved = sorted(name for name in record if name.startswith("__"))
    if reserved:
        raise InvalidInputError(f"{reserved[0]!r} can't be a name: Cedar reserves names with two underscores")
    return {name: encode(item) for name, item in record.items()}


def encode_uid(uid: EntityUid) -> dict[str, JSONValue]:
    """Returns the structured form of a uid."""
    return {"type": uid.type, "id": uid.id}


def hashable(value: Value) -> Hashable:
    """Returns a form by which two values are equal only if Cedar sees them as the same type and content.

    Python alone would call True and 1 equal.
    """
    kind = type(value)
    if kind in _ALIKE or isinstance(value, str | frozenset | EntityUid | Extension):
        return value
    if isinstance(value, bool | int):
        return kind, value
    if isinstance(value, tuple):
        return tuple, tuple(map(hashable, value))
    return dict, tuple((name, hashable(value[name])) for name in sorted(value))


def hashable_record(record: Mapping[str, Value]) -> Hashable:
    """Returns such a form of a record, sooner. The same members in another order may have another."""
    kinds = tuple(map(type, record.values()))
    if _FLAT.issuperset(kinds):  # as each call's context: the types beside the values tell True from 1
        return tuple(record), kinds, tuple(record.values())
    return hashable(record)


def references(value: Value) -> frozenset[EntityUid]:
    """Returns every entity that a value names, at any depth."""
    found: set[EntityUid] = set()
    waiting: list[Value] = [value]
    while waiting:
        one = waiting.pop()
        if type(one) in _NAMELESS:
            continue
        if isinstance(one, EntityUid):
            found.add(one)
        elif isinstance(one, tuple):
            waiting.extend(one)
        elif isinstance(one, Mapping):
            waiting.extend([inner for inner in one.values() if type(inner) not in _NAMELESS])  # for each call
    return frozenset(found)
