"""The targets in one word of plain text, in canonical spelling.

Two ways to read a word: as a value that something acts on, where everything with dots is a name unless it ends in a
file suffix that no top-level domain bears, and as a word of prose, where names of code and of files abound.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache

from safeconduct.access.domain_names import NAME_LENGTH_MAX, canonical_name
from safeconduct.access.targets import SHARED_FORGES
from safeconduct.gateway.name_words import is_file, speaks_of_a_name
from safeconduct.gateway.plain_text import plain
from safeconduct.gateway.target_forms import addresses, forge_of, forms, lone_host, repositories

REMEMBERED_MAX = 256
"""Characters of a word whose targets are remembered; with the number of words it bounds the memory."""

ENCODED_MIN = 22
"""Characters of the shortest word that is tried as base64: 16 bytes, an address with a scheme."""

ENCODED_MAX = 8_192
"""Characters of the longest word that is tried as base64: a script that hides an address. Images are not read."""

_NAME = re.compile(
    r"(?<![\w.-])(?:[^\W_](?:[\w\u200c\u200d-]{0,61}[^\W_])?\.)+(?:xn--[a-z0-9-]{1,59}|[^\W\d_]{2,63})\.?(?![\w-])",
    re.IGNORECASE,
)
_AUTHORITY = re.compile(r"://([^/?#\s\"'<>`,;|)]+)")
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{22,}={0,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """The targets of a word: `firm` in an address with a scheme or as a value, `loose` in prose."""

    firm: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()


NOTHING = Found()


def in_prose(word: str) -> Found:
    """Returns the targets of a word of prose. Only what stands in an address with a scheme is firm."""
    return _remembered(word) if len(word) <= REMEMBERED_MAX else _in_prose(word)


def may_be_one(word: str) -> bool:
    """Tells whether a word of a value is worth being looked at: without a sign of these, no short one is a target."""
    return "." in word or ":" in word or "/" in word or "@" in word or "\\" in word or len(word) >= ENCODED_MIN


def in_value(word: str) -> frozenset[str]:
    """Returns the targets of a word of a value, read as widely as there are readers."""
    found = _authority_targets(word) if "://" in word else set[str]()
    found |= {name for name, _ in _names(word)} | forms(word)
    return frozenset(found | _hidden(word, prose=False))


def _in_prose(word: str) -> Found:
    firm = _authority_targets(word) if "://" in word else set[str]()
    loose = {name for name, written in _names(word) if speaks_of_a_name(name, written)} if "." in word else set()
    loose |= forms(word)
    loose |= _hidden(word, prose=True)
    return Found(frozenset(firm), frozenset(loose - firm)) if firm or loose else NOTHING


_remembered = lru_cache(maxsize=8192)(_in_prose)  # the same hosts come again and again


def _names(word: str) -> list[tuple[str, str]]:
    """Returns the names in a word, each canonical where it can be, and as it was written."""
    if "." not in word:
        return []
    forges = {repository.forge for repository in repositories(word)} & SHARED_FORGES if "/" in word else ()
    named = [(_name(written), written) for written in _NAME.findall(word)]
    return [(name, written) for name, written in named if name and forge_of(name) not in forges]


def _name(written: str) -> str:
    """Returns a name in its one spelling. One that is read in different ways stands as it is: nothing covers it."""
    lowered = written.lower().rstrip(".")
    if is_file(lowered):
        return ""
    name = lowered if lowered.isascii() else canonical_name(written) or lowered
    return name if len(name.encode()) <= NAME_LENGTH_MAX else ""


def _authority_targets(word: str) -> set[str]:
    found = {str(one) for one in repositories(word)}
    for authority in set(_AUTHORITY.findall(word)):
        whole = authority + "/"  # so that names end where the authority does
        found.update(name for name, _ in _names(whole) if not found or forge_of(name) not in SHARED_FORGES)
        found.update(addresses(whole))
        host = re.split(r"[@\\]", authority)[-1]
        found.update(lone_host(re.sub(r":\d{0,5}$", "", host)))
    return found


def _hidden(word: str, *, prose: bool) -> set[str]:
    """Returns what a word of base64 says, one level deep: text as UTF-8 or, as PowerShell has it, UTF-16."""
    if not ENCODED_MIN <= len(word) <= ENCODED_MAX:
        return set()
    found: set[str] = set()
    for encoded in _ENCODED.findall(word):
        for inner in _decoded(encoded).split():
            loose = {name for name, written in _names(inner) if not prose or speaks_of_a_name(name, written)}
            found |= loose | forms(inner)
            found |= _authority_targets(inner) if "://" in inner else set()
    return found


def _decoded(encoded: str) -> str:
    padded = encoded.rstrip("=").translate({45: 43, 95: 47})
    try:
        raw = base64.b64decode(padded + "=" * (-len(padded) % 4))
        text = raw.decode("utf-16-le" if raw[1:2] == b"\0" else "utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return plain(text) if all(one.isprintable() or one in "\r\n\t" for one in text) else ""
