"""One log's copy on a mirror's disk, as tlog-mirror has it: pending checkpoints and entries, the mirror checkpoint.

The copy has the layout of every other copy of a log, so that it is verified in the same way. Entries beyond its
checkpoint are pending; a start drops them, and the log brings them again.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from safeconduct.adapters.files import write_atomically
from safeconduct.adapters.folder import read_folder, write_file
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.checkpoints import SignedCheckpoint, open_checkpoint
from safeconduct.ledger.export import verify_files
from safeconduct.ledger.merkle import HASH_BYTES, leaf_hash
from safeconduct.ledger.mirror import Package, Upload, verify_package
from safeconduct.ledger.notes import Cosigner, Note, NoteError, Signature, VerifierKey
from safeconduct.ledger.tiles import (
    CHECKPOINT_PATH,
    TILE_WIDTH,
    Tile,
    bundles_of,
    decode_bundle,
    encode_bundle,
    load_edge,
    paths_of,
    tiles_of,
)
from safeconduct.ledger.trust import Trust

PENDING_MAX = 8  # checkpoints that an upload may still be meant for; the log signs a new one with every commit


class MirroredLog:
    """The copy of one log. Its methods are called with `lock` held, except where it says otherwise."""

    def __init__(self, folder: Path, keys: Sequence[VerifierKey], cosigner: Cosigner) -> None:
        self.lock = threading.Lock()
        self._pending = folder / "pending"
        self._copy = folder / "log"
        self._keys = _remembered(folder, keys)
        self._cosigner = cosigner
        for part in (self._pending, self._copy):
            part.mkdir(parents=True, exist_ok=True)
        self.committed = self._checked()
        self._bundles: dict[int, int] = {tile.number: tile.width for tile in bundles_of(self.size)[-1:]}
        self.next_entry = self.size

    @property
    def size(self) -> int:
        """The tree size of the mirror checkpoint."""
        return self.committed.checkpoint.size if self.committed else 0

    def pending(self) -> dict[int, SignedCheckpoint]:
        """Returns the pending checkpoints that uploads may be meant for, by size, in ascending order.

        Raises:
            UnavailableError: `record-damaged`.
        """
        found = {}
        for path in sorted(self._pending.iterdir(), key=lambda path: path.name.zfill(20)):
            if not path.name.endswith(".new"):
                try:
                    signed = open_checkpoint(path.read_bytes(), *self._keys)
                except NoteError as error:
                    raise UnavailableError(
                        f"a pending checkpoint is damaged: {error}", code="record-damaged"
                    ) from error
                found[signed.checkpoint.size] = signed
        return found

    def add_pending(self, signed: SignedCheckpoint) -> None:
        """Records the newest pending checkpoint, with the log's signatures only, durably; forgets old ones."""
        lines = [line for line in signed.note.signatures if any(line.is_by(key) for key in self._keys)]
        write_atomically(
            self._pending / str(signed.checkpoint.size), Note(signed.note.text, tuple(lines)).encoded.encode()
        )
        for size in list(self.pending())[:-PENDING_MAX]:
            (self._pending / str(size)).unlink()

    def save(self, package: Package, leaves: Sequence[bytes], proof: Sequence[bytes], under: SignedCheckpoint) -> None:
        """Keeps a package's entries durably. Those that are here already are not written again.

        Raises:
            ProofError: they are not in the tree of the pending checkpoint.
        """
        number = package.base // TILE_WIDTH
        have = self._leaves(number)
        before = have[: package.start - package.base]
        verify_package(package, [*before, *leaves], proof, under.checkpoint)
        merged = [*have, *leaves[max(len(have) - len(before), 0) :]]
        if len(merged) > len(have):
            write_file(self._copy, Tile(None, number, len(merged)).path, encode_bundle(merged))
            self._bundles[number] = len(merged)
            if have:
                self._drop(Tile(None, number, len(have)))
        self.next_entry = max(self.next_entry, package.base + len(merged))

    def commit(self, upload: Upload, under: SignedCheckpoint, at_s: int) -> Signature:
        """Makes the pending checkpoint the mirror checkpoint; returns the mirror's cosignature on it.

        All entries up to it are on disk, and so is everything else that it covers before it is signed.

        Raises:
            UnavailableError: `mirror-damaged`: what is here does not lead to the checkpoint's root.
        """
        if self.committed and upload.end == self.size:
            return self.committed.note.signed_by(self._cosigner.verifier)
        self._write_tiles(under)
        note = under.note
        cosignature = self._cosigner.cosign(note.text, at_s)
        signed = SignedCheckpoint(under.checkpoint, Note(note.text, (*note.signatures, cosignature)))
        write_file(self._copy, CHECKPOINT_PATH, signed.encoded.encode())
        old, self.committed = self.size, signed
        for tile in _partials(old):
            self._drop(tile)
        return cosignature

    def read(self, path: str) -> bytes | None:
        """Returns a file that the mirror checkpoint covers, or None. Needs no lock: files are never changed."""
        if path != CHECKPOINT_PATH and path not in {tile.path for tile in self._covered(path)}:
            return None
        file = self._copy / path
        return file.read_bytes() if file.is_file() else None

    def _write_tiles(self, under: SignedCheckpoint) -> None:
        said = under.checkpoint
        edge = load_edge(self.size, lambda tile: (self._copy / tile.path).read_bytes())
        grown = edge.extend(self._hashes(said.size))
        if edge.frontier.root() != said.root:
            raise UnavailableError(f"what is here of {said.origin} is not what was proven", code="mirror-damaged")
        for (level, number), hashes in grown.items():
            write_file(self._copy, Tile(level, number, len(hashes) // HASH_BYTES).path, hashes)
        for tile in bundles_of(said.size)[-1:]:
            if not (self._copy / tile.path).exists():  # further entries are pending in the same bundle
                write_file(self._copy, tile.path, encode_bundle(self._leaves(tile.number)[: tile.width]))

    def _hashes(self, end: int) -> Iterator[bytes]:
        for number in range(self.size // TILE_WIDTH, -(-end // TILE_WIDTH)):
            first = number * TILE_WIDTH
            for index, leaf in enumerate(self._leaves(number), start=first):
                if self.size <= index < end:
                    yield leaf_hash(leaf)

    def _leaves(self, number: int) -> list[bytes]:
        """Returns what is here of a bundle, committed and pending."""
        whole = self.next_entry // TILE_WIDTH
        width = TILE_WIDTH if number < whole else self._bundles.get(number, 0)
        if width == 0:
            return []
        return decode_bundle((self._copy / Tile(None, number, width).path).read_bytes(), width)

    def _covered(self, path: str) -> Iterator[Tile]:
        """Yields the tile of a path, if the mirror checkpoint covers it."""
        tile = Tile.parse(path)
        row = bundles_of(self.size) if tile.level is None else tiles_of(self.size)
        yield from (one for one in row if one == tile)

    def _drop(self, tile: Tile) -> None:
        """Removes a partial tile that has grown, unless the mirror checkpoint or pending entries are in it."""
        kept = {one.path for one in _partials(self.size)}
        latest = tile.level is None and self._bundles.get(tile.number) == tile.width
        if tile.width < TILE_WIDTH and tile.path not in kept and not latest:
            (self._copy / tile.path).unlink(missing_ok=True)

    def _checked(self) -> SignedCheckpoint | None:
        """Returns the mirror checkpoint, all that it covers verified; removes what it does not cover.

        Raises:
            UnavailableError: `mirror-damaged`.
        """
        read, paths = read_folder(self._copy)
        encoded = read(CHECKPOINT_PATH)
        covered: set[str] = set()
        signed = None
        if encoded is not None:
            trust = Trust(log=self._keys[0], former=self._keys[1:], witnesses=(self._cosigner.verifier,))
            try:
                signed, _trust = trust.signed(encoded)
            except NoteError as error:
                raise UnavailableError(f"this mirror is damaged: {error.message}", code="mirror-damaged") from error
            covered = paths_of(signed.checkpoint.size)
            found = verify_files(read, sorted(covered.intersection(paths)), trust)
            if found.findings:
                raise UnavailableError(f"this mirror is damaged: {found.findings[0].text}", code="mirror-damaged")
        for path in set(paths) - covered:
            (self._copy / path).unlink()
        return signed


def _remembered(folder: Path, keys: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Returns all keys that what is here may be signed with: a log that changed its key still signed what is held."""
    file = folder / "keys"
    known = [VerifierKey.parse(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    all_keys = tuple(dict.fromkeys((*keys, *known)))
    if len(all_keys) > len(known):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(file, "".join(f"{key.text}\n" for key in all_keys).encode())
    return all_keys


def _partials(size: int) -> list[Tile]:
    """Returns the tiles and bundle of a tree that are not full."""
    return [tile for tile in (*tiles_of(size), *bundles_of(size)[-1:]) if tile.width < TILE_WIDTH]
