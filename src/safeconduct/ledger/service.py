"""The use cases over stored logs: serving tiles, verifying all of it, proving an entry, exporting a log."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from safeconduct.kernel.errors import AbsentError, ConflictError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Projection, Records
from safeconduct.ledger.audit import NOTHING_EXCUSED, Excused, Finding, audit
from safeconduct.ledger.checkpoints import SignedCheckpoint, parse_checkpoint
from safeconduct.ledger.export import export_files
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.merkle import HASH_BYTES, leaf_hash
from safeconduct.ledger.notes import NoteSigner, VerifierKey
from safeconduct.ledger.omission import BrokenPromise, parse_omission, verify_omission
from safeconduct.ledger.ports import FrozenStore, Heads, LogSource
from safeconduct.ledger.proofs import encode_proof
from safeconduct.ledger.quorums import Policy
from safeconduct.ledger.reader import LogReader, read_tile
from safeconduct.ledger.rebuild import check_sealed, check_state, check_store
from safeconduct.ledger.records import StoredRecords
from safeconduct.ledger.rotation import ROTATION_MARK, rotations_in
from safeconduct.ledger.tiled import TiledLog
from safeconduct.ledger.tiles import CHECKPOINT_PATH, TILE_WIDTH, Tile, encode_bundle
from safeconduct.ledger.trust import Trust
from safeconduct.ledger.worker_events import ANNOUNCED_MARK, keys_announced_in


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLog:
    """What verifying a log in its place found."""

    origin: Origin
    size: int
    key: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """The logs of an installation. Safe from any thread, given a source and keys that are.

    `excuse` tells what the control state, which entries made, says can't be there any more.
    """

    source: LogSource
    frozen: Callable[[], AbstractContextManager[FrozenStore]]
    heads: Heads
    keys: DataKeys
    signer: Callable[[Origin], NoteSigner]
    projections: Mapping[str, Projection]
    excuse: Callable[[Records], Excused] = lambda _records: NOTHING_EXCUSED

    def verifier(self, origin: Origin) -> VerifierKey:
        """Returns a log's public key.

        Raises:
            AbsentError: there is no such log.
        """
        self._require(origin)
        return self.signer(origin).verifier

    def checkpoint(self, origin: Origin) -> SignedCheckpoint:
        """Returns a log's latest checkpoint with its cosignatures.

        Raises:
            AbsentError: there is no such log, or it is empty.
        """
        return LogReader(self.source).checkpoint(origin)

    def tile(self, origin: Origin, path: str) -> bytes:
        """Returns a tile or an entry bundle.

        Raises:
            InvalidInputError: the path is none of a tile.
            AbsentError: the log does not have it.
        """
        tile = Tile.parse(path)
        if tile.level is None:
            entries = list(self.source.entries(origin, tile.number * TILE_WIDTH, tile.width))
            found, whole = encode_bundle(entry.leaf for entry in entries), len(entries) == tile.width
        else:
            found = read_tile(self.source, origin, tile)
            whole = len(found) == tile.width * HASH_BYTES
        if not whole:
            raise AbsentError(f"{origin} has no {path}", code="tile-unknown")
        return found

    def tiled(self, origin: Origin) -> TiledLog:
        """Returns a log by its static files, as of now.

        Raises:
            AbsentError: there is no such log, or it is empty.
        """

        def read(path: str) -> bytes:
            return self.checkpoint(origin).encoded.encode() if path == CHECKPOINT_PATH else self.tile(origin, path)

        return TiledLog(read, Trust(log=self.verifier(origin)))

    def proof(self, entry_id: str) -> str:
        """Returns the evidence for an entry as a file.

        Raises:
            AbsentError: there is no such entry.
        """
        return encode_proof(LogReader(self.source).evidence(entry_id))

    def broken_promise(self, content: bytes, quorum: Policy) -> BrokenPromise:
        """Returns what the file of an omission proves of a log here. The time of those counts who fill the quorum.

        Raises:
            AbsentError: there is no such log.
            InvalidInputError: it proves nothing.
            ConflictError: `promise-kept`: a witness had cosigned the entry before it cosigned the tree without it.
        """
        omission = parse_omission(content)
        origin = omission.receipt.origin
        witnesses = [witness.key for witness in quorum.witnesses]
        trust = Trust(log=self.verifier(origin), witnesses=witnesses, quorum=quorum)
        stored = [(one.index, one.leaf) for one in self.source.entries(origin) if _tells_key(one.leaf)]
        trust = trust.following(rotations_in(stored))
        broken = verify_omission(omission, trust, keys_announced_in((leaf for _index, leaf in stored), origin))
        if broken.breach.rests_on == "witness":
            self._refute(broken, witnesses)
        return broken

    def _refute(self, broken: BrokenPromise, witnesses: Sequence[VerifierKey]) -> None:
        """Holds the time of a witness against what it cosigned here: it cosigns no smaller tree after a larger one."""
        found = self.source.find(broken.entry)
        if found is None or leaf_hash(found[1].leaf).hex() != broken.leaf:
            return
        said = {one.by: one.at_s for one in broken.cosigned}
        keys = {key.text: key for key in witnesses if key.name in said}
        for size, note, text in self.source.cosigned(broken.origin):
            if size > found[1].index and text in keys:
                key = keys[text]
                at_s = parse_checkpoint(note).note.signed_by(key).timestamp
                if at_s <= said[key.name]:
                    raise ConflictError(
                        f"{key.name} cosigned {size} entries with this one at {at_s}, and {broken.size} without it"
                        f" at {said[key.name]}: no honest witness does",
                        code="promise-kept",
                        remedy=f"the keeper's evidence: safeconduct log prove {broken.entry}",
                    )

    def export(
        self,
        origin: Origin,
        *,
        payloads: bool,
        more: Callable[[FrozenStore], Iterable[tuple[str, bytes]]] = lambda _frozen: (),
    ) -> Iterator[tuple[str, bytes]]:
        """Yields the files of an export, all as of one commit. `more` returns further files as of that commit.

        Raises:
            AbsentError: there is no such log, or it is empty.
        """
        self._require(origin)
        with self.frozen() as frozen:
            yield from export_files(frozen, origin, self.signer(origin), payloads=payloads, more=more(frozen))

    def verify(self) -> list[CheckedLog]:
        """Checks every log against itself, its key and its head, opens every sealed field, and rebuilds the state.

        Findings on the state, and on how the store keeps it, stand under the first log's.
        """
        heads = {origin: self.heads.copies(origin) for origin in self.source.origins()}  # read before what they head
        checked = []
        with self.frozen() as frozen:
            reader = LogReader(frozen, self.keys)
            state = [*check_store(frozen), *check_state(frozen, frozen, self.projections)]
            excused = self.excuse(StoredRecords(frozen))
            for origin in frozen.origins():
                key = self.signer(origin).verifier
                findings = [
                    *audit(frozen, origin, key, heads.get(origin, ()), excused=excused),
                    *check_sealed(reader, frozen, origin, excused),
                ]
                checked.append(
                    CheckedLog(origin=origin, size=frozen.size(origin), key=key.text, findings=tuple(findings + state))
                )
                state = []
        return checked

    def _require(self, origin: Origin) -> None:
        if origin not in self.source.origins():
            raise unknown_log(origin)


def unknown_log(origin: Origin) -> AbsentError:
    """Returns the one answer about a log that is not there, and about one that is not the reader's."""
    return AbsentError(f"there is no log {origin}", code="log-unknown")


def _tells_key(leaf: bytes) -> bool:
    return ROTATION_MARK in leaf or ANNOUNCED_MARK in leaf
