"""Canonical JSON: the one byte form of a value that is hashed, signed or stored in the log.

RFC 8785 (JCS), restricted: no floating point, integers within 2^53 - 1, strings without lone surrogates.
The restriction removes the one part of JCS that implementations get wrong (number formatting).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from safeconduct.kernel.errors import InvalidInputError

JSONValue: TypeAlias = "bool | int | str | Sequence[JSONValue] | Mapping[str, JSONValue] | None"

INTEGER_MAX = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 7493)."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_TEXT = frozenset((str,))
_PLAIN = frozenset((str, bool, type(None)))


def canonical(value: JSONValue) -> bytes:
    """Returns the canonical bytes of a value.

    Raises:
        InvalidInputError: the value holds a float, an integer beyond 2^53 - 1, a lone surrogate or a foreign type.
    """
    try:
        return _encode(ordered(value)).encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError("text holds a lone surrogate, which has no UTF-8 form") from error


def digest(value: JSONValue) -> str:
    """Returns the SHA-256 of the canonical bytes as lower-case hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def ordered(value: JSONValue) -> JSONValue:
    """Returns the value, checked, with its members in canonical order: what a JSON encoder then writes is canonical.

    Raises:
        InvalidInputError: the value holds a float, an integer beyond 2^53 - 1 or a foreign type.
    """
    # Every entry and every judged request passes here: text, the commonest kind, costs no call of its own.
    if isinstance(value, Mapping):
        return {name: one if type(one := value[name]) is str else ordered(one) for name in _names(value)}
    if isinstance(value, list | tuple):
        return [one if type(one) is str else ordered(one) for one in value]
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise InvalidInputError(f"integer {value} is beyond 2^53 - 1; write it as text")
        return value
    raise InvalidInputError(f"{type(value).__name__} has no canonical form; expected text, whole numbers, lists, maps")


def is_plain(value: Any) -> bool:  # noqa: ANN401 - that is the question
    """Tells whether `ordered` would change nothing but the order of a value of plain built-in types.

    False says nothing: then `ordered` has to look. This one builds nothing, which is most of what ordering costs.
    """
    kind = type(value)
    if kind is dict:
        return _TEXT.issuperset(map(type, value)) and _are_plain(value.values())
    if kind is list or kind is tuple:
        return _are_plain(value)
    return kind in _PLAIN or (kind is int and abs(value) <= INTEGER_MAX)


def _are_plain(values: Iterable[Any]) -> bool:
    for value in values:  # noqa: SIM110 - a generator costs more than all the rest here
        if type(value) is not str and not is_plain(value):
            return False
    return True


def _names(value: Mapping[str, JSONValue]) -> list[str]:
    try:
        plain = "".join(value).isascii()
    except TypeError:
        plain = False
    return sorted(value) if plain else sorted(value, key=_utf16)  # ASCII sorts alike in every encoding


def _utf16(key: str) -> bytes:
    # RFC 8785 section 3.2.3 sorts names by UTF-16 code units.
    if not isinstance(key, str):
        raise InvalidInputError(f"member name {key!r} is not text")
    return key.encode("utf-16-be", "surrogatepass")
