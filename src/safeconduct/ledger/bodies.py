"""The clear content of an entry as its canonical bytes: written once, hashed as it is, read when it is looked into."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.inspect import (
    BoolType,
    DataclassType,
    EnumType,
    IntType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)

from safeconduct.kernel.canonical import INTEGER_MAX, JSONValue, is_plain, ordered
from safeconduct.kernel.errors import InvalidInputError

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class EncodedBody(Mapping[str, JSONValue]):
    """A map by its canonical bytes. Most of those who read an entry read the bytes as its event."""

    __slots__ = ("encoded",)

    def __init__(self, encoded: bytes) -> None:
        self.encoded = encoded

    def __getitem__(self, name: str) -> JSONValue:
        value: JSONValue = self._members()[name]
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._members())

    def __len__(self) -> int:
        return len(self._members())

    def __repr__(self) -> str:
        return repr(self._members())

    def _members(self) -> dict[str, Any]:
        return _decode(self.encoded)


def encoded_body(body: Mapping[str, JSONValue]) -> EncodedBody:
    """Returns a map's canonical form; one that has it already is itself.

    Raises:
        InvalidInputError: it has none.
    """
    return body if isinstance(body, EncodedBody) else EncodedBody(encoded_value(body))


def encoded_event(event: object) -> EncodedBody:
    """Returns the canonical form of an event: a struct or dataclass, whose fields are the members.

    Raises:
        InvalidInputError: it has none.
    """
    try:
        if _is_plain(event):
            encoded = _encode_sorted(event)  # sorts an event's names, which are ASCII
            if encoded.isascii():
                return EncodedBody(encoded)
    except UnicodeEncodeError:
        pass  # is found again below, and told
    return EncodedBody(encoded_value(msgspec.to_builtins(event)))


def encoded_value(value: JSONValue) -> bytes:
    """Returns kernel.canonical's bytes of a value, sooner: msgspec writes JSON as it does, which a test holds.

    It sorts names by their UTF-8, which is the canonical order where they are ASCII.

    Raises:
        InvalidInputError: as `canonical`.
    """
    try:
        if type(value) is str:
            return _encode(value)
        if is_plain(value):
            encoded = _encode_sorted(value)
            if encoded.isascii():
                return encoded
        return _encode(ordered(value))
    except UnicodeEncodeError as error:
        raise InvalidInputError("text holds a lone surrogate, which has no UTF-8 form") from error


def _is_plain(event: Any) -> bool:  # noqa: ANN401 - of any event type
    """Tells whether every member is one that `ordered` would leave as it is. False says nothing."""
    numbers, others = _to_check(event.__class__)
    for number in numbers(event):
        if number is not None and not -INTEGER_MAX <= number <= INTEGER_MAX:
            return False
    return all(other in _NOTHING or is_plain(msgspec.to_builtins(other)) for other in others(event))


_NOTHING: tuple[Any, ...] = ((), {}, None)
_Get = Callable[[object], tuple[Any, ...]]


@cache
def _to_check(kind: type) -> tuple[_Get, _Get]:
    """Returns what gets the numbers of an event of this type, and what else of it may not be plain: its types say."""
    found = type_info(kind)
    if not isinstance(found, StructType | DataclassType):
        raise TypeError(f"an event is a struct or a dataclass, {kind.__name__} is neither")
    numbers = [field.name for field in found.fields if _is(field.type, IntType)]
    others = [field.name for field in found.fields if not _is(field.type, IntType) and not _is_text(field.type)]
    return _getter(numbers), _getter(others)


def _is(of: Type, *kinds: type[Type]) -> bool:
    """Tells whether a type is one of some, or none."""
    parts = of.types if isinstance(of, UnionType) else (of,)
    return all(isinstance(part, (NoneType, *kinds)) for part in parts)


def _is_text(of: Type) -> bool:
    return _is(of.item_type if isinstance(of, VarTupleType) else of, StrType, BoolType, EnumType)


def _getter(names: list[str]) -> _Get:
    if not names:
        return lambda _event: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda event: (get(event),)
