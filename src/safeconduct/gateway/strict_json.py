"""Reads JSON that every reader reads alike, or refuses it: the upstream's reader is not ours (RFC 7493, I-JSON).

Duplicate names, NaN, broken UTF-8, a byte-order mark and bottomless nesting are where readers differ. A request that
says one thing to the gateway and another to the model would pass any check.
"""

import json
import math
from typing import Any, NoReturn

import msgspec

from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.limits import NESTING_MAX


def read_object(body: bytes) -> dict[str, Any]:
    """Returns the object that the bytes hold.

    Raises:
        DialectError: codes `body-not-utf8`, `body-not-json`, `duplicate-name`, `number-too-large`,
            `body-not-an-object`.
    """
    try:
        value = _decoder.decode(body.decode())
    except UnicodeDecodeError as error:
        raise DialectError(
            f"the body is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}", code="body-not-utf8"
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:  # a broken document, or a number of more digits than Python reads
        raise DialectError(f"the body is not JSON: {error}", code="body-not-json") from error
    if not isinstance(value, dict):
        raise DialectError(f"expected a JSON object, got {type(value).__name__}", code="body-not-an-object")
    return value


def read_with_texts(body: bytes) -> tuple[dict[str, Any], list[str]]:
    """Returns the object that the bytes hold, and every text and member name in it.

    Raises:
        DialectError: as `read_object`, and `body-too-deep`, `lone-surrogate`.
    """
    found = _read_quickly(body)
    if found is not None:
        return found
    document = read_object(body)
    found_texts, _ = _texts(document)
    return document, _encodable(found_texts)


def _read_quickly(body: bytes) -> tuple[dict[str, Any], list[str]] | None:
    r"""Returns what `read_with_texts` does, or None if in doubt.

    This reader is as strict, but takes the last of two members of one name. Then there are more colons than members
    and colons in texts: each name is followed by one, and no text has one that isn't there but for `\u003a`.
    """
    try:
        text = body.decode()
        document = _decode(text)
    except (ValueError, RecursionError):
        return None  # whatever it is, the other reader says so
    if not isinstance(document, dict) or ("\\" in text and "\\u003" in text):
        return None
    found, members = _texts(document)
    if text.count(":") != members + "".join(found).count(":"):
        return None
    return document, found


def _texts(value: Any) -> tuple[list[str], int]:  # noqa: ANN401 - a value out of JSON
    """Returns every text and member name in the value, and how many members there are.

    Raises:
        DialectError: `body-too-deep`.
    """
    found: list[str] = []
    members = 0
    level: list[Any] = [value]
    for _ in range(NESTING_MAX + 1):
        deeper: list[Any] = []
        for item in level:
            kind = type(item)  # as it came out of JSON, so of no class below these
            if kind is str:
                found.append(item)
            elif kind is dict:
                found += item
                deeper += item.values()
                members += len(item)
            elif kind is list:
                deeper += item
        if not deeper:
            return found, members
        level = deeper
    raise _too_deep()


def _encodable(found: list[str]) -> list[str]:
    try:
        "".join(found).encode()
    except UnicodeEncodeError as error:
        raise DialectError("a text holds half a character (a lone surrogate escape)", code="lone-surrogate") from error
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise DialectError(
                f"the name {name[:64]!r} stands twice in one object",
                code="duplicate-name",
                param=name[:64],
                remedy="readers differ in which of the two they take; send it once",
            )
        seen.add(name)
    return members


def _not_json(constant: str) -> NoReturn:
    raise DialectError(f"the body is not JSON: {constant} is no number there", code="body-not-json")


def _too_deep() -> DialectError:
    return DialectError(f"the body nests deeper than {NESTING_MAX} levels", code="body-too-deep")


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise DialectError(f"the number {text[:32]} is beyond what readers agree on", code="number-too-large")
    return number


_decode = msgspec.json.Decoder().decode
_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_not_json, parse_float=_number)
