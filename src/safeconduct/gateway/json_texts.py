"""The texts of a JSON document with the places where they stand in its source, so that some can be put anew.

For documents that were read strictly before: what is no JSON has no meaning here. Linear in the source.
"""

import json
import re
from collections.abc import Container, Iterable, Iterator
from itertools import chain, zip_longest

import msgspec

_PIECE = re.compile(r'("[^"\\]*+(?:\\.[^"\\]*+)*+")(\s*+:)?|[{}\[\],]', re.DOTALL)  # a text, or a name with its colon
_NAME = 2  # the group that takes part where a text is a name
_NO_INDEX = -1  # in an object, whose members have names
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


def texts_of(source: str) -> Iterator[Text]:
    """Yields every text and member name of a document, in order."""
    outer: list[tuple[str, int, str]] = []  # what `within`, `index` and `pointer` were around each open bracket
    within, index, pointer = "", _NO_INDEX, ""
    for piece in _PIECE.finditer(source):
        group = piece.lastindex
        if group:
            start, end = piece.span(1)
            inner = source[start + 1 : end - 1]
            text = _lenient.decode(piece[1]) if "\\" in inner else inner
            is_name = group == _NAME and bool(outer)
            if is_name:
                pointer = within + text.replace("~", "~0").replace("/", "~1")
            yield Text(pointer, start, end, text, is_name)
            continue
        mark = piece[0]
        if mark == ",":
            if index != _NO_INDEX:
                index += 1
                pointer = f"{within}{index}"
        elif mark in "{[":
            outer.append((within, index, pointer))
            within, index = pointer + "/", 0 if mark == "[" else _NO_INDEX
            pointer = within + "0"
        else:
            within, index, pointer = outer.pop()


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


def _literal(text: str) -> str:
    # Half a character can't be written in UTF-8, only escaped: documents within texts may hold some.
    written = (msgspec.json.encode(piece).decode()[1:-1] for piece in _HALF.split(text))
    halves = (f"\\u{ord(half):04x}" for half in _HALF.findall(text))
    return '"' + "".join(chain.from_iterable(zip_longest(written, halves, fillvalue=""))) + '"'
