"""C2SP tlog-mirror: what `add-entries` carries, and how its packages are cut. Pure: the caller keeps the entries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from safeconduct.ledger.checkpoints import Checkpoint, parse_size
from safeconduct.ledger.merkle import HASH_BYTES, Frontier, leaf_hash
from safeconduct.ledger.notes import NoteError, unbase64
from safeconduct.ledger.subtree_proofs import Part, verify_subtree
from safeconduct.ledger.tiles import INDEX_MAX, TILE_WIDTH
from safeconduct.ledger.witness import PROOF_LINES_MAX, WitnessAnswer

INFO_TYPE = "text/x.tlog.mirror-info"
ENTRIES_TYPE = "application/octet-stream"
PACKAGES_MAX = 32  # of one request: what the text tells clients to send at most
ACCEPTED = 202
_UINT64 = 8


@dataclass(frozen=True, slots=True)
class Upload:
    """The entries that a request means to bring: from `start` up to `end`, the size of a pending checkpoint."""

    origin: str
    start: int
    end: int

    @property
    def packages(self) -> Iterator["Package"]:
        """Its canonical sequence, each made when it is asked for: an upload can claim any end."""
        bases = range(self.start - self.start % TILE_WIDTH, self.end, TILE_WIDTH) if self.start < self.end else ()
        return (Package(base, max(self.start, base), min(self.end, base + TILE_WIDTH)) for base in bases)

    @property
    def encoded(self) -> bytes:
        """The request body's beginning, with an empty ticket."""
        origin = self.origin.encode()
        bounds = self.start.to_bytes(_UINT64) + self.end.to_bytes(_UINT64)
        return len(origin).to_bytes(2) + origin + bounds + (0).to_bytes(2)


@dataclass(frozen=True, slots=True)
class Package:
    """The entries from `start` up to `end`, all of the bundle whose first is `base`."""

    base: int
    start: int
    end: int


def parse_upload(origin: bytes, bounds: bytes) -> Upload:
    """Reads the beginning of a request body: the origin's bytes, and two big-endian uint64.

    Raises:
        NoteError: the origin is no text, or the end lies before the start or beyond what a log can have.
    """
    start, end = int.from_bytes(bounds[:_UINT64]), int.from_bytes(bounds[_UINT64:])
    if not start <= end <= INDEX_MAX:
        raise NoteError(f"expected a start up to the end, and an end up to {INDEX_MAX}; got {start} and {end}")
    try:
        return Upload(origin.decode(), start, end)
    except UnicodeDecodeError as error:
        raise NoteError("an origin is UTF-8") from error


def encode_package(leaves: Sequence[bytes], proof: Sequence[bytes]) -> bytes:
    """Returns one package: the entries with their lengths, the number of hashes, the hashes."""
    entries = b"".join(len(leaf).to_bytes(2) + leaf for leaf in leaves)
    return entries + len(proof).to_bytes(1) + b"".join(proof)


def verify_package(package: Package, leaves: Sequence[bytes], proof: Sequence[bytes], checkpoint: Checkpoint) -> None:
    """Returns if the bundle's entries up to the package's end, `leaves`, are in the checkpoint's tree.

    Raises:
        ProofError: they are not, or the proof is too long.
    """
    edge = Frontier()
    for leaf in leaves:
        edge.append(leaf_hash(leaf))
    verify_subtree(Part(package.base, package.end, checkpoint.size), proof, edge.root(), checkpoint.root)


def hashes_bytes(count: int) -> int:
    """Returns how many bytes that many hashes have.

    Raises:
        NoteError: there are more than a proof may have.
    """
    if count > PROOF_LINES_MAX:
        raise NoteError(f"a package's proof has at most {PROOF_LINES_MAX} hashes, got {count}")
    return count * HASH_BYTES


@dataclass(frozen=True, slots=True)
class MirrorInfo:
    """Where a mirror stands: the size of a pending checkpoint, and the first entry that it does not have."""

    size: int
    next_entry: int

    def answer(self, status: int) -> WitnessAnswer:
        """Returns it as an answer. The ticket is empty: what a mirror must remember, it keeps itself."""
        return WitnessAnswer(status, f"{self.size}\n{self.next_entry}\n\n", INFO_TYPE)


def parse_info(body: str) -> MirrorInfo:
    """Reads a mirror's answer of where it stands. Its ticket is read and dropped.

    Raises:
        NoteError: it is malformed.
    """
    lines = body.split("\n")
    if len(lines) != 4 or lines[3]:  # noqa: PLR2004 - size, next entry, ticket, each with its newline
        raise NoteError("expected three lines: a tree size, the next entry, a ticket")
    unbase64(lines[2])
    return MirrorInfo(parse_size(lines[0]), parse_size(lines[1]))


def split_hashes(hashes: bytes) -> list[bytes]:
    """Returns concatenated hashes one by one."""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
