"""One flipped bit in any stored value of a PostgreSQL database is found, by whoever reads it or gives places."""
# ruff: noqa: S608 - table and column names are this test's own

import psycopg
import pytest

from safeconduct.adapters.postgres.control import PostgresStore
from safeconduct.kernel.errors import UnavailableError
from support.logs import CALLS, Rig, add
from support.patience import PATIENCE_S
from support.sequencing import sequencer, waiting
from support.workers import began, close, open_worker

COLUMNS = [
    ("entries", "leaf"),
    ("entries", "id"),
    ("tiles", "hashes"),
    ("checkpoints", "note"),
    ("payloads", "blob"),
    ("payloads", "entry_id"),
    ("payloads", "field"),
    ("records", "value"),
    ("records", "key"),
    ("records", "collection"),
    ("logs", "origin"),
]


@pytest.fixture(scope="module")
def rig(postgres, tmp_path_factory):
    url = postgres.database()
    with Rig(tmp_path_factory.mktemp("flips"), store=PostgresStore(url)) as made:
        for n in range(5):
            made.run(add(f"k{n}", sealed={"request": f"prompt {n}"} if n % 2 else None))
        made.url = url
        yield made


def flipped(value, at):
    raw = bytearray(value if isinstance(value, bytes) else value.encode())
    raw[at] ^= 0x20
    return bytes(raw) if isinstance(value, bytes) else raw.decode()


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[".".join(one) for one in COLUMNS])
def test_in_the_database(rig, table, column):
    assert rig.audit() == []
    tried = 0
    with psycopg.connect(rig.url, autocommit=True) as connection:
        for (value,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
            for at in sorted({0, len(value) // 2, len(value) - 1}):
                change = f"UPDATE {table} SET {column} = %s WHERE {column} = %s"
                damaged = flipped(value, at)
                changed = connection.execute(change, (damaged, value)).rowcount
                found = rig.audit()
                assert connection.execute(change, (value, damaged)).rowcount == changed
                assert found, (table, column, value, at)
                tried += 1
    assert tried
    assert rig.audit() == []


@pytest.mark.parametrize(("table", "column"), [("entries", "idx"), ("tiles", "number"), ("tiles", "level")])
def test_in_the_database_s_numbers(rig, table, column):
    with psycopg.connect(rig.url, autocommit=True) as connection:
        for (value,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
            change = f"UPDATE {table} SET {column} = %s WHERE {column} = %s"
            connection.execute(change, (value ^ 1 << 20, value))
            found = rig.audit()
            connection.execute(change, (value, value ^ 1 << 20))
            assert found, (table, column, value)
    assert rig.audit() == []


@pytest.mark.parametrize("column", ["leaf", "hash"])
def test_in_an_entry_that_waits_for_its_place(postgres, column):
    url, heads = postgres.database(), postgres.database()
    worker = open_worker(url, "w")
    entry = worker.submit(began("a"), own=True).result(PATIENCE_S).value
    with sequencer(url, heads) as made, psycopg.connect(url, autocommit=True) as connection:
        (before,) = connection.execute(f"SELECT {column} FROM pending WHERE id = %s", (entry.id,)).fetchone()
        change = f"UPDATE pending SET {column} = %s WHERE id = %s"
        connection.execute(change, (flipped(before, 7), entry.id))
        made.run_once()
        assert CALLS in made.waiting()
        assert made._store.size(CALLS) == 0
        connection.execute(change, (before, entry.id))
        made._retry_at.clear()
        made.run_once()
    assert waiting(url) == 0
    close(worker)


def test_a_worker_s_log_that_the_sequencer_found_damaged_takes_no_entries(postgres):
    url, heads = postgres.database(), postgres.database()
    worker = open_worker(url, "w")
    with sequencer(url, heads) as made:
        made.run_once()
    postgres.run("UPDATE entries SET leaf = set_byte(leaf, 9, 0) WHERE log = 1", url=url)
    worker.submit(began("a"), own=True).result(PATIENCE_S)
    with sequencer(url, heads) as made:
        assert made.run_once() == 0
        (why,) = made.waiting().values()
        assert "entry 0" in why
        with pytest.raises(UnavailableError) as caught:
            worker.submit(began("b"), own=True).result(PATIENCE_S)
        assert caught.value.code == "log-stopped"
    close(worker)
