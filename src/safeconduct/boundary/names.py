"""Names that are known to be own, and found as whole words wherever they stand: the inventory's, and a request's own.

Cost does not depend on how many there are: a text's words are looked up, and its places only where one was there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from string import ascii_letters, ascii_lowercase, digits

from safeconduct.access.inventory import Inventory
from safeconduct.boundary.account_shapes import ACCOUNT
from safeconduct.boundary.aligned import LETTER, aligned
from safeconduct.boundary.host_shapes import HOST
from safeconduct.boundary.model import Finding
from safeconduct.boundary.patterns import run_before

NAME_LENGTH_MAX = 253
"""Bytes of a name with all its labels (RFC 1035); longer values are not sought again."""

SOUGHT_MAX = 8
"""Words that a text is searched for one by one. With more of them it is read word by word, which stays linear."""

Known = Mapping[str, tuple[str, str]]
"""By name, its kind and class."""

_IN_WORDS = frozenset(f"{ascii_letters}{digits}_-{LETTER}")
_WORDS = bytes(ord(chr(code).lower()) if chr(code) in _IN_WORDS else ord(" ") for code in range(256))
"""Each byte as names are compared: letters small, what stands between words a space."""

_WORD = re.compile(rb"[^ ]+")
_LABELS = f"{ascii_lowercase}{digits}_.-{LETTER}".encode("latin-1")


class Names:
    """Names to be found, with their kinds and classes."""

    def __init__(self, known: Known, domains: Iterable[str] = ()) -> None:
        self._names = {aligned(name).data.lower(): what for name, what in known.items()}
        self._domains = frozenset(aligned(one).data for one in domains)
        self._names.update(dict.fromkeys(self._domains, ("domain", HOST)))
        self._lengths: dict[bytes, tuple[int, ...]] = {}
        for name in sorted(self._names, key=len, reverse=True):
            first = _WORD.search(name.translate(_WORDS))
            if first and len(name) <= NAME_LENGTH_MAX:
                lengths = self._lengths.get(first.group(), ())
                self._lengths[first.group()] = lengths if len(name) in lengths else (*lengths, len(name))

    def found(self, data: bytes) -> list[Finding]:
        """Returns where the names stand as whole words, the longest at each place."""
        found: list[Finding] = []
        if not self._lengths:
            return found
        words = data.translate(_WORDS)
        split = words.split()
        if self._lengths.keys().isdisjoint(split):
            return found
        there = self._lengths.keys() & set(split)
        places = _places(words, there) if len(there) <= SOUGHT_MAX else self._all_places(words)
        lowered, reached = data.lower(), 0
        for start, first in places:
            judged = self._at(lowered, words, start, self._lengths[first]) if start >= reached else None
            if judged is not None:
                found.append(judged)
                reached = judged.end
        return found

    def _all_places(self, words: bytes) -> Iterator[tuple[int, bytes]]:
        return ((one.start(), one.group()) for one in _WORD.finditer(words) if one.group() in self._lengths)

    def _at(self, lowered: bytes, words: bytes, start: int, lengths: tuple[int, ...]) -> Finding | None:
        for length in lengths:
            end = start + length
            name = lowered[start:end]
            if name in self._names and words[end : end + 1] in (b" ", b""):
                first = _of_labels(lowered, start) if name in self._domains else start
                kind, data_class = ("fqdn", HOST) if first < start else self._names[name]
                return Finding(kind, data_class, first, end)
        return None


def _places(words: bytes, sought: Iterable[bytes]) -> list[tuple[int, bytes]]:
    """Returns where few words stand, in order."""
    found = []
    for word in sought:
        at = words.find(word)
        while at >= 0:
            end = at + len(word)
            if words[end : end + 1] in (b" ", b"") and words[max(at - 1, 0) : at] in (b" ", b""):
                found.append((at, word))
            at = words.find(word, end)
    return sorted(found)


def _of_labels(lowered: bytes, start: int) -> int:
    """Returns where the labels before a domain begin, if any stand there."""
    if lowered[start - 1 : start] != b".":
        return start
    first = run_before(lowered, start, _LABELS, NAME_LENGTH_MAX)
    return start - len(lowered[first:start].lstrip(b".-"))


def own_names(inventory: Inventory) -> Names:
    """Returns the names of an inventory. One that is a host and an account counts as a host."""
    accounts = dict.fromkeys(inventory.accounts, ("known-account", ACCOUNT))
    return Names(accounts | dict.fromkeys(inventory.hosts, ("known-host", HOST)), inventory.domains)


NO_NAMES = Names({})
