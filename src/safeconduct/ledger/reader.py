"""Reading the log: entries, checkpoints, evidence, sealed fields."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from safeconduct.kernel.entries import Entry, Reader
from safeconduct.kernel.errors import AbsentError, RefusedError, UnavailableError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.instants import Instant
from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import SignedCheckpoint, parse_checkpoint
from safeconduct.ledger.cosigned import NEWEST
from safeconduct.ledger.envelope import Leaf, Opening, decode_leaf, read_entry, unseal
from safeconduct.ledger.key_ports import OpeningKeys
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.ports import LogSource, StoredEntry
from safeconduct.ledger.sealing import HOUSE
from safeconduct.ledger.subtree_proofs import Part, subtree_proof
from safeconduct.ledger.tiles import Tile, subtrees


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """That an entry is in a log: its leaf's bytes, index, inclusion proof, and a checkpoint that covers it."""

    leaf: bytes
    index: int
    proof: tuple[bytes, ...]
    checkpoint: SignedCheckpoint


class LogReader:
    """Reads the logs of an installation, or a reader's copy of one. Safe from any thread, given a source that is.

    `role` is who reads: the house, or whose copy it is.
    """

    def __init__(self, source: LogSource, keys: OpeningKeys | None = None, *, role: Reader = HOUSE) -> None:
        self.role = role
        self._source = source
        self._keys = keys

    def origins(self) -> list[Origin]:
        """Returns the logs there are."""
        return self._source.origins()

    def entry(self, entry_id: str) -> Entry:
        """Returns an entry by its id.

        Raises:
            AbsentError: there is none.
            UnavailableError: it can't be read.
        """
        origin, stored = self._find(entry_id)
        return read_entry(stored.leaf, origin, stored.index)

    def begun(self, beginning: str, most: int) -> list[Entry]:
        """Returns up to `most` entries whose ids begin so, by their ids.

        Raises:
            UnavailableError: one can't be read.
        """
        found = self._source.begun(beginning, most)
        return [read_entry(stored.leaf, origin, stored.index) for origin, stored in found]

    def place(self, entry_id: str) -> int:
        """Returns an entry's index.

        Raises:
            AbsentError: it has none: there is no such entry, or it was not given one yet.
        """
        return self._find(entry_id)[1].index

    def entries(self, origin: Origin, start: int = 0, count: int | None = None) -> Iterator[Entry]:
        """Yields entries in order.

        Raises:
            UnavailableError: one can't be read.
        """
        for stored in self._source.entries(origin, start, count):
            yield read_entry(stored.leaf, origin, stored.index)

    def size(self, origin: Origin) -> int:
        """Returns how many entries a log has."""
        return self._source.size(origin)

    def checkpoint(self, origin: Origin) -> SignedCheckpoint:
        """Returns the latest checkpoint, with its cosignatures where it has any.

        Raises:
            AbsentError: the log has no entries.
        """
        encoded = self._source.checkpoint(origin)
        if encoded is None:
            raise AbsentError(f"there is no log {origin} with entries")
        latest = parse_checkpoint(encoded)
        return self._with_cosignatures(origin, latest)

    def cosigned_size(self, origin: Origin, witness: VerifierKey) -> int:
        """Returns the largest size that the witness is known to have cosigned; 0 for none."""
        newest = self._source.cosigned(origin, witness=witness.text, newest=1)
        return newest[0][0] if newest else 0

    def last_cosigned(self, origin: Origin) -> str:
        """Returns the largest checkpoint that a witness cosigned, as a note; nothing where there is none."""
        newest = self._source.cosigned(origin, newest=1)
        return newest[0][1] if newest else ""

    def evidence(self, entry_id: str) -> Evidence:
        """Returns the evidence for an entry under the checkpoint over it that most cosigned, of several the latest.

        Raises:
            AbsentError: there is no such entry.
            UnavailableError: the log is damaged.
        """
        origin, stored = self._find(entry_id)
        signed = self.checkpoint(origin)
        newest = self._source.cosigned(origin, newest=NEWEST)  # if any covers the entry, these do
        cosigned = {size: note for size, note, _key in newest if size > stored.index}
        if cosigned:
            by = Counter(size for size, _note, _key in newest if size in cosigned)
            best = max(by, key=lambda size: (by[size], size))
            signed = self._with_cosignatures(origin, parse_checkpoint(cosigned[best]))
        size = signed.checkpoint.size
        proof = merkle.inclusion_proof(stored.index, size, self._subtrees(origin, size))
        leaf = merkle.leaf_hash(stored.leaf)
        try:
            merkle.verify_inclusion(stored.index, size, leaf, proof, signed.checkpoint.root)
        except merkle.ProofError as error:
            raise UnavailableError(f"entry {entry_id} can't be proven: {error}", code="log-damaged") from error
        return Evidence(leaf=stored.leaf, index=stored.index, proof=tuple(proof), checkpoint=signed)

    def leaves(self, origin: Origin, start: int, end: int) -> list[bytes]:
        """Returns the bytes of the entries from `start` up to `end`, as far as there are any."""
        return [stored.leaf for stored in self._source.entries(origin, start, end - start)]

    def part_of(self, origin: Origin, part: Part) -> list[bytes]:
        """Returns the proof that a subtree is part of the log's tree.

        Raises:
            ProofError: there is no such subtree.
            UnavailableError: the log is damaged.
        """
        return subtree_proof(part, self._subtrees(origin, part.size))

    def consistency(self, origin: Origin, old: int, new: int) -> list[bytes]:
        """Returns the proof that the first `old` entries are the beginning of the first `new`.

        Raises:
            InvalidInputError: `old` is greater than `new`.
            UnavailableError: the log is damaged.
        """
        return merkle.consistency_proof(old, new, self._subtrees(origin, new))

    def leaf(self, entry_id: str) -> Leaf:
        """Returns what an entry's leaf holds; `sealed` says of each field who may read it and under which key it is.

        Raises:
            AbsentError: there is no such entry.
            UnavailableError: it can't be read.
        """
        return decode_leaf(self._find(entry_id)[1].leaf)

    def sealed_fields(self, entry_id: str) -> list[str]:
        """Returns the names of an entry's sealed fields, whoever may read them.

        Raises:
            AbsentError: there is no such entry.
        """
        return sorted(self.leaf(entry_id).sealed)

    def open_field(self, entry_id: str, name: str) -> Opening:
        """Opens a sealed field and checks it against the entry's commitment. Which person may, others decide.

        Raises:
            AbsentError: there is no such entry or field, or its data key or blob was destroyed.
            RefusedError: it is sealed for others (`not-a-reader`).
            UnavailableError: the blob is damaged.
        """
        leaf = self.leaf(entry_id)
        said = leaf.sealed.get(name)
        if said is None:
            raise AbsentError(f"entry {entry_id} has no sealed field {name}")
        if self.role not in said.readers:
            raise RefusedError(
                f"the {name} of entry {entry_id} is sealed for {', '.join(said.readers)} only", code="not-a-reader"
            )
        key = self._keys.get(said.key) if self._keys else None
        blob = self._source.blob(entry_id, name)
        if key is None or blob is None:
            raise AbsentError(f"the {name} of entry {entry_id} is not here any more", code="destroyed")
        return unseal(leaf, name, blob, key)

    def _with_cosignatures(self, origin: Origin, signed: SignedCheckpoint) -> SignedCheckpoint:
        note = signed.note
        for size, encoded, _key in self._source.cosigned(origin, newest=NEWEST):
            if size == signed.checkpoint.size:
                note = note.with_signatures(parse_checkpoint(encoded).note.signatures)
        return SignedCheckpoint(signed.checkpoint, note)

    def _find(self, entry_id: str) -> tuple[Origin, StoredEntry]:
        found = self._source.find(entry_id)
        if found is None:
            raise unknown_entry(entry_id)
        return found

    def _subtrees(self, origin: Origin, size: int) -> merkle.Subtree:
        return subtrees(size, lambda tile: read_tile(self._source, origin, tile))


def unknown_entry(entry_id: str) -> AbsentError:
    """Returns the one answer about an entry that is not there, and about one that is not the reader's."""
    return AbsentError(f"there is no entry {entry_id[:64]}")


def read_tile(source: LogSource, origin: Origin, tile: Tile) -> bytes:
    """Returns the hashes of a tile at its width: any width up to what is stored, since tiles only grow."""
    return source.tile(origin, tile.level or 0, tile.number)[: tile.width * merkle.HASH_BYTES]


def last_entry(source: LogSource, origin: Origin) -> tuple[EntryId, Instant] | None:
    """Returns id and instant of a log's last entry, or None for an empty log."""
    size = source.size(origin)
    for stored in source.entries(origin, max(size - 1, 0), 1):
        entry = read_entry(stored.leaf, origin, stored.index)
        return entry.id, entry.at
    return None
