"""A notice in words, such that nothing that an entry says becomes a link, a mention or markup, wherever it is shown."""

import re
from collections.abc import Iterator

from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.notices import Notice, NoticeLine

CHARS_MAX = 200
"""Characters of one value. Names of ours have 64; a scope's key with a long domain comes near this."""

_KEPT = frozenset(" .,:/=_-")
_MARKUP_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_DOT = re.compile(r"\.(?=\w)")


def plain(text: str) -> str:
    """Returns text without anything that mail programs, Slack or Teams make something of.

    Of characters that are no letters or digits a few are kept. Dots within names and the colon before slashes are
    written in brackets, `@` as a word, so that no program finds an address in it; control characters are gone.
    """
    kept = "".join(one if one.isalnum() or one in _KEPT else _other(one) for one in text[:CHARS_MAX])
    return _DOT.sub("[.]", _MARKUP_UNDERSCORE.sub(" ", kept).replace("://", "[:]//"))


def _other(character: str) -> str:
    return "[at]" if character == "@" else " "


def subject(notice: Notice) -> str:
    """Returns the subject line."""
    return f"Safeconduct: {plain(notice.subject)}"


def body(entry: EntryId, notice: Notice) -> Iterator[str]:
    """Yields the lines of a notice, the last with the entry that ordered it."""
    for one in notice.lines:
        yield from _line(one)
    if notice.more:
        yield f"and {notice.more} more: safeconduct calendar"
    yield f"notice {plain(entry)} of {rfc3339(notice.at)}".replace(".", "[.]")


def _line(one: NoticeLine) -> Iterator[str]:
    at = rfc3339(one.at).partition(".")[0]
    yield f"{at}Z  {plain(one.kind)} {plain(one.name)}  {plain(one.owner)}"
    yield f"    {plain(one.text)}; look: {plain(one.look)}"
