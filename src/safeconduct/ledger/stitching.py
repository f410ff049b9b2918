"""A log read from two places: a partner's verified mirror, and after its last entry what still stands here."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.cosigned import choose
from safeconduct.ledger.envelope import decode_leaf
from safeconduct.ledger.export import FolderSource, Read, following, verify_files
from safeconduct.ledger.merkle import HASH_BYTES
from safeconduct.ledger.notes import Note, VerifierKey
from safeconduct.ledger.ports import LogSource, StoredEntry
from safeconduct.ledger.tiles import CHECKPOINT_PATH, TILE_WIDTH, Tile, subtrees
from safeconduct.ledger.trust import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A partner's copy of a log, verified: its checkpoint with the cosignatures asked for, and its files."""

    signed: SignedCheckpoint
    source: LogSource
    cosigned: Sequence[tuple[int, str, str]]

    @property
    def size(self) -> int:
        """How many entries it holds."""
        return self.signed.checkpoint.size


def open_mirror(read: Read, paths: Sequence[str], trust: Trust) -> Mirror:
    """Returns a folder's copy of a log, a mirror or an export, if all of it verifies with these public keys.

    Raises:
        UnavailableError: `mirror-damaged`; `not-cosigned` by one of the witnesses that are asked for.
    """
    verified = verify_files(read, paths, trust)
    if verified.findings:
        raise UnavailableError(f"this mirror does not verify: {verified.findings[0].text}", code="mirror-damaged")
    lacking = [key.name for key in trust.witnesses if key.name not in verified.cosigned_by]
    if lacking:
        raise UnavailableError(f"{', '.join(lacking)} did not cosign this mirror's checkpoint", code="not-cosigned")
    signed, own = following(read, paths, trust).signed(read(CHECKPOINT_PATH) or b"")
    return Mirror(
        signed=signed,
        source=FolderSource(read, paths, signed, own.log),
        cosigned=[(verified.size, _signed_by(signed, own.log, key), key.text) for key in trust.witnesses],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StitchedLog:
    """`LogSource` of one log as it was signed, whatever stands here of it."""

    origin: Origin
    here: LogSource
    mirror: Mirror | None
    checkpoint_note: str
    kept: Sequence[tuple[int, str, str]]
    ids: Sequence[str]
    tiles: Mapping[tuple[int, int], bytes]
    digests: Mapping[tuple[str, str], str]

    def origins(self) -> list[Origin]:
        return [self.origin]

    def size(self, origin: Origin) -> int:
        return len(self.ids) if origin == self.origin else 0

    def entries(self, origin: Origin, start: int = 0, count: int | None = None) -> Iterator[StoredEntry]:
        end = self.size(origin) if count is None else min(self.size(origin), start + count)
        yield from stitched(self.here, self.mirror, origin, start, end)

    def find(self, entry_id: str) -> tuple[Origin, StoredEntry] | None:
        if entry_id not in self.ids:
            return None
        return self.origin, next(self.entries(self.origin, self.ids.index(entry_id), 1))

    def begun(self, beginning: str, most: int) -> Sequence[tuple[Origin, StoredEntry]]:
        ids = sorted(one for one in self.ids if one.startswith(beginning))[:most]
        return [found for one in ids if (found := self.find(one))]

    def waiting(self, origin: Origin) -> Iterator[bytes]:  # noqa: ARG002 - the copy holds placed entries only
        return iter(())

    def tile(self, origin: Origin, level: int, number: int) -> bytes:
        return self.tiles.get((level, number), b"") if origin == self.origin else b""

    def tile_names(self, origin: Origin) -> list[tuple[int, int]]:
        return sorted(self.tiles) if origin == self.origin else []

    def cosigned(
        self, origin: Origin, *, witness: str | None = None, newest: int | None = None
    ) -> list[tuple[int, str, str]]:
        rows = [*self.kept, *(self.mirror.cosigned if self.mirror else ())] if origin == self.origin else []
        return choose(rows, witness, newest)

    def checkpoint(self, origin: Origin) -> str | None:
        return self.checkpoint_note if origin == self.origin else None

    def blob(self, entry_id: str, name: str) -> bytes | None:
        sources = [self.here, self.mirror.source] if self.mirror else [self.here]
        found = (source.blob(entry_id, name) for source in sources)
        digest = self.digests.get((entry_id, name))
        return next((blob for blob in found if blob and hashlib.sha256(blob).hexdigest() == digest), None)

    def blobs(self) -> Iterator[tuple[str, str, bytes]]:
        for entry_id, name in self.digests:
            blob = self.blob(entry_id, name)
            if blob is not None:
                yield entry_id, name, blob

    def hash(self, index: int) -> bytes:
        """Returns the hash of an entry's leaf."""
        at = index % TILE_WIDTH * HASH_BYTES
        return self.tiles[0, index // TILE_WIDTH][at : at + HASH_BYTES]

    def root(self, size: int) -> bytes:
        """Returns the root over the first entries."""
        return merkle.root(size, subtrees(size, self._part))

    def _part(self, tile: Tile) -> bytes:
        return self.tiles[tile.level or 0, tile.number][: tile.width * HASH_BYTES]


def stitched(here: LogSource, mirror: Mirror | None, origin: Origin, start: int, end: int) -> Iterator[StoredEntry]:
    """Yields the entries from `start` to before `end`, each under the id that it says itself.

    Raises:
        UnavailableError: `mirror-behind`, or without one `recovery-needs-mirror`: one is neither there nor here.
    """
    held = min(mirror.size, end) if mirror else 0
    if mirror and start < held:
        for entry in mirror.source.entries(origin, start, held - start):
            yield StoredEntry(entry.index, decode_leaf(entry.leaf).id, entry.leaf)
    expected = max(start, held)
    for entry in here.entries(origin, expected, end - expected) if expected < end else ():
        try:
            own_id = decode_leaf(entry.leaf).id
        except UnavailableError:
            break
        if entry.index != expected:
            break
        yield StoredEntry(expected, own_id, entry.leaf)
        expected += 1
    if expected < end:
        raise lacking(mirror, origin, f"entry {expected} of the {end} that were signed is missing or damaged here")


def lacking(mirror: Mirror | None, origin: Origin, what: str) -> UnavailableError:
    """Returns the refusal of a recovery that a mirror, or a larger one, is needed for."""
    if mirror is None:
        return UnavailableError(
            f"{origin}: {what}",
            code="recovery-needs-mirror",
            remedy="safeconduct log recover --from-mirror DIR --key LOGKEY, with the partner's mirror",
        )
    return UnavailableError(
        f"{origin}: {what}, and the mirror holds {mirror.size} entries",
        code="mirror-behind",
        remedy="take another mirror of the partner's: one that holds all that was signed, and the sealed fields",
    )


def _signed_by(signed: SignedCheckpoint, *keys: VerifierKey) -> str:
    return Note(signed.note.text, tuple(signed.note.signed_by(key) for key in keys)).encoded
