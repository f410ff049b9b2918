"""Marks of what stood in a conversation: keyed digests, so that a text is known again and nobody else can say it was.

Marks are under a key of their session (with those that descend from it) in its organization: equal texts of two
sessions have different marks, and a client can't tell which it would need.
"""

import re
from functools import cached_property
from hashlib import blake2b

import msgspec

from safeconduct.boundary.lookalikes import folded, folded_ascii
from safeconduct.boundary.model import Block, ToolCall

FOLDED_CHARS = 16_384
"""Characters of a text that are folded: four pages, at some 0.3 us each where they are not ASCII."""

LINE_CHARS_MIN = 24
"""Characters of a line by which it is known again within another text. Shorter ones stand in many texts by chance."""

LINES_MAX = 32
"""Lines of one text that are known again."""

DESCENT_MAX = 8
"""How deep a session may descend from others. A name that goes deeper counts as one of that depth."""

MARK_BYTES = 8
"""Bytes of a mark: two of a session's thousands are equal by chance once in some 10^12 sessions."""

_SPLIT = "/"
_ASCII_SPACES = bytes(code for code in range(128) if chr(code).isspace())
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
_encode = msgspec.json.Encoder(order="sorted").encode


def descent(session: str) -> tuple[str, ...]:
    """Returns a session and those it descends from, the first of them first: `a/b` is of `a`. None of no name."""
    parts = session.split(_SPLIT, DESCENT_MAX - 1) if session else []
    return tuple(_SPLIT.join(parts[: depth + 1]) for depth in range(len(parts)))


class Marks:
    """The marks of one session, under one secret."""

    def __init__(self, secret: bytes, organization: str, session: str) -> None:
        self._secret = blake2b(secret, person=b"labels").digest()
        self._organization = organization
        self._descent = descent(session)

    @cached_property
    def _keyed(self) -> blake2b:
        """What every mark of the session begins as: its key is read once."""
        first = self._descent[0] if self._descent else ""
        key = blake2b(f"{self._organization}\0{first}".encode(), key=self._secret).digest()
        return blake2b(key=key, digest_size=MARK_BYTES)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """What the session and those it descends from are kept under, the session itself last."""
        names = [f"{self._organization}\0{name}".encode() for name in self._descent]
        return tuple([blake2b(name, key=self._secret, digest_size=MARK_BYTES).hexdigest() for name in names])

    def text(self, block: Block) -> str:
        """Returns the mark of exactly what stands in a block."""
        return self._mark((block.opaque or block.text).encode())

    def folded(self, text: str) -> str:
        """Returns the mark that texts share which a reader may take for each other."""
        return self._mark(b"\0" + _folded(text[:FOLDED_CHARS]))

    def lines(self, text: str) -> tuple[str, ...]:
        """Returns the marks of a text's longer lines; they are folded texts too."""
        if len(text) <= LINE_CHARS_MIN or "\n" not in text:
            return ()
        lines = [line for line in text[:FOLDED_CHARS].splitlines() if len(line.strip()) >= LINE_CHARS_MIN]
        return tuple(self.folded(line) for line in lines[:LINES_MAX])

    def call(self, call: ToolCall) -> str:
        """Returns the mark of a tool call: its id, name and arguments."""
        return self._mark(b"\1" + _encode([call.id, call.name, call.arguments]))

    def _mark(self, data: bytes) -> str:
        made = self._keyed.copy()
        made.update(data)
        return made.hexdigest()


def _folded(text: str) -> bytes:
    if text.isascii():
        return folded_ascii(text, leaving_out=_ASCII_SPACES)
    return "".join(folded(_UNSEEN.sub("", text)).split()).encode()
