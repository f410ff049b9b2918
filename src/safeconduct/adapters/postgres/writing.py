"""What a commit writes, statement by statement, within the transaction of whoever calls."""

from collections.abc import Sequence

from safeconduct.adapters.postgres.database import Connection, one, placed, rows
from safeconduct.adapters.sql import LEAVES, SIZE, repairing
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.ports import Batch, Changes, LogGrowth, LogRepair, NewEntry

_ENTRIES = """
    INSERT INTO entries SELECT ?, ? + place - 1, id, leaf
    FROM unnest(?::text[], ?::bytea[]) WITH ORDINALITY AS new (id, leaf, place)
"""
_TILES = """
    INSERT INTO tiles SELECT ?, level, number, hashes
    FROM unnest(?::integer[], ?::bigint[], ?::bytea[]) AS new (level, number, hashes)
    ON CONFLICT (log, level, number) DO UPDATE SET hashes = excluded.hashes
"""
_PAYLOADS = "INSERT INTO payloads SELECT * FROM unnest(?::text[], ?::text[], ?::bytea[])"
_CHECKPOINT = "INSERT INTO checkpoints VALUES (?, ?) ON CONFLICT (log) DO UPDATE SET note = excluded.note"
_PUT = """
    INSERT INTO records SELECT * FROM unnest(?::text[], ?::bytea[], ?::bytea[])
    ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value
"""
_DELETE = """
    DELETE FROM records USING unnest(?::text[], ?::bytea[]) AS gone (collection, key)
    WHERE records.collection = gone.collection AND records.key = gone.key
"""
_COSIGNED = """
    INSERT INTO cosigned VALUES (?, ?, ?, ?) ON CONFLICT (log, size, witness) DO UPDATE SET note = excluded.note
"""
_NEW_LOG = "INSERT INTO logs (origin) VALUES (?) ON CONFLICT (origin) DO NOTHING"


def write_batch(connection: Connection, batch: Batch) -> None:
    """Writes a batch.

    Raises:
        UnavailableError: a log has another size than the batch says, or what was written reads back differently.
    """
    for repair in batch.repairs:
        _repair(connection, repair)
    for growth in batch.growths:
        write_growth(connection, growth)
    write_changes(connection, batch.changes)


def write_growth(connection: Connection, growth: LogGrowth) -> None:
    """Writes what is added to one log, and reads its leaves back.

    Raises:
        UnavailableError: the log has another size than the growth says, or a leaf reads back differently.
    """
    number, new = log_number(connection, growth.origin), growth.entries
    size = one(connection, SIZE, number)
    if size != growth.base:
        raise UnavailableError(
            f"{growth.origin} has {size} entries, expected {growth.base}: someone else wrote to it", code="log-changed"
        )
    _run(connection, _ENTRIES, number, growth.base, [entry.id for entry in new], [entry.leaf for entry in new])
    for (leaf,), entry in zip(rows(connection, LEAVES, (number, growth.base)), new, strict=True):
        if leaf_hash(leaf) != entry.hash:
            raise UnavailableError(f"entry {entry.id} changed on its way to the store", code="log-damaged")
    tiles = [(level, position, hashes) for (level, position), hashes in growth.tiles.items()]
    if tiles:
        _run(connection, _TILES, number, *_columns(tiles))
    write_payloads(connection, new)
    _run(connection, _CHECKPOINT, number, growth.checkpoint)


def write_changes(connection: Connection, changes: Changes) -> None:
    """Writes control state."""
    gone = [(name, key.encode()) for (name, key), value in changes.items() if value is None]
    kept = [(name, key.encode(), value) for (name, key), value in changes.items() if value is not None]
    if gone:
        _run(connection, _DELETE, *_columns(gone))
    if kept:
        _run(connection, _PUT, *_columns(kept))


def write_payloads(connection: Connection, entries: Sequence[NewEntry]) -> None:
    """Writes the blobs of entries' sealed fields."""
    blobs = [(entry.id, name, blob) for entry in entries for name, blob in entry.blobs.items()]
    if blobs:
        _run(connection, _PAYLOADS, *_columns(blobs))


def write_cosigned(connection: Connection, row: tuple[int, int, str, str]) -> None:
    """Writes a checkpoint that was cosigned: the log's number, its size, the witness's key, the note."""
    _run(connection, _COSIGNED, *row)


def log_number(connection: Connection, origin: Origin) -> int:
    """Returns the number of a log, which it gets here if it is new."""
    number = "SELECT number FROM logs WHERE origin = ?"
    found = rows(connection, number, (origin,))
    if not found:
        _run(connection, _NEW_LOG, origin)
        found = rows(connection, number, (origin,))
    return int(found[0][0])


def _repair(connection: Connection, repair: LogRepair) -> None:
    number = log_number(connection, repair.origin)
    with connection.cursor() as cursor:
        for statement, values in repairing(number, repair):
            cursor.executemany(placed(statement), values)


def _run(connection: Connection, statement: str, *values: object) -> None:
    connection.execute(placed(statement), values)


def _columns(table: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*table, strict=True)]
