"""A log as a folder of static files: what is in it, and checking it with public keys alone.

The layout is C2SP tlog-tiles' own, so that any client of a tiled log can read it, and beside it `ids`, `payload/` and
`manifest`: a note signed by the log that lists every file's digest, since the tree covers entries only. A mirror has
no manifest; there the tree covers every byte. docs/spec/log.md section 6 is the definition.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from safeconduct.kernel.errors import InvalidInputError, SafeconductError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.audit import GAP_MAX, Finding, audit
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.envelope import decode_leaf
from safeconduct.ledger.evidence import FOLDER as EVIDENCE
from safeconduct.ledger.evidence import EvidenceError, parse_evidence
from safeconduct.ledger.merkle import HASH_BYTES, leaf_hash
from safeconduct.ledger.notes import Note, NoteError, NoteSigner, VerifierKey, parse_note
from safeconduct.ledger.ports import LogSource, StoredEntry
from safeconduct.ledger.quorums import PolicyError
from safeconduct.ledger.reader import LogReader, read_tile
from safeconduct.ledger.rotation import ROTATION_MARK, Rotation, rotations_in
from safeconduct.ledger.tiles import (
    CHECKPOINT_PATH,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    bundles_of,
    decode_bundle,
    encode_bundle,
    paths_of,
    split_bundle,
    tiles_of,
)
from safeconduct.ledger.trust import Trust, check_signatures

MANIFEST_PATH = "manifest"
IDS_PATH = "ids"
PAYLOAD_FOLDER = "payload"
ENTRIES_FOLDER = "tile/entries/"
MANIFEST_BYTES_MAX = 64 * 1024 * 1024  # about 400,000 files
_HEADER = "safeconduct/export/v1"

Read = Callable[[str], bytes | None]
"""Returns a file of a folder by its path with slashes, or None if there is none."""


def export_files(
    source: LogSource, origin: Origin, signer: NoteSigner, *, payloads: bool, more: Iterable[tuple[str, bytes]] = ()
) -> Iterator[tuple[str, bytes]]:
    """Yields path and content of each file of an export, the manifest last. `more` are files that it covers too.

    Raises:
        AbsentError: the log has no entries.
    """
    signed = LogReader(source).checkpoint(origin)
    lines = []
    for path, content in chain(_files(source, origin, signed, payloads=payloads), more):
        lines.append(f"{_listing(content)} {path}\n")
        yield path, content
    text = f"{_HEADER}\n{origin}\n" + "".join(lines)
    yield MANIFEST_PATH, Note(text, (signer.sign(text),)).encoded.encode()


def _files(
    source: LogSource, origin: Origin, signed: SignedCheckpoint, *, payloads: bool
) -> Iterator[tuple[str, bytes]]:
    size = signed.checkpoint.size
    yield CHECKPOINT_PATH, signed.encoded.encode()
    for tile in tiles_of(size):
        yield tile.path, read_tile(source, origin, tile)
    ids = []
    for bundle in bundles_of(size):
        entries = list(source.entries(origin, bundle.number * TILE_WIDTH, bundle.width))
        ids += [f"{entry.id}\n" for entry in entries]
        yield bundle.path, encode_bundle(entry.leaf for entry in entries)
        if payloads:
            yield from _payloads(source, entries)
    yield IDS_PATH, "".join(ids).encode()


def _payloads(source: LogSource, entries: Sequence[StoredEntry]) -> Iterator[tuple[str, bytes]]:
    for entry in entries:
        for name in decode_leaf(entry.leaf).sealed:
            blob = source.blob(entry.id, name)
            if blob is not None:
                yield payload_path(entry.id, name), blob


def payload_path(entry_id: str, name: str) -> str:
    """Returns where a sealed blob stands in an export."""
    return f"{PAYLOAD_FOLDER}/{entry_id}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What checking a folder found. It is good if there are no findings."""

    origin: Origin
    size: int
    root: bytes
    cosigned_by: tuple[str, ...]
    findings: tuple[Finding, ...]


def verify_files(read: Read, paths: Sequence[str], trust: Trust) -> Verified:
    """Checks a folder that claims to hold a log: `paths` are all files in it.

    With a manifest every file must be as listed. Without one - a mirror - no file may be there that the tree does not
    cover, and every signature line of the checkpoint must be by a known key.
    """
    origin = Origin(trust.log.name)
    manifest = read(MANIFEST_PATH)
    try:
        trust = following(read, paths, trust)
        signed, trust = trust.signed(_checkpoint(read))
        cosigned_by = _cosigned_by(signed, trust, strict=manifest is None)
        _check_room(signed, paths)
        listed = list(_check_manifest(read, paths, manifest, trust.log))
    except (NoteError, PolicyError) as error:
        listed = list(_check_manifest(read, paths, manifest, trust.log))
        findings = [Finding(origin=origin, what=error.message, place=CHECKPOINT_PATH), *listed]
        return Verified(origin=origin, size=0, root=b"", cosigned_by=(), findings=tuple(findings))
    source = FolderSource(read, paths, signed, trust.log)
    findings = audit(source, origin, trust.log, payloads=bool(source.payloads))
    if manifest is None:
        covered = paths_of(signed.checkpoint.size)
        findings += [
            Finding(origin=origin, what="the tree does not cover this file", place=path)
            for path in paths
            if path not in covered and not _is_evidence(read, path, trust)
        ]
    said = signed.checkpoint
    return Verified(
        origin=origin,
        size=said.size,
        root=said.root,
        cosigned_by=cosigned_by,
        findings=(*findings, *listed),
    )


def _check_room(signed: SignedCheckpoint, paths: Sequence[str]) -> None:
    """Returns unless so much is missing that looking for it, entry by entry, would fill the memory.

    Raises:
        NoteError: the checkpoint covers over GAP_MAX entries more than the bundles have room for.
    """
    size, room = signed.checkpoint.size, TILE_WIDTH * sum(path.startswith(ENTRIES_FOLDER) for path in paths)
    if size > room + GAP_MAX:
        raise NoteError(f"the checkpoint covers {size} entries, the files here hold {room} at most")


def _checkpoint(read: Read) -> bytes:
    content = read(CHECKPOINT_PATH)
    if content is None:
        raise NoteError("it is missing: a folder that holds a log, an export or a mirror, has one")
    return content


def _is_evidence(read: Read, path: str, trust: Trust) -> bool:
    """Tells whether a mirror's file shows what the log did wrong: its own signatures cover it."""
    try:
        return path.startswith(f"{EVIDENCE}/") and bool(parse_evidence(read(path) or b"", *trust.logs))
    except EvidenceError:
        return False


def following(read: Read, paths: Sequence[str], trust: Trust) -> Trust:
    """Returns the trust with the rotations of the log's key that a folder's entries hold, each signed by the old key.

    That the entries are the log's is not shown by this; a checkpoint that the last key signed shows it.

    Raises:
        NoteError: they are no chain that a known key is a link of.
    """
    found: list[Rotation] = []
    for path in paths:
        bundle = path.startswith(ENTRIES_FOLDER) and not path.endswith(".new")  # as a crash leaves it
        content = (read(path) or b"") if bundle else b""
        if ROTATION_MARK in content:
            found += _rotations(Tile.parse(path), content)
    return trust.following(found)


def _rotations(bundle: Tile, content: bytes) -> tuple[Rotation, ...]:
    try:
        return rotations_in(enumerate(split_bundle(content), start=bundle.number * TILE_WIDTH))
    except SafeconductError as error:
        raise NoteError(error.message) from error


class FolderSource:
    """`LogSource` over an export's or a mirror's files. Cosignatures are left out: `verify_files` judges them."""

    def __init__(self, read: Read, paths: Sequence[str], signed: SignedCheckpoint, key: VerifierKey) -> None:
        self._read = read
        said = signed.checkpoint
        self._origin, self._size = said.origin, said.size
        self._checkpoint = Note(signed.note.text, (signed.note.signed_by(key),)).encoded
        self._ids = dict(enumerate((read(IDS_PATH) or b"").decode("ascii", "replace").split("\n")))
        self.payloads = [path for path in paths if path.startswith(f"{PAYLOAD_FOLDER}/")]

    def origins(self) -> list[Origin]:
        return [self._origin]

    def size(self, origin: Origin) -> int:
        return self._size if origin == self._origin else 0

    def entries(self, origin: Origin, start: int = 0, count: int | None = None) -> Iterator[StoredEntry]:
        end = self._size if count is None else min(self._size, start + count)
        for bundle in bundles_of(self.size(origin)):
            first = bundle.number * TILE_WIDTH
            if first < end and first + bundle.width > start:
                for index, leaf in enumerate(self._leaves(bundle), start=first):
                    if start <= index < end:
                        yield StoredEntry(index, self._ids.get(index) or _id(leaf), leaf)

    def find(self, entry_id: str) -> tuple[Origin, StoredEntry] | None:
        hits = (entry for entry in self.entries(self._origin) if entry.id == entry_id)
        return next(((self._origin, entry) for entry in hits), None)

    def begun(self, beginning: str, most: int) -> Sequence[tuple[Origin, StoredEntry]]:
        hits = (entry for entry in self.entries(self._origin) if entry.id.startswith(beginning))
        return [(self._origin, entry) for entry in sorted(hits, key=lambda entry: entry.id)[:most]]

    def waiting(self, origin: Origin) -> Iterator[bytes]:  # noqa: ARG002 - an export holds placed entries only
        return iter(())

    def tile(self, origin: Origin, level: int, number: int) -> bytes:
        width = min(TILE_WIDTH, (self.size(origin) >> TILE_HEIGHT * level) - number * TILE_WIDTH)
        return (self._read(Tile(level, number, width).path) or b"") if width > 0 else b""

    def tile_names(self, origin: Origin) -> list[tuple[int, int]]:
        return [(tile.level or 0, tile.number) for tile in tiles_of(self.size(origin))]

    def cosigned(
        self,
        origin: Origin,  # noqa: ARG002 - the port's signature, here and below
        *,
        witness: str | None = None,  # noqa: ARG002
        newest: int | None = None,  # noqa: ARG002
    ) -> list[tuple[int, str, str]]:
        return []

    def checkpoint(self, origin: Origin) -> str | None:
        return self._checkpoint if origin == self._origin else None

    def blob(self, entry_id: str, name: str) -> bytes | None:
        return self._read(payload_path(entry_id, name))

    def blobs(self) -> Iterator[tuple[str, str, bytes]]:
        for path in self.payloads:
            _folder, entry_id, name = f"{path}//".split("/", 2)
            yield entry_id, name.removesuffix("//"), self._read(path) or b""

    def _leaves(self, bundle: Tile) -> list[bytes]:
        """Returns a bundle's leaves; of a damaged one those up to and with the first that its tile doesn't know."""
        content = self._read(bundle.path) or b""
        try:
            return decode_bundle(content, bundle.width)
        except InvalidInputError:
            hashes = self.tile(self._origin, 0, bundle.number)
            leaves: list[bytes] = []
            for position, leaf in enumerate(split_bundle(content)):
                leaves.append(leaf)
                if hashes[position * HASH_BYTES : (position + 1) * HASH_BYTES] != leaf_hash(leaf):
                    break
            else:
                leaves.append(content[sum(len(leaf) + 2 for leaf in leaves) :])  # what no length fits
            return leaves[: bundle.width]


def _check_manifest(read: Read, paths: Sequence[str], manifest: bytes | None, key: VerifierKey) -> Iterator[Finding]:
    if manifest is None:
        return
    origin = Origin(key.name)
    try:
        note = parse_note(manifest, bytes_max=MANIFEST_BYTES_MAX)
        note.signed_by(key)
        listed = _listed(note, origin)
    except NoteError as error:
        yield Finding(origin=origin, what=error.message, place=MANIFEST_PATH)
        return
    for path in paths:
        if path != MANIFEST_PATH and listed.pop(path, "") != _listing(read(path) or b""):
            yield Finding(origin=origin, what="the file is not as the manifest says", place=path)
    for path in listed:
        yield Finding(origin=origin, what="the file is missing", place=path)


def _listed(note: Note, origin: Origin) -> dict[str, str]:
    lines = note.text.removesuffix("\n").split("\n")
    if lines[:2] != [_HEADER, origin] or len(note.signatures) != 1:
        raise NoteError(f"expected a manifest of {origin} with one signature")
    return {path: listing for listing, _space, path in (line.rpartition(" ") for line in lines[2:])}


def _listing(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()} {len(content)}"


def _cosigned_by(signed: SignedCheckpoint, trust: Trust, *, strict: bool) -> tuple[str, ...]:
    """Returns the known witnesses who cosigned.

    Raises:
        NoteError: a cosignature of one of them does not verify; or, if strict, a line is by nobody known.
        PolicyError: `quorum-missing`.
    """
    if strict:
        check_signatures(signed, trust)
    return tuple(key.name for key in trust.cosigners(signed))


def _id(leaf: bytes) -> str:
    try:
        return decode_leaf(leaf).id
    except UnavailableError:
        return ""
