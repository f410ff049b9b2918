"""Step 5: what an inspected path's requests hold, text by text, in the originals (docs/spec/handling.md section 2).

Whatever dialect it is in, every text and member name is looked at, and within a text every JSON document in it.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from safeconduct.access.data_handling import PLAIN_CLASS
from safeconduct.access.inventory import Inventory
from safeconduct.access.model.paths import SealedPath
from safeconduct.boundary.by_field import names_in
from safeconduct.boundary.model import Finding
from safeconduct.boundary.names import NO_NAMES
from safeconduct.boundary.recognizing import INVENTORIES_KEPT_MAX, recognize
from safeconduct.gateway.dialects.model import ModelRequest
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.json_texts import Text, documents_in, texts_of

Find = Callable[[str], Sequence[Finding]]
"""Finds what a text holds: its findings in order, without overlaps."""

DOCUMENTS_DEEP_MAX = 4
"""How deep documents may stand within texts of documents: arguments hold one, a log line in them another."""

AGAIN_CHARACTERS_MAX = 64
"""Characters of a text that is looked at once a request: names of members, words of a field. Longer ones differ."""

_WORDS = (
    "model",
    "messages",
    "role",
    "content",
    "input",
    "text",
    "type",
    "stream",
    "system",
    "max_tokens",
    "temperature",
)
"""Names that nearly every request has."""

# Where the dialects' own words stand: of these none is data, whoever may be called `user`.
_STRUCTURE = re.compile(
    r"(?:/(?:messages|input|content|tools|tool_calls|output|system)(?:/\d+)|/function)*/(?:role|type)"
)


class Leaf(msgspec.Struct, frozen=True):
    """A text of a document and what was found in it; of a text that holds documents, `inside` has what they hold."""

    text: Text
    findings: tuple[Finding, ...] = ()
    inside: "tuple[Span, ...]" = ()


@dataclass(frozen=True)
class Inspected:
    """A document and its leaves. `source` is the document as it stands in a body or a text."""

    source: str
    leaves: tuple[Leaf, ...]

    @property
    def classes(self) -> Mapping[str, int]:
        """How many findings there are of each data class; `text` with none where nothing was found."""
        counts: dict[str, int] = {}
        for findings in self._findings():
            for one in findings:
                counts[one.data_class] = counts.get(one.data_class, 0) + 1
        return dict(sorted(counts.items())) or {PLAIN_CLASS: 0}

    def _findings(self) -> Iterator[Sequence[Finding]]:
        """Yields the findings of each text that has some."""
        for leaf in self.leaves:
            if leaf.findings:
                yield leaf.findings
            for span in leaf.inside:
                if span.document is None:
                    yield span.findings
                else:
                    yield from span.document._findings()  # noqa: SLF001 - its own kind


class Span(msgspec.Struct, frozen=True):
    """A stretch of a text: a document that stands there, or prose and what was found in it."""

    start: int
    end: int
    document: Inspected | None = None
    findings: tuple[Finding, ...] = ()


def finder(inventory: Inventory, asked: ModelRequest) -> Find:
    """Returns what finds data in the texts of a request: what its own events tell by field is found in all of them."""
    called = (msgspec.json.encode(one).decode() for one in asked.arguments if not isinstance(one, str))
    known = names_in((*asked.texts, *called), inventory)
    again = dict(_in_words(inventory)) if known is NO_NAMES else {}

    def find(text: str) -> Sequence[Finding]:
        found = again.get(text)
        if found is None:
            found = recognize(text, inventory, known)
            if len(text) <= AGAIN_CHARACTERS_MAX:
                again[text] = found
        return found

    return find


@lru_cache(maxsize=INVENTORIES_KEPT_MAX)
def _in_words(inventory: Inventory) -> Mapping[str, tuple[Finding, ...]]:
    """Returns what the dialects' own words hold by an inventory. No caller's words: those are remembered nowhere."""
    return {word: recognize(word, inventory) for word in _WORDS}


def inspect_request(path: SealedPath, asked: ModelRequest, inventory: Inventory) -> Inspected | None:
    """Returns what a request holds; None on a path where nobody looks.

    Raises:
        DialectError: as `inspect`.
    """
    if not path.inspected:
        return None
    return inspect(asked.body, finder(inventory, asked), (asked.model, *path.tools))


def inspect(body: bytes, find: Find, ours: Collection[str] = ()) -> Inspected:
    """Returns what a body holds that was read as a request. `ours` are texts that the path itself names.

    Raises:
        DialectError: `body-too-deep`: documents within texts of documents, deeper than anybody looks.
    """
    return _document(body.decode(), find, frozenset(ours), 0)


def _document(source: str, find: Find, ours: frozenset[str], depth: int) -> Inspected:
    if depth > DOCUMENTS_DEEP_MAX:
        text = f"documents stand more than {DOCUMENTS_DEEP_MAX} deep within texts of documents"
        raise DialectError(text, code="body-too-deep")
    return Inspected(source, tuple(_leaf(one, find, ours, depth) for one in texts_of(source)))


def _leaf(one: Text, find: Find, ours: frozenset[str], depth: int) -> Leaf:
    if one.text in ours or (depth == 0 and _STRUCTURE.fullmatch(one.pointer)):
        return Leaf(one)
    # Without a backslash a document says what it shows: then it is prose like any other, and comes back as it was.
    documents = documents_in(one.text) if "\\" in one.text and not one.is_name else ()
    if not documents:
        return Leaf(one, tuple(find(one.text)))
    return Leaf(one, inside=tuple(_spans(one.text, documents, find, ours, depth)))


def _spans(
    text: str, documents: Sequence[tuple[int, int]], find: Find, ours: frozenset[str], depth: int
) -> Iterator[Span]:
    at = 0
    for start, end in documents:
        yield Span(at, start, findings=tuple(find(text[at:start])))
        yield Span(start, end, _document(text[start:end], find, ours, depth + 1))
        at = end
    yield Span(at, len(text), findings=tuple(find(text[at:])))
