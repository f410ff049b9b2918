"""Many rows in few statements: at each step of a statement whoever waits for the interpreter gets it first."""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from sqlite3 import Connection

from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.ports import NewEntry

_AT_ONCE = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""Rows: any number of them is a few statements, mostly two, all of which stay prepared."""
_LEAVES = """
    SELECT CAST(group_concat(leaf, x'0A') AS BLOB)
    FROM (SELECT leaf FROM entries WHERE log = ? AND idx >= ? ORDER BY idx)
"""


def insert(connection: Connection, into: str, rows: Sequence[tuple[object, ...]], then: str = "") -> None:
    """Inserts rows of one width. `into` is the statement up to its values, `then` what follows them.

    Where it says `OR FAIL`, rows before one that does not fit stay: whoever calls rolls back.
    """
    if rows:
        _in_chunks(connection, into + " VALUES ", "(" + ",".join("?" * len(rows[0])) + ")", rows, then)


def delete_records(connection: Connection, collection: str, keys: Sequence[str]) -> None:
    """Deletes records of one collection."""
    head = "DELETE FROM records WHERE key IN ("
    _in_chunks(connection, head, "?", [(key,) for key in keys], ") AND collection = ?", collection)


def changed(connection: Connection, number: int, base: int, entries: Sequence[NewEntry]) -> str | None:
    """Returns the id of an entry whose leaf is not stored as it was hashed, None if all are: those from `base` on."""
    (stored,) = connection.execute(_LEAVES, (number, base)).fetchone()
    stored, at = stored or b"", 0
    for entry in entries:
        end = at + len(entry.leaf)
        if leaf_hash(stored[at:end]) != entry.hash or stored[end : end + 1] not in (b"\n", b""):
            return entry.id
        at = end + 1
    return None if at == len(stored) + 1 else entries[-1].id


def _in_chunks(
    connection: Connection, head: str, row: str, rows: Sequence[tuple[object, ...]], tail: str, *more: object
) -> None:
    done = 0
    for count in _AT_ONCE:
        while len(rows) - done >= count:
            values = chain.from_iterable(rows[done : done + count])
            connection.execute(_statement(head, row, count, tail), (*values, *more))
            done += count


@cache
def _statement(head: str, row: str, count: int, tail: str) -> str:
    return head + ",".join([row] * count) + tail
