"""Ending a destruction: the keys that stay move under the new key-encryption key, and the old one goes.

Everything here can be left off at any point and taken up again: what is left to do stands in the file.
"""

from collections.abc import Iterator

from safeconduct.adapters.key_tables import KeyTables
from safeconduct.ledger.sealing import house_bound, record_bound

ROWS_A_PART = 1024
"""Keys that are wrapped again in one part: some 20 ms, for which others wait."""

_HOUSE = (
    "SELECT number, wrapper, wrapped, id FROM data_keys WHERE number > ? AND wrapped IS NOT NULL"
    " AND wrapper IN (SELECT id FROM wrappers WHERE retired = 1) ORDER BY number LIMIT ?"
)
_REWRAPPED = "UPDATE data_keys SET wrapper = ?, wrapped = ? WHERE number = ?"
_READERS = (
    "SELECT number, wrapper, wrapped, id, reader FROM reader_keys WHERE number > ?"
    " AND wrapper IN (SELECT id FROM wrappers WHERE retired = 1) ORDER BY number LIMIT ?"
)
_READERS_REWRAPPED = "UPDATE reader_keys SET wrapper = ?, wrapped = ? WHERE number = ?"


def finishing(tables: KeyTables) -> Iterator[None]:
    """Does in parts what is left of destructions, and yields after each: then others may use the tables.

    Only key-encryption keys that this database retired are destroyed: beside a restored older one the newer stays.

    Raises:
        UnavailableError: it is not all done.
    """
    while tables.rows("SELECT 1 FROM wrappers WHERE retired = 1"):
        yield from _rewrapping(tables, _HOUSE, _REWRAPPED)
        yield from _rewrapping(tables, _READERS, _READERS_REWRAPPED)
        if not tables.rows(_HOUSE, 0, 1) and not tables.rows(_READERS, 0, 1):  # else more were retired meanwhile
            _erase(tables)


def finish(tables: KeyTables) -> None:
    """Does all that is left, at once.

    Raises:
        UnavailableError: it is not all done.
    """
    for _part in finishing(tables):
        pass


def _rewrapping(tables: KeyTables, select: str, update: str) -> Iterator[None]:
    last = 0
    while rows := tables.rows(select, last, ROWS_A_PART):
        new = tables.current()
        changed = [
            (new.id, new.wrap(tables.wrapper(wrapper).unwrap(wrapped, _bound(*key)), _bound(*key)), number)
            for number, wrapper, wrapped, *key in rows
        ]
        with tables.database.transaction("wrap data keys again"):
            tables.database.run(update, changed)
        last = rows[-1][0]
        yield


def _bound(key_id: str, reader: str = "") -> bytes:
    return record_bound(key_id, reader) if reader else house_bound(key_id)


def _erase(tables: KeyTables) -> None:
    """Leaves no byte of what was deleted in the files, then destroys the retired key-encryption keys."""
    retired = [row[0] for row in tables.rows("SELECT id FROM wrappers WHERE retired = 1")]
    tables.database.erase()
    tables.forget()
    for key_id in retired:
        tables.wrappers.destroy(key_id)
    with tables.database.transaction("forget a destroyed key-encryption key"):
        tables.database.run("DELETE FROM wrappers WHERE id = ?", [(one,) for one in retired])
