"""The clear content of an entry as its canonical bytes: written once, hashed as it is, read when it is looked into."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.inspect import (
    BoolType,
    DataclassType,
    DictType,
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
    """A map by its canonical bytes, read when it is looked into.

    `event` is what they were written from, where that is to the last byte what they decode to: a projection must see
    what a replay sees, and a map, say, may have its members in another order.
    """

    __slots__ = ("encoded", "event")

    def __init__(self, encoded: bytes, event: object = None) -> None:
        self.encoded = encoded
        self.event = event

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


def encoded_event(event: Any) -> EncodedBody:  # noqa: ANN401 - of any event type
    """Returns the canonical form of an event: a struct or dataclass, whose fields are the members.

    Raises:
        InvalidInputError: it has none.
    """
    form = _form(event.__class__)
    if (
        form.others(event) == form.nothing
        and max(map(abs, filter(None, form.numbers(event))), default=0) <= INTEGER_MAX
    ):
        try:
            return EncodedBody(form.encode(event), event)
        except UnicodeEncodeError:
            pass  # it is found again below, and told
    return EncodedBody(encoded_value(msgspec.to_builtins(event)))


def encoded_value(value: JSONValue) -> bytes:
    """Returns kernel.canonical's bytes of a value, sooner: msgspec writes JSON as it does, which a test holds.

    It sorts names by their UTF-8, which is the canonical order where no character is beyond U+FFFF.

    Raises:
        InvalidInputError: as `canonical`.
    """
    try:
        if type(value) is str:
            return _encode(value)
        return encoded_plain(value) if is_plain(value) else _encode(ordered(value))
    except UnicodeEncodeError as error:
        raise InvalidInputError("text holds a lone surrogate, which has no UTF-8 form") from error


def encoded_plain(value: JSONValue) -> bytes:
    """Returns kernel.canonical's bytes of a value that is known to be plain, as `is_plain` has it, and is not asked.

    Raises:
        UnicodeEncodeError: text holds a lone surrogate.
    """
    encoded = _encode_sorted(value)
    # UTF-8 and UTF-16 order names differently only where one has a character beyond U+FFFF.
    return encoded if not any(map(encoded.__contains__, _LONGEST)) else _encode(ordered(value))


_LONGEST = (0xF0, 0xF1, 0xF2, 0xF3, 0xF4)  # first bytes of such characters in UTF-8


_Get = Callable[[Any], tuple[Any, ...]]


class _Form(msgspec.Struct, frozen=True):
    """What an event's type says of its canonical form.

    `numbers` may be too large, `others` may be anything: the rest is text, flags and lists of them. Where these are
    all `nothing`, `encode` writes its members in order; where the class has them in this order, nothing needs to be
    sorted.
    """

    numbers: _Get
    others: _Get
    nothing: tuple[Any, ...]
    encode: Callable[[Any], bytes]


@cache
def _form(kind: type) -> _Form:
    found = type_info(kind)
    if not isinstance(found, StructType | DataclassType):
        raise TypeError(f"an event is a struct or a dataclass, {kind.__name__} is neither")
    names = [field.name for field in found.fields]
    numbers = [field.name for field in found.fields if _is(field.type, IntType)]
    others = {f.name: _nothing(f.type) for f in found.fields if not _is(f.type, IntType) and not _is_text(f.type)}
    encode = _encode if names == sorted(names) else _encode_sorted
    return _Form(_getter(numbers), _getter([*others]), tuple(others.values()), encode)


def _is(of: Type, *kinds: type[Type]) -> bool:
    """Tells whether a type is one of some, or none."""
    parts = of.types if isinstance(of, UnionType) else (of,)
    return all(isinstance(part, (NoneType, *kinds)) for part in parts)


def _is_text(of: Type) -> bool:
    return _is(of.item_type if isinstance(of, VarTupleType) else of, StrType, BoolType, EnumType)


def _nothing(of: Type) -> Any:  # noqa: ANN401 - of any type
    if isinstance(of, DictType):
        return {}
    return () if isinstance(of, VarTupleType) else None


def _getter(names: list[str]) -> _Get:
    if not names:
        return lambda _event: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda event: (get(event),)
