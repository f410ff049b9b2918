"""Step 11's pure half: pseudonyms in what a model says become originals again, for a reader who is cleared for them.

A token is restored where it stands by itself and letter for letter as it was made; nothing else is (restoring.md). What
a model changed is let be and counted, and so is what has the form of a token and was never made here.
"""

import re
from bisect import bisect_left
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from safeconduct.boundary.lookalikes import JOINING, folded
from safeconduct.boundary.tokens import IDENTITY_CHARS, LITERAL, OTHER, PREFIXES, SPELLING_CHARS, TOKEN

BODY_CHARACTERS = IDENTITY_CHARS + SPELLING_CHARS
TOKEN_CHARACTERS_MAX = max(map(len, (*PREFIXES.values(), OTHER, LITERAL))) + 1 + BODY_CHARACTERS
"""Characters of the longest token, and so the most of a text that is held back until it is known what it is."""

WORD_CHARACTERS_MAX = 64
"""Characters of a word that are looked at: three times the longest token. Longer ones are data, such as base64."""

PIECE_CHARACTERS = 6
"""Characters of a token's body that make a word count as made of it: words and hashes have them by chance once in a
thousand million."""

_WORDS = re.compile(rf"[{JOINING}]+")
_WORDS_OF_JSON = re.compile(rf"\\(?:u[0-9A-Fa-f]{{4}}|.)|[{JOINING}]+", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)
_ESCAPE_BEGUN = re.compile(r"\\(?:u[0-9A-Fa-f]{0,3})?\Z")
_JOINS = re.compile(rf"[{JOINING}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of the tokens in a text.

    `restored` are originals again; `altered` are pieces or look-alikes of tokens that were made, `foreign` were made
    for this organization and not shown to this model, and `forged` have the form and were never made for it.
    """

    restored: int = 0
    altered: int = 0
    forged: int = 0
    foreign: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            restored=self.restored + other.restored,
            altered=self.altered + other.altered,
            forged=self.forged + other.forged,
            foreign=self.foreign + other.foreign,
        )

    def at_least(self, other: "Tally") -> "Tally":
        """Returns the larger of each count."""
        return Tally(
            restored=max(self.restored, other.restored),
            altered=max(self.altered, other.altered),
            forged=max(self.forged, other.forged),
            foreign=max(self.foreign, other.foreign),
        )

    @property
    def counted(self) -> dict[str, int]:
        """The counts that are not 0, by name."""
        if self == _NONE:  # as of nearly every call
            return {}
        counts = {
            "restored": self.restored,
            "altered": self.altered,
            "forged": self.forged,
            "foreign": self.foreign,
        }
        return {name: count for name, count in counts.items() if count}


_NONE = Tally()
_RESTORED, _ALTERED = Tally(restored=1), Tally(altered=1)
_FORGED, _FOREIGN = Tally(forged=1), Tally(foreign=1)


@dataclass(frozen=True, kw_only=True)
class Restorable:
    """The tokens that a call's model was shown, each with its original. `elsewhere` has the organization's others.

    Another organization's are not told from those that nobody made: that it has some is nobody's business here.
    """

    originals: Mapping[str, str]
    elsewhere: Container[str] = field(default=frozenset())

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.originals)

    @cached_property
    def _folded(self) -> list[str]:
        return sorted(map(folded, self.originals))

    @cached_property
    def _pieces(self) -> frozenset[str]:
        bodies = [folded(token.rpartition("_")[2]) for token in self.originals]
        starts = range(BODY_CHARACTERS - PIECE_CHARACTERS + 1)
        return frozenset(body[start : start + PIECE_CHARACTERS] for body in bodies for start in starts)

    def restorer(self, *, as_json: bool, argument: bool) -> "Restorer":  # noqa: ARG002 - arguments are JSON like any
        """Returns what restores one text. With `as_json` it is a JSON document."""
        return Restorer(self, as_json=as_json)

    def begins(self, word: str) -> bool:
        """Whether a token begins so."""
        return _any_begins(self._sorted, word)

    def judged(self, word: str) -> Tally:
        """Returns what a word by itself counts as, whatever it looks like."""
        if word in self.originals:
            return _RESTORED
        if self._made_of_one(word):
            return _ALTERED
        if TOKEN.fullmatch(word) is None:
            return _NONE
        return _FOREIGN if word in self.elsewhere else _FORGED

    def _made_of_one(self, word: str) -> bool:
        if len(word) < PIECE_CHARACTERS:
            return False
        plain = folded(word)
        starts = range(len(plain) - PIECE_CHARACTERS + 1)
        if any(plain[start : start + PIECE_CHARACTERS] in self._pieces for start in starts):
            return True
        kind, _, body = plain.partition("_")
        return bool(kind) and len(body) > 1 and _any_begins(self._folded, plain)


def _any_begins(ordered: list[str], word: str) -> bool:
    at = bisect_left(ordered, word)
    return at < len(ordered) and ordered[at].startswith(word)


class Restorer:
    """Restores a text that comes in pieces. However it is cut, what comes out is the same.

    Held back is what may yet become a token, TOKEN_CHARACTERS_MAX at most, and of JSON an escape that has begun.
    """

    def __init__(self, known: Restorable, *, as_json: bool = False) -> None:
        self.tally = _NONE
        self._known = known
        self._as_json = as_json
        self._words = _WORDS_OF_JSON if as_json else _WORDS
        self._held = ""
        self._escape = ""  # one that has begun
        self._word = ""  # the beginning of the last word, where that went out already

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        return bool(self._held or self._escape)

    def feed(self, text: str) -> str:
        """Takes the next piece and returns what may go."""
        whole = self._escape + text
        begun = _begun_escape(whole) if self._as_json else len(whole)
        self._escape = whole[begun:]
        return self._take(whole[:begun], last=False)

    def rest(self) -> str:
        """Returns what is held back, at the text's end."""
        rest, self._escape = self._escape, ""
        return self._take(rest, last=True)

    def _take(self, text: str, *, last: bool) -> str:
        text = self._held + (_ESCAPE.sub(_plain, text) if self._as_json else text)
        self._held = ""
        out, at = list[str](), 0
        for found in self._words.finditer(text):
            out.append(self._between(text[at : found.start()]))
            at = found.end()
            if found[0].startswith("\\"):
                out.append(self._between(found[0]))
            elif at == len(text) and not last:
                out.append(self._begun(found[0]))
            else:
                out.append(self._ended(found[0]))
        out.append(self._between(text[at:]))
        if last:
            self._close()
        return "".join(out)

    def _between(self, text: str) -> str:
        if text:
            self._close()
        return text

    def _begun(self, word: str) -> str:
        """Takes a word that may go on."""
        if not self._word and self._known.begins(word):
            self._held = word
            return ""
        self._word = (self._word + word)[:WORD_CHARACTERS_MAX]
        return word

    def _ended(self, word: str) -> str:
        if self._word:
            self._word = (self._word + word)[:WORD_CHARACTERS_MAX]
            self._close()
            return word
        self.tally += self._known.judged(word[:WORD_CHARACTERS_MAX])
        original = self._known.originals.get(word)
        return word if original is None else self._put(original)

    def _close(self) -> None:
        if self._word:
            self.tally += self._known.judged(self._word)
            self._word = ""

    def _put(self, original: str) -> str:
        return msgspec.json.encode(original)[1:-1].decode() if self._as_json else original


def _begun_escape(text: str) -> int:
    """Returns where an escape begins that has not ended; the text's length where none does."""
    found = _ESCAPE_BEGUN.search(text)
    if found is None:
        return len(text)
    before = text[: found.start()]
    backslashes = len(before) - len(before.rstrip("\\"))
    return len(text) if backslashes % 2 else found.start()


def _plain(escape: re.Match[str]) -> str:
    """Returns a letter that JSON spells as an escape as itself; the same text to every reader."""
    letter = chr(int(escape[1], 16)) if escape[1] else ""
    return letter if letter and _JOINS.match(letter) else escape[0]
