"""Shapes, and the one pass that looks for all of them, linear whatever the text holds.

RE2 looks for **triggers**, words and short forms, in one pass without overlaps. Only behind a trigger is a shape's own
pattern tried, on a window of bounded length: so what it costs is bounded by the number of triggers, and no text makes
one of them slow. An operator's own patterns are searched by RE2 themselves. docs/spec/recognizers.md section 2.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_letters, digits
from typing import NamedTuple

import msgspec
import re2  # type: ignore[import-untyped]

from safeconduct.access.inventory import Inventory
from safeconduct.access.linear import compile_linear, spans
from safeconduct.boundary.model import Finding

WINDOW = 320
"""Bytes from a trigger on that a pattern is tried on: a key, what stands between, and a value of usual length."""


class Hit(msgspec.Struct, frozen=True, gc=False):
    """What a shape matched: `start` to `end` its value in `data`, of a match that began at its trigger, `first`."""

    data: bytes
    first: int
    start: int
    end: int

    @property
    def value(self) -> str:
        """The text of the value, in the letters that patterns read."""
        return self.data[self.start : self.end].decode("latin-1")


_IN_WORDS = f"{ascii_letters}{digits}_".encode()

Judge = Callable[[Hit, Inventory], Finding | None]
"""Says what a hit is, and where it stands: it may widen or narrow it. None where it is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What values look like. Triggers are `words` at the beginning of a word, `parts` of words, or one `form`.

    Words and parts are in small letters and found in any. A form is written so that RE2 and Python read it alike.
    `pattern`, tried from the trigger on, has the value in its last group, or is all of it; without one the form is.
    """

    judge: Judge
    words: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    form: str = ""
    pattern: str = ""
    ignore_case: bool = True
    window: int = WINDOW


class _Tried(NamedTuple):
    """A pattern, whether small and capital letters differ for it, the group of its value, and what judges that.

    Without such a difference it is in small letters, and tried on small ones: that costs a third of ignoring case.
    """

    pattern: re.Pattern[bytes]
    cased: bool
    group: int
    judge: Judge
    window: int


class _Formed(NamedTuple):
    """A form, its first byte at least and at most, whether it begins as a word does, and what is tried on it."""

    form: str
    least: int
    most: int
    is_word: bool
    tried: _Tried


def taken_as(kind: str, data_class: str) -> Judge:
    """Returns the judge that takes every hit for one thing."""
    return lambda hit, _: Finding(kind, data_class, hit.start, hit.end)


def run_before(data: bytes, at: int, allowed: bytes, most: int) -> int:
    """Returns where the run of allowed bytes begins that ends before a place; at most so many are looked at."""
    first = max(at - most, 0)
    return first + len(data[first:at].rstrip(allowed))


class Scan:
    """Looks for many shapes at once. Where several fit at one trigger the first of them counts."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self._by_word: dict[bytes, tuple[_Tried, ...]] = {}
        for shape in shapes:
            for word in (*shape.words, *shape.parts):
                key = word.encode("latin-1")
                self._by_word[key] = (*self._by_word.get(key, ()), _tried(shape))
        formed = [_formed(one) for one in shapes if one.form]
        self._by_first = [_Forms.beginning(byte, formed) for byte in range(256)]
        self._triggers = compile_linear(_triggers(shapes))

    def found(self, data: bytes, inventory: Inventory) -> list[Finding]:
        """Returns what is found, in the order of where it begins, without overlaps."""
        all_found: list[Finding] = []
        reached, small, by_word, by_first = 0, data.lower(), self._by_word, self._by_first
        for first, last in spans(self._triggers, data):
            if first < reached:
                continue
            tried = by_word.get(small[first:last]) or by_first[small[first]].of(small, first, last)
            for pattern, cased, group, judge, window in tried:
                hit = pattern.match(data if cased else small, first, first + window)
                found = judge(Hit(data, first, *hit.span(group)), inventory) if hit else None
                if found is None:
                    continue
                if found.start >= reached:
                    all_found.append(found)
                    reached = found.end
                break
        return all_found


class _Forms(NamedTuple):
    """The forms that a trigger may have which begins with a byte, each with what is tried on it."""

    either: re.Pattern[bytes]
    tried: tuple[tuple[_Tried, ...], ...]

    @classmethod
    def beginning(cls, byte: int, formed: Sequence["_Formed"]) -> "_Forms":
        """Returns those forms that may begin with a byte."""
        those = [one for one in formed if one.least <= byte <= one.most and (byte in _IN_WORDS or not one.is_word)]
        either = re.compile("|".join(f"({one.form})" for one in those).encode("latin-1"))
        return cls(either, tuple((one.tried,) for one in those))

    def of(self, small: bytes, first: int, last: int) -> tuple[_Tried, ...]:
        """Returns what is tried on a trigger, which stands in small letters."""
        if len(self.tried) == 1:
            return self.tried[0]
        form = self.either.fullmatch(small, first, last)
        return self.tried[form.lastindex - 1] if form and form.lastindex else ()


class OwnPatterns:
    """An operator's patterns, each searched by RE2 over all of a text."""

    def __init__(self, patterns: Sequence[tuple[str, str, str]]) -> None:
        self._each = [(kind, data_class, compile_linear(source)) for kind, data_class, source in patterns]

    def found(self, data: bytes) -> list[Finding]:
        """Returns what they match and is not empty, pattern by pattern."""
        found: list[Finding] = []
        for kind, data_class, pattern in self._each:
            group = 1 if pattern.groups else 0
            places = (one.span(group) for one in pattern.finditer(data))
            found += [Finding(kind, data_class, start, end) for start, end in places if start < end]
        return found


def _tried(shape: Shape) -> _Tried:
    source = shape.pattern or shape.form
    pattern = re.compile((_small(source) if shape.ignore_case else source).encode("latin-1"))
    return _Tried(pattern, not shape.ignore_case, pattern.groups, shape.judge, shape.window)


def _small(source: str) -> str:
    """Returns a pattern in small letters, but for what a backslash gives a meaning."""
    return re.sub(r"\\.|[A-Z]", lambda one: one[0] if one[0][0] == "\\" else one[0].lower(), source)


def _formed(shape: Shape) -> _Formed:
    form = _small(shape.form)
    least, most = compile_linear(form).possiblematchrange(1)
    return _Formed(form, least[0], most[0], form.startswith(r"\b"), _tried(shape))


def _triggers(shapes: Sequence[Shape]) -> str:
    """Returns what RE2 looks for: words before forms, the longer before the shorter."""
    words = sorted({word for one in shapes for word in one.words}, key=len, reverse=True)
    parts = sorted({part for one in shapes for part in one.parts}, key=len, reverse=True)
    forms = [f"(?i:{one.form})" if one.ignore_case else one.form for one in shapes if one.form]
    return "|".join(
        (rf"(?i:\b(?:{_either(words)}))", f"(?i:{_either(parts)})", *(f"(?:{one})" for one in dict.fromkeys(forms)))
    )


def _either(words: Sequence[str]) -> str:
    return "|".join(map(re2.escape, words))
