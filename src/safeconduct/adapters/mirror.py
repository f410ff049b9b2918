"""The partner's own copy of a log: pulled as tiles, checked against what is held, kept on its own disk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from safeconduct.adapters.folder import read_folder, write_file
from safeconduct.adapters.mirror_evidence import Fetch, contradiction, keep
from safeconduct.adapters.outbound import exchange, http_address
from safeconduct.kernel.errors import InvalidInputError, SafeconductError, UnavailableError
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.export import following, verify_files
from safeconduct.ledger.merkle import HASH_BYTES, leaf_hash, root
from safeconduct.ledger.notes import Note
from safeconduct.ledger.rotation import rotations_in
from safeconduct.ledger.tiles import (
    CHECKPOINT_PATH,
    LEAF_BYTES_MAX,
    TILE_WIDTH,
    Tile,
    all_tiles,
    bundles_of,
    decode_bundle,
    encode_bundle,
    paths_of,
    subtrees,
    tiles_of,
)
from safeconduct.ledger.trust import Trust
from safeconduct.ledger.witness import NOT_FOUND, OK

TIMEOUT_S = 60.0  # a full bundle may hold 16 MB
ENDING = frozenset({"log-rolled-back", "log-forked", "mirror-damaged"})
"""What does not pass by itself."""

FILE_BYTES_MAX = TILE_WIDTH * (LEAF_BYTES_MAX + 2)

FILE_ABSENT = "log-file-absent"
"""The code of the error by which a fetch tells that the keeper has no such file."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did: the mirror held `before` entries and now holds `size`."""

    before: int
    size: int
    cosigned_by: tuple[str, ...]


def pull(fetch: Fetch, folder: Path, trust: Trust) -> Pulled:
    """Brings the copy up to the log's present checkpoint. What is held is never replaced by anything else.

    Raises:
        UnavailableError: `log-rolled-back` or `log-forked`: the log is not a continuation of what is held;
            `log-damaged`: what it serves does not fit its checkpoint; `mirror-damaged`: the copy itself is. What shows
            the first two is kept in the folder, and the message names the file.
        NoteError: the checkpoint is not signed by the log.
        PolicyError: `quorum-missing`: not enough of those whom `trust` asks for cosigned it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trust = following(*read_folder(folder), trust)
    held, hashes = _held(folder, trust)
    encoded = fetch(CHECKPOINT_PATH)
    signed = _reduced(*trust.signed(encoded))
    try:
        return _continued(fetch, folder, trust, encoded, hashes)
    except UnavailableError as error:
        if held is None or error.code not in {"log-rolled-back", "log-forked"}:
            raise
        tiles = all_tiles(hashes)
        tree = subtrees(held.checkpoint.size, lambda tile: _part(tiles, tile))
        evidence = contradiction(held, tree, signed, fetch)
        told = f"evidence: {keep(folder, evidence)}" if evidence else "it serves nothing that would prove it"
        raise UnavailableError(f"{error.message}; {told}", code=error.code) from error


def _continued(fetch: Fetch, folder: Path, trust: Trust, encoded: bytes, hashes: bytes) -> Pulled:
    before, said = len(hashes) // HASH_BYTES, trust.signed(encoded)[0].checkpoint
    if said.size < before:
        raise UnavailableError(
            f"{said.origin} now says {said.size} entries, {before} are held: it was rolled back", code="log-rolled-back"
        )
    leaves = _fetch_leaves(fetch, hashes, before, said.size)
    hashes += b"".join(leaf_hash(leaf) for leaf in leaves[before % TILE_WIDTH :])
    tiles = all_tiles(hashes)
    found = root(said.size, subtrees(said.size, lambda tile: _part(tiles, tile)))
    if found != said.root:
        raise UnavailableError(
            f"the entries of {said.origin} do not lead to its checkpoint's root: "
            + ("it is not a continuation of what is held" if before else "it serves something else than it signed"),
            code="log-forked" if before else "log-damaged",
        )
    new = rotations_in(enumerate(leaves, start=before // TILE_WIDTH * TILE_WIDTH))
    signed = _reduced(*trust.following(new).signed(encoded))
    _store(folder, signed, tiles, leaves, before)
    cosigned_by = tuple(line.name for line in signed.note.signatures if line.name != said.origin)
    return Pulled(before, said.size, cosigned_by)


def keep_up(
    once: Callable[[], Pulled],
    told: Callable[[Pulled | SafeconductError], object],
    *,
    every_s: float,
    wait: Callable[[float], object],
) -> NoReturn:
    """Pulls again and again. What passes by itself is told and tried again; everything else ends it, loudly.

    Raises:
        UnavailableError: `log-rolled-back`, `log-forked`, `mirror-damaged`: a person must look.
    """
    while True:
        try:
            told(once())
        except SafeconductError as error:
            if error.code in ENDING:
                raise
            told(error)
        wait(every_s)


def fetch_over_http(prefix: str, headers: Callable[[str], Mapping[str, str]] = lambda _path: {}) -> Fetch:
    """Returns a fetch of files below a log's prefix. `headers` gives a request's headers by its path.

    Raises:
        InvalidInputError: the prefix is no http(s) address.
    """
    where = http_address(prefix, "a log's address such as http://host:port/log/<origin>")

    def fetch(path: str) -> bytes:
        target = f"{where.path.rstrip('/')}/{path}"
        try:
            answered = exchange(
                where,
                "GET",
                quote(target),
                headers=headers(target),
                timeout_s=TIMEOUT_S,
                answer_bytes_max=FILE_BYTES_MAX,
            )
        except OSError as error:
            raise UnavailableError(f"the log at {prefix} does not answer: {error}", code="log-unreachable") from error
        if answered.status != OK or len(answered.body) > FILE_BYTES_MAX:
            raise UnavailableError(
                f"the log at {prefix} answered {answered.status} for {path}: {answered.text[:200]}",
                code=FILE_ABSENT if answered.status == NOT_FOUND else "log-refused",
            )
        return answered.body

    return fetch


def _held(folder: Path, trust: Trust) -> tuple[SignedCheckpoint | None, bytes]:
    read, paths = read_folder(folder)
    encoded = read(CHECKPOINT_PATH)
    if encoded is None:
        return None, b""  # an earlier first pull was cut: nothing is held before its checkpoint
    covered = [path for path in paths if not path.endswith(".new")]
    signed, _trust = trust.signed(encoded)
    expected = paths_of(signed.checkpoint.size)
    mine = {path for path in covered if path in expected}
    verified = verify_files(read, sorted(mine), trust)
    if verified.findings:
        raise UnavailableError(f"this mirror is damaged: {verified.findings[0].text}", code="mirror-damaged")
    tiles = [tile for tile in tiles_of(signed.checkpoint.size) if tile.level == 0]
    return signed, b"".join(read(tile.path) or b"" for tile in tiles)


def _reduced(signed: SignedCheckpoint, trust: Trust) -> SignedCheckpoint:
    """Keeps the signatures that were verified: the log's, then those of known witnesses.

    Raises:
        PolicyError: `quorum-missing`.
    """
    by = [key for key in trust.logs if signed.note.names(key)]
    lines = [signed.note.signed_by(key) for key in (*by, *trust.cosigners(signed))]
    return SignedCheckpoint(signed.checkpoint, Note(signed.note.text, tuple(lines)))


def _fetch_leaves(fetch: Fetch, hashes: bytes, before: int, size: int) -> list[bytes]:
    """Returns the entries from the first unfinished bundle on; those that are held must be as they were."""
    leaves: list[bytes] = []
    if size == before:
        return leaves
    for bundle in bundles_of(size)[before // TILE_WIDTH :]:
        try:
            leaves += decode_bundle(fetch(bundle.path), bundle.width)
        except InvalidInputError as error:
            raise UnavailableError(f"{bundle.path}: {error.message}", code="log-damaged") from error
    again = b"".join(leaf_hash(leaf) for leaf in leaves[: before % TILE_WIDTH])
    if again != hashes[len(hashes) - len(again) :]:
        raise UnavailableError("entries that are held came back changed", code="log-forked")
    return leaves


def _store(
    folder: Path, signed: SignedCheckpoint, tiles: Mapping[tuple[int, int], bytes], leaves: Sequence[bytes], before: int
) -> None:
    size = signed.checkpoint.size
    if size > before:
        for bundle in bundles_of(size)[before // TILE_WIDTH :]:
            first = (bundle.number - before // TILE_WIDTH) * TILE_WIDTH
            write_file(folder, bundle.path, encode_bundle(leaves[first : first + bundle.width]))
        _read, paths = read_folder(folder)
        known = set(paths)
        for tile in tiles_of(size):
            if tile.path not in known:
                write_file(folder, tile.path, _part(tiles, tile))
    write_file(folder, CHECKPOINT_PATH, signed.encoded.encode())
    _read, paths = read_folder(folder)
    for path in set(paths) - paths_of(size):
        if path.startswith("tile/") or path.endswith(".new"):
            (folder / path).unlink()  # partial tiles that have grown since


def _part(tiles: Mapping[tuple[int, int], bytes], tile: Tile) -> bytes:
    return tiles[tile.level or 0, tile.number][: tile.width * HASH_BYTES]
