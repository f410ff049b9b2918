"""What a damaged log must become again: found from its signed checkpoints, what still stands here, and a mirror.

Nothing here decides what the log was. Every checkpoint that the log's key signed, wherever it stands, must cover the
recovered entries: so a recovery can neither shorten a log nor put another entry where one was signed.
"""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from safeconduct.kernel.errors import AbsentError, SafeconductError, UnavailableError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.ledger import merkle
from safeconduct.ledger.audit import Noted, noted_checkpoints
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.envelope import decode_leaf
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.notes import Note, VerifierKey
from safeconduct.ledger.ports import LogRepair, LogSource, NewEntry
from safeconduct.ledger.recovery_events import LogRecovered, LostField, known_lost
from safeconduct.ledger.rotation import Rotation, rotations_in
from safeconduct.ledger.stitching import Mirror, StitchedLog, lacking, stitched
from safeconduct.ledger.tiles import all_tiles
from safeconduct.ledger.trust import Trust

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What is to be done to one log. `places` are the tables and files where something is wrong: none if nothing is.

    The first `start` entries stand here as they were signed; `taken` others were not, and come from the mirror.
    `heads` are the copies of the head that are good.
    """

    log: StitchedLog
    start: int
    taken: int
    places: tuple[str, ...]
    heads: tuple[str, ...]
    repair: LogRepair
    tiles: Mapping[tuple[int, int], bytes]
    lost: tuple[LostField, ...]

    @property
    def event(self) -> LogRecovered:
        """What the entry that tells of it says."""
        mirror = self.log.mirror
        return LogRecovered(
            from_size=self.start,
            to_size=len(self.log.ids),
            taken=self.taken,
            mirror=mirror.signed.encoded if mirror else "",
            places=self.places,
            lost=self.lost,
        )

    def entries(self) -> tuple[NewEntry, ...]:
        """Returns the entries to write anew. Their blobs are the repair's."""
        origin = self.log.origin
        return tuple(
            NewEntry(EntryId(one.id), one.leaf, leaf_hash(one.leaf), {}) for one in self.log.entries(origin, self.start)
        )


def _trust(here: LogSource, key: VerifierKey, mirror: Mirror | None) -> Trust:
    """Returns whose signatures count: those of the keys that any entry leads to which can still be read."""
    found: list[Rotation] = []
    for source in (here, mirror.source) if mirror else (here,):
        for entry in source.entries(Origin(key.name)):
            with contextlib.suppress(SafeconductError):
                found += rotations_in([(entry.index, entry.leaf)])
    return Trust(log=key).following(found)


def plan_recovery(here: LogSource, key: VerifierKey, heads: Sequence[str], mirror: Mirror | None) -> Recovery | None:
    """Finds out what the log of this key was and what is wrong with it; None for a log that never was.

    Raises:
        UnavailableError: `log-forked` if what was signed here is not what the mirror holds; `mirror-behind` or
            `recovery-needs-mirror` if something that was signed stands nowhere.
        AbsentError: `log-unsigned` if no checkpoint tells what the log was.
    """
    origin = Origin(key.name)
    trust = _trust(here, key, mirror)
    noted = list(noted_checkpoints(here, origin, trust, heads))
    said = [(place, signed) for place, signed, _error in noted if signed is not None]
    said += [("mirror", mirror.signed)] if mirror else []
    if not (noted or said or here.size(origin)):
        return None
    _require_signed(here, origin, said)
    cosigned = _verified("cosigned", here.cosigned(origin), noted)
    log = _as_signed(here, trust, said, mirror, cosigned)
    for place, signed in said:
        _require_covered(log, place, signed)
    return _compared(log, _verified("heads", heads, noted), noted)


_Said = Sequence[tuple[str, SignedCheckpoint]]


def _verified(place: str, stored: Sequence[T], noted: Sequence[Noted]) -> list[T]:
    """Returns those of the stored, in the order in which they were noted, that verified."""
    found = (signed for where, signed, _error in noted if where == place)
    return [one for one, signed in zip(stored, found, strict=True) if signed is not None]


def _require_signed(here: LogSource, origin: Origin, said: _Said) -> None:
    """What stands beyond the last checkpoint was never committed, if the store's own checkpoint is there to say so."""
    size = max((signed.checkpoint.size for _place, signed in said), default=0)
    if not said or (here.size(origin) > size and not any(place == "checkpoints" for place, _signed in said)):
        raise AbsentError(
            f"{here.size(origin)} entries of {origin} are stored, and checkpoints that verify cover {size}",
            code="log-unsigned",
            remedy="take the log from the partner's mirror",
        )


def _as_signed(
    here: LogSource, trust: Trust, said: _Said, mirror: Mirror | None, kept: Sequence[tuple[int, str, str]]
) -> StitchedLog:
    origin = Origin(trust.log.name)
    latest = max((signed for _place, signed in said), key=lambda signed: signed.checkpoint.size)
    lines = [latest.note.signed_by(key) for key in trust.logs if latest.note.names(key)]  # in a rotation's overlap, two
    ids, hashes, digests = [], bytearray(), {}
    for entry in stitched(here, mirror, origin, 0, latest.checkpoint.size):
        ids.append(entry.id)
        hashes += leaf_hash(entry.leaf)
        digests.update({(entry.id, name): said.blob for name, said in decode_leaf(entry.leaf).sealed.items()})
    return StitchedLog(
        origin=origin,
        here=here,
        mirror=mirror,
        checkpoint_note=Note(latest.note.text, tuple(lines)).encoded,
        kept=kept,
        ids=ids,
        tiles=all_tiles(bytes(hashes)),
        digests=digests,
    )


def _require_covered(log: StitchedLog, place: str, signed: SignedCheckpoint) -> None:
    said, held = signed.checkpoint, log.mirror.size if log.mirror else 0
    if log.root(said.size) == said.root:
        return
    if said.size <= held or _own_root(log.here, log.origin, said.size) == said.root:
        raise UnavailableError(
            f"{log.origin}: what was signed at {said.size} entries ({place}) is not what else was signed: a fork",
            code="log-forked",
            remedy="show it to the partner: the log's key signed two histories",
        )
    raise lacking(log.mirror, log.origin, f"the first {said.size} entries are not those that were signed ({place})")


def _own_root(here: LogSource, origin: Origin, size: int) -> bytes:
    frontier = merkle.Frontier()
    for entry in here.entries(origin, 0, size):
        frontier.append(leaf_hash(entry.leaf))
    return frontier.root()


def _compared(log: StitchedLog, heads: Sequence[str], noted: Sequence[Noted]) -> Recovery:
    here, origin = log.here, log.origin
    start, right = _standing(log)
    stale, missing = _blobs(log)
    tiles = {name: hashes for name, hashes in log.tiles.items() if here.tile(origin, *name) != hashes}
    repair = LogRepair(
        origin=origin,
        start=start,
        ids=frozenset(log.ids[start:]),
        tiles=tuple(name for name in here.tile_names(origin) if name not in log.tiles),
        cosigned=tuple((size, key) for size, note, key in here.cosigned(origin) if (size, note, key) not in log.kept),
        blobs=((*name, log.blob(*name)) for name in (*stale, *missing)),
    )
    wrong = {place for place, signed, _error in noted if signed is None} | _unsaid(log, heads, noted)
    wrong |= {"entries"} if right < len(log.ids) or here.size(origin) > len(log.ids) else set()
    wrong |= {"tiles"} if tiles or repair.tiles else set()
    wrong |= {"payloads"} if stale or missing else set()
    return Recovery(
        log=log,
        start=start,
        taken=len(log.ids) - right,
        places=tuple(sorted(wrong)),
        heads=tuple(heads),
        repair=repair,
        tiles=tiles,
        lost=_lost(log, missing),
    )


def _standing(log: StitchedLog) -> tuple[int, int]:
    """Returns how many entries from the first on stand here as they were signed, and how many in all."""
    start = right = 0
    for entry in log.here.entries(log.origin):
        if entry.index >= len(log.ids):
            break
        if entry.id == log.ids[entry.index] and leaf_hash(entry.leaf) == log.hash(entry.index):
            start += start == entry.index
            right += 1
    return start, right


def _unsaid(log: StitchedLog, heads: Sequence[str], noted: Sequence[Noted]) -> set[str]:
    """Returns where a checkpoint of all entries is expected and none is: the store; and elsewhere any head."""
    stored = [signed.checkpoint.size for place, signed, _error in noted if signed and place == "checkpoints"]
    unsaid = {"checkpoints"} if log.ids and stored != [len(log.ids)] else set()
    return unsaid if heads else unsaid | {"heads"}


def _blobs(log: StitchedLog) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Returns the stored blobs to remove, and those that are missing or damaged here and not known to be lost."""
    ids, known = set(log.ids), known_lost(log, log.origin)
    missing, stale = dict(log.digests), []
    for entry_id, name, blob in log.here.blobs():
        digest = log.digests.get((entry_id, name))
        if digest == hashlib.sha256(blob).hexdigest():
            del missing[entry_id, name]
        elif entry_id in ids and (digest is None or (entry_id, name) in known):
            stale.append((entry_id, name))
    return stale, [name for name in missing if name not in known]


def _lost(log: StitchedLog, missing: Sequence[tuple[str, str]]) -> tuple[LostField, ...]:
    """Returns the sealed fields that are nowhere any more. Only who asked the partner may give them up."""
    lost = tuple(
        LostField(entry=entry_id, field=name) for entry_id, name in missing if log.blob(entry_id, name) is None
    )
    if lost and log.mirror is None:
        what = f"the sealed {lost[0].field} of entry {lost[0].entry} is missing or damaged"
        raise lacking(None, log.origin, what)
    return lost
