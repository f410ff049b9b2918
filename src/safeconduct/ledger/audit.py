"""Checking a stored log against itself, its key and its head. Names what is wrong, entry by entry.

The same check runs on the database at start, on an export and on the partner's mirror: they differ in where the
bytes come from. It needs public keys only; opening sealed fields is a check apart.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from safeconduct.kernel.errors import InvalidInputError, SafeconductError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import SignedCheckpoint, parse_checkpoint
from safeconduct.ledger.closing import CLOSED, end_of
from safeconduct.ledger.merkle import HASH_BYTES
from safeconduct.ledger.notes import NoteError, VerifierKey
from safeconduct.ledger.ports import LogSource
from safeconduct.ledger.recovery_events import LOG_RECOVERED, lost_fields
from safeconduct.ledger.rotation import ROTATED, Rotation, rotation_of
from safeconduct.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, all_tiles, subtrees
from safeconduct.ledger.trust import Trust, check_signatures

FINDINGS_MAX = 1000  # per log; a log with more is beyond repair by list

GAP_MAX = 65_536  # missing entries to read past; a damaged index must not fill the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong. `place` is the table or file, `index` and `entry_id` the entry it concerns.

    `code` is `log-behind-head` where the log is shorter than its signed head, that of a KeyUnavailableError where its
    key does not sign, else `log-damaged`.
    """

    origin: Origin
    what: str
    place: str
    index: int | None = None
    entry_id: str = ""
    code: str = "log-damaged"

    @property
    def text(self) -> str:
        """The finding in one line."""
        entry = "" if self.index is None else f" entry {self.index} {self.entry_id}".rstrip()
        return f"{self.origin} {self.place}{entry}: {self.what}"


class _NamedField(msgspec.Struct, gc=False):
    blob: str
    key: str


class _Named(msgspec.Struct, gc=False):
    """The part of a leaf that an audit reads. The rest is authentic once its hash is in the tree."""

    id: str
    type: str
    body: msgspec.Raw
    sealed: dict[str, _NamedField] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Excused:
    """What the log itself says can't be there any more: lost blobs by (entry id, field), destroyed data keys by id."""

    lost: Collection[tuple[str, str]] = frozenset()
    keys: Collection[str] = frozenset()


NOTHING_EXCUSED = Excused()


@dataclass(slots=True)
class _Read:
    """What one pass over the entries found."""

    ids: list[str] = field(default_factory=list)
    hashes: bytearray = field(default_factory=bytearray)
    blobs: dict[tuple[str, str], tuple[int, _NamedField]] = field(default_factory=dict)
    lost: set[tuple[str, str]] = field(default_factory=set)
    odd: dict[int, str] = field(default_factory=dict)
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)
    rotations: list[Rotation] = field(default_factory=list)
    end: int | None = None

    def root(self, size: int) -> bytes | None:
        """Returns the root of the first entries as stored; None if there are not that many."""
        if size > len(self.ids):
            return None
        return merkle.root(size, subtrees(size, self._tile))

    def _tile(self, tile: Tile) -> bytes:
        return self.tiles[tile.level or 0, tile.number][: tile.width * HASH_BYTES]


class _Findings:
    """Collects findings on one log and names their entries."""

    def __init__(self, origin: Origin, read: _Read) -> None:
        self._origin = origin
        self._read = read
        self.list: list[Finding] = []

    def add(self, what: str, place: str, index: int | None = None, code: str = "log-damaged") -> None:
        """Adds one."""
        ids = self._read.ids
        entry_id = ids[index] if index is not None and index < len(ids) else ""
        self.list.append(
            Finding(origin=self._origin, what=what, place=place, index=index, entry_id=entry_id, code=code)
        )


def audit(
    source: LogSource,
    origin: Origin,
    key: VerifierKey,
    heads: Sequence[str] = (),
    *,
    payloads: bool = True,
    excused: Excused = NOTHING_EXCUSED,
    newest: int | None = None,
) -> list[Finding]:
    """Checks one whole log; returns what is wrong with it, at most 1,000 findings.

    Every leaf is re-hashed, every tile recomputed, every checkpoint's signature and root checked, every stored blob
    compared with the digest in its leaf; `heads` are the copies of the head kept elsewhere. Without `payloads` the
    source has none, as exports may; `excused` are the blobs that may be missing; of the cosigned checkpoints all are
    checked, or the `newest` so many.
    """
    read = _Read()
    found = _Findings(origin, read)
    _read_entries(source, origin, read, found)
    read.tiles = all_tiles(bytes(read.hashes))
    notes = list(noted_checkpoints(source, origin, _trust(key, read, found), heads, newest))
    intact = _check_checkpoints(notes, read, found)
    if intact:
        _check_tiles(source, origin, read, found)
    else:
        _check_leaves(source, origin, read, found)
    _check_size(notes, len(read.ids), found)
    if read.end is not None and read.end + 1 < len(read.ids):
        found.add(f"the log was closed by entry {read.end}; nothing may follow", "entries", read.end + 1)
    for index, error in read.odd.items():
        if intact:
            found.add(error, "entries", index)
    if payloads:
        _check_blobs(source, read, found, excused)
    return found.list[:FINDINGS_MAX]


Noted = tuple[str, SignedCheckpoint | None, str]
"""Where a checkpoint stands, the checkpoint if it is one of the log, and else what is wrong with it."""


def _trust(key: VerifierKey, read: _Read, found: _Findings) -> Trust:
    """Returns whose signatures count: the key's, and those of the keys that its rotations in the log lead to."""
    try:
        return Trust(log=key).following(read.rotations)
    except NoteError as error:
        found.add(error.message, "entries")
        return Trust(log=key)


def noted_checkpoints(
    source: LogSource, origin: Origin, trust: Trust, heads: Sequence[str], newest: int | None = None
) -> Iterator[Noted]:
    """Yields the stored checkpoint, the cosigned ones and each head, in that order: verified, or why it is none."""
    latest = source.checkpoint(origin)
    if latest is not None:
        yield _open("checkpoints", latest, trust)
    for size, encoded, witness in source.cosigned(origin, newest=newest):
        yield _open_cosigned(size, encoded, witness, trust)
    for head in heads:
        yield _open("heads", head, trust)


def _open_cosigned(size: int, encoded: str, witness: str, trust: Trust) -> Noted:
    # The witness's key stands beside its cosignature to find damage; who is believed, the agreement says.
    try:
        trust = replace(trust, witnesses=(VerifierKey.parse(witness),))
    except InvalidInputError as error:
        return "cosigned", None, error.message
    opened = _open("cosigned", encoded, trust)
    if opened[1] is not None and opened[1].checkpoint.size != size:
        return "cosigned", None, f"a checkpoint of size {opened[1].checkpoint.size} is filed under {size}"
    if opened[1] is not None and not opened[1].note.names(trust.witnesses[0]):
        return "cosigned", None, f"{trust.witnesses[0].name} did not cosign it"
    return opened


def _open(place: str, encoded: str, trust: Trust) -> Noted:
    try:
        note = parse_checkpoint(encoded)
        check_signatures(note, trust)
    except NoteError as error:
        return place, None, error.message
    must = trust.required(note.checkpoint.size) or trust.log
    if note.checkpoint.origin != must.name or not note.note.names(must):
        return place, None, f"expected a checkpoint signed by {must.name} (key id {must.key_id.hex()})"
    return place, note, ""


def _read_entries(source: LogSource, origin: Origin, read: _Read, found: _Findings) -> None:
    # The whole log passes through this loop at every start: it is written for that.
    sha256, decode = hashlib.sha256, msgspec.json.Decoder(_Named).decode
    ids, hashes = read.ids, read.hashes
    for entry in source.entries(origin):
        index, leaf = entry.index, entry.leaf
        if index > len(ids):
            count = index - len(ids)
            found.add(f"{count} entries are missing from here on", "entries", len(ids))
            if count > GAP_MAX:
                return
            ids += [""] * count
            hashes += bytes(HASH_BYTES * count)
        hashes += sha256(b"\x00" + leaf).digest()
        ids.append(entry.id)
        try:
            named = decode(leaf)
            if named.type == LOG_RECOVERED.name:
                read.lost.update(lost_fields(named.body))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            read.odd[index] = f"the entry can't be read: {error}"
            continue
        if named.type in (ROTATED, CLOSED):
            _read_own(leaf, index, read)
        if entry.id != named.id:
            read.odd[index] = f"it is filed under {entry.id}, the entry itself says {named.id}"
        if named.sealed:
            for name, said in named.sealed.items():
                read.blobs[named.id, name] = (index, said)


def _read_own(leaf: bytes, index: int, read: _Read) -> None:
    """Takes note of an entry about the log itself: another key, or its end."""
    try:
        rotation, end = rotation_of(leaf, index), end_of(leaf)
    except SafeconductError as error:
        read.odd[index] = f"what it says of the log can't be read: {error.message}"
        return
    if rotation is not None:
        read.rotations.append(rotation)
    if end is not None and read.end is None:
        read.end = index


def _check_checkpoints(notes: Sequence[Noted], read: _Read, found: _Findings) -> bool:
    """Checks every checkpoint; tells whether the entries as stored are those that were signed."""
    size = len(read.ids)
    opened = [(place, note.checkpoint) for place, note, _error in notes if note is not None]
    latest = [one for place, one in opened if place == "checkpoints"]
    said = latest or [one for _place, one in opened if one.size == size]
    intact = size == 0 or any(read.root(one.size) == one.root for one in said)
    if size and not any(place == "checkpoints" for place, _note, _error in notes):
        found.add("there is no checkpoint", "checkpoints")
    for place, note, error in notes:
        if note is None:
            found.add(error, place)
        elif note.checkpoint.size > size and place != "checkpoints":
            code = "log-behind-head" if place == "heads" else "log-damaged"
            behind = f"it was signed at {note.checkpoint.size} entries, {size} are stored"
            found.add(behind, place, size, code)
        elif intact and read.root(note.checkpoint.size) != note.checkpoint.root and place != "checkpoints":
            found.add(f"its root is not that of the first {note.checkpoint.size} entries: a fork", place)
    return intact


def _check_size(notes: Sequence[Noted], stored: int, found: _Findings) -> None:
    for place, note, _error in notes:
        if place == "checkpoints" and note is not None and note.checkpoint.size != stored:
            signed = note.checkpoint.size
            where, index = ("entries", stored) if signed > stored else ("checkpoints", signed)
            found.add(f"the checkpoint covers {signed} entries, {stored} are stored", where, index)


def _check_tiles(source: LogSource, origin: Origin, read: _Read, found: _Findings) -> None:
    """The entries are right: every tile must be what they hash to."""
    for level, number in source.tile_names(origin):
        if (level, number) not in read.tiles:
            found.add(f"tile {level}/{number} belongs to no entry", "tiles")
    for (level, number), hashes in read.tiles.items():
        for position in _differences(source.tile(origin, level, number), hashes):
            index = (number * TILE_WIDTH + position) << TILE_HEIGHT * level
            found.add(f"hash {position} of tile {level}/{number} is not that of its entries", "tiles", index)


def _check_leaves(source: LogSource, origin: Origin, read: _Read, found: _Findings) -> None:
    """The entries are not what was signed: the tiles tell which one, unless they were changed as well."""
    before = len(found.list)
    for (level, number), hashes in read.tiles.items():
        if level == 0:
            for position in _differences(source.tile(origin, level, number), hashes):
                index = number * TILE_WIDTH + position
                found.add("the entry is not the one that was hashed into the tree", "entries", index)
    if len(found.list) == before:
        found.add(f"the {len(read.ids)} entries have another root than was signed", "checkpoints")


def _differences(stored: bytes, expected: bytes) -> Iterator[int]:
    if not stored:
        yield 0  # all of it is missing, which is one thing
        return
    if stored == expected:
        return
    for position in range(-(-max(len(stored), len(expected)) // HASH_BYTES)):
        part = slice(position * HASH_BYTES, (position + 1) * HASH_BYTES)
        if stored[part] != expected[part]:
            yield position


def _check_blobs(source: LogSource, read: _Read, found: _Findings, excused: Excused) -> None:
    ids = set(read.ids)
    for entry_id, name, blob in source.blobs():
        index, said = read.blobs.pop((entry_id, name), (None, None))
        if said is not None and hashlib.sha256(blob).hexdigest() != said.blob:
            found.add(f"the sealed {name} is not what was stored", "payloads", index)
        elif said is None and entry_id in ids:
            found.add(f"the stored {name} belongs to no field", "payloads", read.ids.index(entry_id))
    for place, (index, said) in read.blobs.items():
        if place not in excused.lost and place not in read.lost and said.key not in excused.keys:
            found.add(f"the sealed {place[1]} is missing", "payloads", index)
