"""Lines of a file, their text, and JSON on them, within limits."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Protocol

from safeconduct.kernel.canonical import INTEGER_MAX

LINE_BYTES_MAX = 1024 * 1024
"""Bytes of one line. The longest real ones, Windows script blocks as JSON, stay below 100 KB."""

DEPTH_MAX = 64
"""Levels of nesting in one record. OCSF and ECS use about ten; a deeper one is made to break a reader."""

SHOWN_CHARS_MAX = 200
"""Characters of a dead letter that are kept beside its reason; the whole line stands in the raw file."""


_SURROGATE = re.compile("[\ud800-\udfff]")


class Readable(Protocol):
    """Bytes one after the other."""

    def read(self, size: int, /) -> bytes:
        """Returns up to so many bytes, none at the end."""
        ...


class UnreadableError(ValueError):
    """A line is not what its file's form needs. Becomes a dead letter; never leaves the readers."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, its text, and what was seen in reading it.

    `broken` says that some bytes were no UTF-8 (`visible` writes them out), `ended` that a line feed followed,
    `too_long` that it is over LINE_BYTES_MAX and `text` is its beginning.
    """

    number: int
    text: str
    broken: bool = False
    ended: bool = True
    too_long: bool = False


def lines_of(file: IO[bytes]) -> Iterator[Line]:
    """Yields the lines that are not blank. Memory stays within LINE_BYTES_MAX."""
    number = 0
    while data := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        ended = data.endswith(b"\n")
        if len(data) > LINE_BYTES_MAX and not (ended and len(data) == LINE_BYTES_MAX + 1):
            yield line_of(number, data, ended=_skip(file, ended=ended))
            continue
        line = line_of(number, data.rstrip(b"\r\n"), ended=ended)
        if line.text.strip():
            yield line


def line_of(number: int, data: bytes, *, ended: bool = True) -> Line:
    """Returns bytes as a line, of which only the beginning is kept if they are over LINE_BYTES_MAX."""
    if len(data) > LINE_BYTES_MAX:
        return Line(number, _decoded(data[:SHOWN_CHARS_MAX])[0], ended=ended, too_long=True)
    return Line(number, *_decoded(data), ended)


def _skip(file: IO[bytes], *, ended: bool) -> bool:
    while not ended:
        data = file.readline(LINE_BYTES_MAX)
        if not data:
            return False
        ended = data.endswith(b"\n")
    return True


def _decoded(data: bytes) -> tuple[str, bool]:
    try:
        return data.decode(), False
    except UnicodeDecodeError:
        # Kept visible rather than refused: an attacker must not be able to drop its own line with one stray byte.
        return data.decode(errors="surrogateescape"), True


def visible(text: str) -> str:
    """Returns the text with every lone surrogate, and every byte that was no UTF-8, written out in hex."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return "".join(_written(character) for character in text)


def _written(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - PEP 383's range for the bytes 80 to FF
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if 0xD800 <= code <= 0xDFFF else character  # noqa: PLR2004 - surrogates


def parse_object(text: str) -> dict[str, Any]:
    """Reads one JSON object as a record's fields: numbers with a fraction, and very large ones, as text.

    Raises:
        UnreadableError: no JSON, no object, a member named twice, nested too deep, NaN or Infinity.
    """
    try:
        value = json.loads(
            text, parse_float=str, parse_int=_whole, parse_constant=_no_number, object_pairs_hook=_members
        )
    except json.JSONDecodeError as error:
        raise UnreadableError("json-broken", f"{error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise UnreadableError("json-too-deep", f"nested deeper than {DEPTH_MAX} levels") from error
    if not isinstance(value, dict):
        raise UnreadableError("json-no-object", f"expected an object, got {type(value).__name__}")
    clean: dict[str, Any] = _clean(value, 1)
    return clean


def _whole(digits: str) -> int | str:
    # Measured by digits first: converting a number of a million digits takes seconds.
    return int(digits) if len(digits) <= len(str(INTEGER_MAX)) and abs(int(digits)) <= INTEGER_MAX else digits


def _no_number(name: str) -> Any:  # noqa: ANN401 - never returns
    raise UnreadableError("json-broken", f"{name} is no JSON number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise UnreadableError("json-member-twice", f"{visible(twice)[:SHOWN_CHARS_MAX]!r} stands twice in one object")
    return members


def _clean(value: Any, depth: int) -> Any:  # noqa: ANN401 - JSON
    if depth > DEPTH_MAX and isinstance(value, list | dict):
        raise UnreadableError("json-too-deep", f"nested deeper than {DEPTH_MAX} levels")
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {visible(name): _clean(item, depth + 1) for name, item in value.items()}
    return value
