"""Following a closed log to the one that goes on for it, from two folders and the public key of the first. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from safeconduct.kernel.ids import Origin
from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.closing import End, SuccessionError, beginning_of, check_succession, end_of
from safeconduct.ledger.export import FolderSource, Read, Verified, following, verify_files
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.reader import read_tile
from safeconduct.ledger.tiles import CHECKPOINT_PATH, subtrees
from safeconduct.ledger.trust import Trust


@dataclass(frozen=True, slots=True)
class Folder:
    """An export or a mirror: how its files are read, and which there are."""

    read: Read
    paths: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A log and its successor, both verified. `vouched_for` is how many entries of the first a known witness stands by.

    `said` tells whether the first log itself names the second. If not, its key was lost, and only who gave the
    second one's key vouches for it.
    """

    old: Verified
    new: Verified
    key: VerifierKey
    vouched_for: int
    said: bool


def follow_succession(old: Folder, trust: Trust, new: Folder, key: VerifierKey | None = None) -> Followed:
    """Returns the log that goes on for a closed one. Its key is `key`, by default what the closed log says.

    Raises:
        SuccessionError: one of the two does not verify, or the second does not rightly go on for the first;
            `successor-unknown` if the first does not say its key and none was given.
        NoteError: a checkpoint is not signed by its log.
    """
    before, last = _verified(old, trust)
    end = end_of(last)
    if key is None:
        key = _key(end, before.origin)
    after, _last = _verified(new, Trust(log=key, witnesses=trust.witnesses))
    beginning = beginning_of(_leaf(new, Trust(log=key), 0))
    signed, _trust = following(old.read, old.paths, trust).signed(old.read(CHECKPOINT_PATH) or b"")
    check_succession(signed.checkpoint, end, key, beginning)
    trusted = beginning.trusted if beginning else None
    size = _vouched_for(old, trust, trusted) if trusted else 0
    return Followed(old=before, new=after, key=key, vouched_for=size, said=end is not None)


def _vouched_for(folder: Folder, trust: Trust, trusted: SignedCheckpoint) -> int:
    """Returns how many entries a checkpoint covers that the log signed, its entries lead to, and a known witness saw.

    Of nobody known that is none: who has the log's key can write a line in any name.
    """
    said = trusted.checkpoint
    followed = following(folder.read, folder.paths, trust)
    followed.signed(trusted.encoded)
    if trust.witnesses and not trust.cosigners(trusted):
        raise SuccessionError(f"no witness cosigned the checkpoint of {said.size} that is vouched for")
    source = _source(folder, trust)
    tree = subtrees(said.size, lambda tile: read_tile(source, said.origin, tile))
    if merkle.root(said.size, tree) != said.root:
        raise SuccessionError(f"the entries do not lead to the checkpoint of {said.size} that is vouched for")
    return said.size if trust.witnesses else 0


def _verified(folder: Folder, trust: Trust) -> tuple[Verified, bytes]:
    """Returns what verifying a folder found, and its last entry."""
    found = verify_files(folder.read, folder.paths, trust)
    if found.findings or not found.size:
        why = found.findings[0].text if found.findings else "it is empty"
        raise SuccessionError(f"{trust.log.name} does not verify: {why}")
    return found, _leaf(folder, trust, found.size - 1)


def _leaf(folder: Folder, trust: Trust, index: int) -> bytes:
    return next(_source(folder, trust).entries(Origin(trust.log.name), index, 1)).leaf


def _source(folder: Folder, trust: Trust) -> FolderSource:
    signed, own = following(folder.read, folder.paths, trust).signed(folder.read(CHECKPOINT_PATH) or b"")
    return FolderSource(folder.read, folder.paths, signed, own.log)


def _key(end: End | None, origin: Origin) -> VerifierKey:
    if end is None:
        raise SuccessionError(
            f"{origin} does not say what goes on for it",
            code="successor-unknown",
            remedy="give the successor's key with --new-key, from the people who keep that log",
        )
    return end.successor_key
