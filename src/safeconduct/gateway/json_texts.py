"""The texts of a JSON document with the places where they stand in its source, so that some can be put anew.

For documents that were read strictly before: what is no JSON has no meaning here. Linear in the source.
"""

import json
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

import msgspec

_PIECE = re.compile(r'("[^"\\]*+(?:\\.[^"\\]*+)*+")(\s*+:)?|[{}\[\],]', re.DOTALL)  # a text, or a name with its colon
_HALF = re.compile("[\ud800-\udfff]")
_BEGINNING = re.compile(r"\{(?=\s*+[\"}])|\[(?=\s*+[\"{\[])")
_lenient = json.JSONDecoder(strict=False)  # as a model reads it: a name may stand twice in it, and all count

WASTE_MAX = 4
"""How often a text's length may be read in vain, of what begins like a document and is none. The rest is prose."""


class Text(msgspec.Struct, frozen=True, gc=False):
    """A text in a document: `source[start:end]` with its quotes. `pointer` is where it stands (RFC 6901).

    `is_name` says that it is the name of the member there, and no value.
    """

    pointer: str
    start: int
    end: int
    text: str
    is_name: bool = False


@dataclass(slots=True)
class _Container:
    pointer: str
    is_object: bool
    at: str | int = 0  # the member or index that comes


def texts_of(source: str) -> Iterator[Text]:
    """Yields every text and member name of a document, in order."""
    stack: list[_Container] = []
    for piece in _PIECE.finditer(source):
        mark, inside = piece[0], stack[-1] if stack else None
        if mark[0] == '"':
            yield _text(piece, inside)
        elif mark == ",":
            if inside is not None and not inside.is_object:
                inside.at = int(inside.at) + 1
        elif mark in "{[":
            stack.append(_Container(_pointer(inside), mark == "{"))
        else:
            stack.pop()


def with_texts(source: str, changes: Iterable[tuple[Text, str]]) -> str:
    """Returns the source with other texts in the place of some, in their order. Every other byte stays."""
    parts: list[str] = []
    at = 0
    for one, text in changes:
        parts += source[at : one.start], _literal(text)
        at = one.end
    return "".join([*parts, source[at:]])


def around_texts(source: str, places: Container[str], before: str, after: str) -> str:
    """Returns the source with two texts around each text that stands at one of some places. Every other byte stays."""
    opening, closing = _literal(before)[1:-1], _literal(after)[1:-1]
    parts: list[str] = []
    at = 0
    for one in texts_of(source):
        if one.pointer in places and not one.is_name:
            parts += source[at : one.start + 1], opening, source[one.start + 1 : one.end - 1], closing
            at = one.end - 1
    return "".join([*parts, source[at:]])


def documents_in(text: str) -> tuple[tuple[int, int], ...]:
    """Returns where in a text JSON objects and lists stand, in order: as all of it, as lines, or amid prose."""
    found, at, waste = [], 0, WASTE_MAX * len(text)
    while waste > 0 and (begin := _BEGINNING.search(text, at)):
        try:
            _, at = _lenient.raw_decode(text, begin.start())
            found.append((begin.start(), at))
        except json.JSONDecodeError as error:
            at, waste = begin.start() + 1, waste - (error.pos - begin.start() + 1)
        except RecursionError:
            at, waste = begin.start() + 1, waste - len(text)
    return tuple(found)


def _text(piece: re.Match[str], inside: _Container | None) -> Text:
    mark, (start, end) = piece[1], piece.span(1)
    text = _lenient.decode(mark) if "\\" in mark else mark[1:-1]
    if inside is None or piece[2] is None:
        return Text(_pointer(inside), start, end, text)
    inside.at = text.replace("~", "~0").replace("/", "~1")
    return Text(_pointer(inside), start, end, text, is_name=True)


def _literal(text: str) -> str:
    # Half a character can't be written in UTF-8, only escaped: documents within texts may hold some.
    written = (msgspec.json.encode(piece).decode()[1:-1] for piece in _HALF.split(text))
    halves = (f"\\u{ord(half):04x}" for half in _HALF.findall(text))
    return '"' + "".join(chain.from_iterable(zip_longest(written, halves, fillvalue=""))) + '"'


def _pointer(inside: _Container | None) -> str:
    return f"{inside.pointer}/{inside.at}" if inside is not None else ""
