"""A log's keys, one after another: each says in public which one follows it. Pure; docs/spec/custody.md section 2.

The statement is a note that the old and the new key both sign. It stands in an entry of the log itself, and the entry's
index says from which size on the new key must sign. So the evidence for that entry is a rotation for whoever has no
copy of the log.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from safeconduct.ledger.envelope import decode_leaf
from safeconduct.ledger.notes import Note, NoteError, NoteSigner, VerifierKey, parse_note

HEADER = "safeconduct/log-key/v1"
ROTATED = "ledger.key.rotated/1"
ROTATION_MARK = f'"type":"{ROTATED}"'.encode()
"""Bytes without which a leaf is no rotation: to look for before it is decoded."""

_LINES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """That a log's key names the one that follows it. Nothing says yet from when on."""

    old: VerifierKey
    new: VerifierKey

    @property
    def text(self) -> str:
        """What both keys sign."""
        return f"{HEADER}\n{self.old.name}\n{self.old.text}\n{self.new.text}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A succession in force: every checkpoint larger than `index`, the place of its entry, bears the new key's line."""

    index: int
    old: VerifierKey
    new: VerifierKey


def sign_succession(old: NoteSigner, new: NoteSigner) -> str:
    """Returns the statement that `new` follows `old`, signed by both.

    Raises:
        KeyUnavailableError: one of them does not sign.
    """
    text = Succession(old=old.verifier, new=new.verifier).text
    return Note(text, (old.sign(text), new.sign(text))).encoded


def open_succession(encoded: str) -> Succession:
    """Returns what a statement says, both of its signatures verified. Whether the old key counts, the reader knows.

    Raises:
        NoteError: it is malformed, about two logs or one key, or not signed by both keys.
    """
    note = parse_note(encoded)
    lines = note.text.removesuffix("\n").split("\n")
    if len(lines) != _LINES or lines[0] != HEADER:
        raise NoteError(f"expected {HEADER}, an origin, the old key and the new one")
    said = Succession(old=VerifierKey.parse(lines[2]), new=VerifierKey.parse(lines[3]))
    if said.text != note.text or said.new.name != said.old.name or said.new == said.old:
        raise NoteError(f"expected two keys of {lines[1]}, one after the other")
    for key in (said.old, said.new):
        note.signed_by(key)
    return said


def rotation_of(leaf: bytes, index: int) -> Rotation | None:
    """Returns the rotation that an entry is; None where it is another entry. Costs others one search for a few bytes.

    Raises:
        NoteError: it is a rotation, but its statement is none.
        UnavailableError: the leaf can't be read.
    """
    if ROTATION_MARK not in leaf:
        return None
    decoded = decode_leaf(leaf)
    if decoded.type != ROTATED:
        return None  # the words stand in its body
    said = open_succession(str(decoded.body.get("statement", "")))
    return Rotation(index=index, old=said.old, new=said.new)


def rotations_in(leaves: Iterable[tuple[int, bytes]]) -> tuple[Rotation, ...]:
    """Returns the rotations among entries, each given with its index.

    Raises:
        NoteError, UnavailableError: as `rotation_of`.
    """
    found = (rotation_of(leaf, index) for index, leaf in leaves)
    return tuple(rotation for rotation in found if rotation is not None)


@dataclass(frozen=True, slots=True)
class KeyChain:
    """Which key must have signed a log's checkpoint, by the checkpoint's size."""

    first: VerifierKey
    rotations: tuple[Rotation, ...] = ()

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """All keys, the first one first."""
        return (self.first, *(rotation.new for rotation in self.rotations))

    def at(self, size: int) -> VerifierKey:
        """Returns the key whose signature a checkpoint of this size needs. Others' beside it mean nothing."""
        return next((one.new for one in reversed(self.rotations) if size > one.index), self.first)


def chain(known: Sequence[VerifierKey], rotations: Iterable[Rotation]) -> KeyChain:
    """Returns the chain of keys that one of the known ones is a link of.

    Raises:
        NoteError: `rotation-broken`: a rotation does not begin where the one before it ended, or no known key is in
            any of them.
    """
    ordered = tuple(sorted(set(rotations), key=lambda one: one.index))
    found = KeyChain(ordered[0].old if ordered else known[0], ordered)
    links = itertools.pairwise(ordered)
    if not set(known) & set(found.keys) or any(one.new != after.old for one, after in links):
        raise NoteError(
            f"the rotations of {known[0].name} are no chain that its known key is a link of", code="rotation-broken"
        )
    return found
