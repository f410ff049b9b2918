"""The one way to a regular expression over text that somebody else wrote: RE2's, linear whatever text and pattern."""

from collections.abc import Iterator

import re2  # type: ignore[import-untyped]

from safeconduct.kernel.errors import InvalidInputError

MEMORY_MAX = 8 * 1024 * 1024
"""Bytes that one compiled pattern may use for its states. Beyond it RE2 is slower and stays linear."""

PATTERN_CHARACTERS_MAX = 512
"""Characters of a pattern that an operator writes: several lines, more than anybody reviews."""

_UNANCHORED = re2._re2.RE2.Anchor.UNANCHORED  # noqa: SLF001 - see `spans`


def compile_linear(source: str, *, ignore_case: bool = False) -> re2._Regexp:
    """Compiles a pattern over bytes, one for each character. `source` is ASCII in RE2's syntax.

    Raises:
        InvalidInputError: `pattern-invalid`; RE2 doesn't take it. It knows no look-around and no back-references.
    """
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = not ignore_case
    options.max_mem = MEMORY_MAX
    options.log_errors = False
    try:
        return re2.compile(source.encode("latin-1"), options)
    except (re2.error, UnicodeEncodeError) as error:
        said = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise InvalidInputError(
            f"expected a pattern in RE2's syntax, in ASCII; it says: {said}",
            code="pattern-invalid",
            remedy="write it without look-around and back-references, and try it with `safeconduct program plan`",
        ) from error


def check_pattern(source: str) -> None:
    """Returns if an operator's pattern compiles and matches something.

    Raises:
        InvalidInputError: `pattern-invalid`; it doesn't, or it matches nothing at all everywhere (the empty text).
    """
    if compile_linear(source).fullmatch(b""):
        raise InvalidInputError(
            "the pattern matches the empty text: it would be found everywhere", code="pattern-invalid"
        )


def spans(pattern: re2._Regexp, data: bytes) -> Iterator[tuple[int, int]]:
    """Yields where a pattern that never matches the empty text does, in order, as its `finditer` would.

    It asks RE2 itself: an object for each match, with its groups counted anew, costs as much as the search.
    """
    find, at, end = pattern._regexp.Match, 0, len(data)  # noqa: SLF001 - what the wrapper's own search calls
    while True:
        first, last = find(_UNANCHORED, data, at, end)[0]
        if first < 0:
            return
        yield first, last
        at = last
