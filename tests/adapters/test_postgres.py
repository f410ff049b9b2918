"""What is PostgreSQL's own: locks, lost connections, terms, durability, schema versions."""

import os
import socket
import threading

import psycopg
import pytest

from safeconduct.adapters.postgres import reading
from safeconduct.adapters.postgres.control import PostgresStore
from safeconduct.adapters.postgres.heads import PostgresHeads
from safeconduct.adapters.postgres.shared import PostgresShared
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.ports import Batch, LogGrowth, NewEntry
from safeconduct.ledger.shared_ports import Unplaced
from support.logs import CALLS
from support.patience import PATIENCE_S


def batch(base, entry_id):
    entry = NewEntry(entry_id, b"leaf", leaf_hash(b"leaf"), {})
    return Batch(growths=(LogGrowth(origin=CALLS, base=base, entries=(entry,), tiles={}, checkpoint="note"),))


def refused(make, code):
    with pytest.raises(UnavailableError) as caught:
        make()
    assert caught.value.code == code, caught.value


@pytest.mark.parametrize("address", ["postgresql://u:se%zzcret@h/db", "nonsense-se%zzcret"])
def test_no_error_tells_the_password_of_an_address(address):
    with pytest.raises(InvalidInputError) as caught:
        PostgresStore(address)
    assert caught.value.code == "database-address"
    assert "zzcret" not in str(caught.value)


@pytest.fixture
def store(database):
    made = PostgresStore(database)
    yield made
    made.close()


def test_all_is_there_when_it_is_opened_again(database):
    one = PostgresStore(database)
    one.commit(batch(0, "A"))
    one.close()
    two = PostgresStore(database)
    assert (two.size(CALLS), two.checkpoint(CALLS)) == (1, "note")
    two.close()


def test_a_second_writer_is_refused_and_may_write_when_the_first_is_gone(database):
    one = PostgresStore(database)
    refused(lambda: PostgresStore(database), "store-locked")
    one.commit(batch(0, "A"))
    one.close()
    two = PostgresStore(database)
    two.commit(batch(1, "B"))
    assert [entry.id for entry in two.entries(CALLS)] == ["A", "B"]
    two.close()


def test_a_lost_connection_is_opened_again(postgres, database, store):
    store.commit(batch(0, "A"))
    assert store.reader().size(CALLS) == 1
    assert postgres.cut(database) == 2
    store.commit(batch(1, "B"))
    assert store.reader().size(CALLS) == 2


def test_what_began_on_a_connection_that_is_lost_fails_and_goes_on_on_no_other(postgres, database):
    shared = PostgresShared(database)
    entry = batch(0, "A").growths[0].entries[0]

    def append(between):
        with shared.deciding(alone=False):
            between()
            shared.append([Unplaced(CALLS, 1, entry)], {})

    refused(lambda: append(lambda: postgres.cut(database)), "store-failed")
    assert not shared.taken("A")
    append(lambda: None)
    assert shared.taken("A")
    shared.close()


def test_who_lost_its_lock_to_another_writer_writes_no_more(postgres, database, store):
    store.commit(batch(0, "A"))
    postgres.cut(database)
    other = PostgresStore(database)
    refused(lambda: store.commit(batch(1, "B")), "store-locked")
    other.close()
    refused(lambda: store.commit(batch(1, "B")), "store-taken-over")
    assert other.reader()


def test_what_a_lost_connection_began_has_ended_before_anything_is_read_again(postgres, database, store):
    """The client's end is closed in the middle of a commit that the server still waits in."""
    store.commit(batch(0, "A"))
    blocker = psycopg.connect(database)
    blocker.execute("LOCK TABLE checkpoints")  # which the commit writes
    failed = []

    def commit():
        try:
            store.commit(batch(1, "B"))
        except UnavailableError as error:
            failed.append(error)

    thread = threading.Thread(target=commit)
    thread.start()
    waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while not postgres.run(waiting, url=database):
        pass
    with socket.socket(fileno=os.dup(store._session._connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE_S)
    assert failed
    assert postgres.run(waiting, url=database)  # the server has not noticed
    assert store.size(CALLS) == 1
    assert not postgres.run(waiting, url=database)
    blocker.close()
    store.commit(batch(1, "B"))


def test_a_store_from_a_newer_release_is_refused(postgres, database):
    PostgresStore(database).close()
    postgres.run("UPDATE schema_version SET number = 99", url=database)
    refused(lambda: PostgresStore(database), "schema-unknown")


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_would_lose_what_it_acknowledges_is_refused(postgres, database, setting):
    def set_(value):
        postgres.run(f"ALTER SYSTEM SET {setting} = {value}")
        postgres.run("SELECT pg_reload_conf()")
        while postgres.run(f"SHOW {setting}") != [(value,)]:
            pass

    set_("off")
    try:
        refused(lambda: PostgresStore(database), "durability-off")
    finally:
        set_("on")
    PostgresStore(database).close()


def test_a_commit_waits_for_the_disk_whatever_the_server_s_default(postgres, database):
    postgres.run(f"ALTER DATABASE {database.split('@/')[1].split('?')[0]} SET synchronous_commit = off")
    store = PostgresStore(database)
    assert store._all("SELECT current_setting('synchronous_commit')") == [("on",)]
    store.close()


def test_a_database_that_is_not_there_is_unavailable(postgres):
    refused(lambda: PostgresStore(postgres.url("nowhere")), "store-failed")


def test_readings_beyond_the_most_wait_and_are_refused(monkeypatch, store):
    monkeypatch.setattr(reading, "WAIT_S", 0.01)
    reader, gate = store.reader(), threading.Event()
    held = threading.Barrier(reading.READERS_MAX + 1)

    def hold():
        with reader.snapshot():
            held.wait(PATIENCE_S)
            gate.wait(PATIENCE_S)

    threads = [threading.Thread(target=hold) for _ in range(reading.READERS_MAX)]
    for thread in threads:
        thread.start()
    held.wait(PATIENCE_S)
    refused(lambda: reader.size(CALLS), "readers-busy")
    gate.set()
    for thread in threads:
        thread.join()
    assert reader.size(CALLS) == 0


def test_nobody_replaces_a_head_under_an_older_term(database):
    one, two = PostgresHeads(database), PostgresHeads(database)
    assert (one.take(CALLS), two.take(CALLS)) == (1, 2)
    refused(lambda: one.replace(CALLS, "one\n", previous=None), "head-changed")
    two.replace(CALLS, "two\n", previous=None)
    refused(lambda: one.replace(CALLS, "one\n", previous="two\n"), "head-changed")
    assert one.take(CALLS) == 3
    one.replace(CALLS, "one\n", previous="two\n")
    refused(lambda: two.replace(CALLS, "three\n", previous="one\n"), "head-changed")
    for heads in (one, two):
        heads.close()


def test_a_head_whose_replacing_failed_is_read_again(postgres, database):
    heads = PostgresHeads(database)
    heads.replace(CALLS, "one\n", previous=None)
    postgres.cut(database)
    heads.replace(CALLS, "two\n", previous="one\n")
    swap = heads._swap

    def applied_but_failed(*given):
        swap(*given)
        heads._swap = swap
        raise UnavailableError("the network said nothing")

    heads._swap = applied_but_failed
    heads.replace(CALLS, "three\n", previous="two\n")
    assert heads.read(CALLS) == "three\n"
    heads.close()
