"""Patterns over text that others wrote: RE2's language, which takes time linear in the text whatever the pattern.

RE2 is also what the databases of hunts run, so that a rule means the same live and over years. What it has no form for
(looking around, references back) is refused when the rule is read; see `hazards`.
"""

import re
from functools import lru_cache
from typing import Any, Protocol, cast

import re2  # type: ignore[import-untyped]

PATTERNS_MAX = 65_536
"""Compiled patterns kept; more than any rule set we know of has."""

_FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: bytes) -> Any: ...  # noqa: ANN401 - RE2's match object

    def fullmatch(self, text: bytes) -> Any: ...  # noqa: ANN401


@lru_cache(maxsize=PATTERNS_MAX)
def compiled(pattern: str, flags: int) -> Pattern:
    """Returns a pattern ready to use. `flags` are those of Python's `re`."""
    return cast("Pattern", re2.compile(spelled(pattern, flags)))


def spelled(pattern: str, flags: int) -> str:
    """Returns the pattern with its flags written into it, as every engine reads them."""
    letters = "".join(letter for flag, letter in _FLAGS.items() if flags & flag)
    return f"(?{letters}){pattern}" if letters else pattern


def searchable(text: str) -> bytes:
    """Returns text as RE2 reads it; halves of surrogate pairs, which JSON can spell, become question marks.

    Of text that is no bytes its wrapper tells places in characters, which takes longer than the search.
    """
    return text.encode(errors="replace")
