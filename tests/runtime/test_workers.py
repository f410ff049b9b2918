"""Many processes over one PostgreSQL database: one order of decisions, places given later, state as from a replay."""

import contextlib
import json
import os
import signal
import time

import pytest

from safeconduct.adapters.postgres import shared
from safeconduct.adapters.postgres.control import PostgresStore
from safeconduct.adapters.postgres.reading import PostgresReader
from safeconduct.adapters.postgres.sequencing import PostgresSequencing
from safeconduct.adapters.postgres.shared import PostgresShared
from safeconduct.kernel.entries import Draft
from safeconduct.kernel.errors import ConflictError, InvalidInputError, UnavailableError
from safeconduct.ledger.ports import Batch
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.receipts import decode_receipt, verify_receipt
from safeconduct.ledger.worker_events import announced_keys
from support.logs import CALLS, START, Clock
from support.patience import PATIENCE_S
from support.sequencing import findings, sequencer, spawn, waiting
from support.shell import until
from support.workers import BEGAN, COUNTERS, DECIDED, OPEN, began, close, decide, ended, open_worker


@pytest.fixture
def heads(postgres):
    return postgres.database()


@pytest.fixture
def worker(database):
    made = open_worker(database, "one")
    yield made
    close(made)


def drained(url, heads):
    """Gives everything a place; returns how many entries got one."""
    with sequencer(url, heads) as made:
        total = 0
        while count := made.run_once():
            total += count
        return total


def in_logs(url):
    """Returns the entries that have a place, by log."""
    reader = PostgresReader(url)
    try:
        return {origin: list(LogReader(reader).entries(origin)) for origin in reader.origins()}
    finally:
        reader.close()


def test_what_a_worker_committed_is_in_force_at_once_and_gets_its_place_later(worker, database, heads):
    committed = worker.submit(began("a"), own=True).result(PATIENCE_S)
    assert [receipt.index for receipt in committed.receipts] == [None]
    with worker._store.snapshot() as records:
        assert records.get(OPEN, "a").entry == committed.value.id
    assert findings(database, heads) == []
    assert waiting(database) == 3
    assert drained(database, heads) == 3
    assert [entry.id for entry in in_logs(database)[CALLS]][-1] == committed.value.id
    assert waiting(database) == 0
    assert findings(database, heads) == []


def test_a_worker_s_receipt_is_signed_with_the_key_that_the_log_announces(worker, database, heads):
    receipt = worker.submit(began("a"), own=True).result(PATIENCE_S).receipts[0]
    drained(database, heads)
    keys = announced_keys(in_logs(database)[CALLS])
    promise = verify_receipt(receipt, keys)
    assert (promise.origin, promise.count, promise.floor) == (CALLS, 1, 0)
    later = worker.submit(ended("a"), own=True).result(PATIENCE_S).receipts[0]
    assert verify_receipt(later, keys).floor == 2


def test_a_command_of_a_call_s_own_appends_nothing_else(worker, database):
    with pytest.raises(InvalidInputError, match=DECIDED):
        worker.submit(decide("me"), own=True).result(PATIENCE_S)
    assert worker.submit(decide("me")).result(PATIENCE_S).value.body["number"] == 1


def test_a_batch_keeps_its_order_where_both_kinds_alternate(worker, database, heads):
    futures = []
    for n in range(6):
        futures += [worker.submit(began(f"c{n}"), own=True), worker.submit(decide("x"))]
        futures.append(worker.submit(ended(f"c{n}"), own=True))
    assert all(future.result(PATIENCE_S) for future in futures)
    drained(database, heads)
    assert findings(database, heads) == []


def test_an_id_is_taken_once_whether_its_entry_has_a_place_or_not(worker, database, heads):
    other = open_worker(database, "two")
    chosen = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

    def append(writer, call):
        draft = Draft(type=BEGAN, body={"call": call})
        return writer.submit(lambda tx: tx.append(CALLS, draft, entry_id=chosen), own=True).result(PATIENCE_S)

    append(worker, "first")
    for call in ("waits", "placed"):
        with pytest.raises(ConflictError):
            append(other, call)
        # One who does not ask first, as a worker that was believed dead and is late.
        asks, other._runner._state._taken = other._runner._state._taken, lambda _entry_id: False
        with pytest.raises(UnavailableError):
            append(other, call)
        other._runner._state._taken = asks
        drained(database, heads)
    close(other)
    assert findings(database, heads) == []


def test_a_worker_that_stops_in_the_middle_holds_up_decisions_for_a_while_only(monkeypatch, database, heads):
    monkeypatch.setattr(shared, "PAUSE_MAX_S", 1)
    stuck, worker = PostgresShared(database), open_worker(database, "one")

    def stop_in_the_middle():
        with stuck.deciding(alone=True):
            assert worker.submit(decide("one")).result(PATIENCE_S).value.body["number"] == 1
            stuck.taken("anything")

    with pytest.raises(UnavailableError, match="idle"):
        stop_in_the_middle()
    stuck.close()
    with worker._store.snapshot() as records:
        assert records.get(COUNTERS, "n").value == 1
    close(worker)
    assert findings(database, heads) == []


def test_ids_of_decisions_follow_each_other_over_processes(worker, database):
    other = open_worker(database, "two", clock=Clock(START))
    ids = [writer.submit(decide("x")).result(PATIENCE_S).value.id for writer in (worker, other) * 5]
    assert ids == sorted(ids)
    close(other)


def test_the_one_writer_and_workers_exclude_each_other(worker, database, heads):
    with pytest.raises(UnavailableError) as caught:
        PostgresStore(database)
    assert caught.value.code == "store-locked"
    worker.submit(began("a"), own=True).result(PATIENCE_S)
    close(worker)
    alone = PostgresStore(database)
    assert len(list(alone.waiting(CALLS))) == 2
    with pytest.raises(UnavailableError) as caught:
        alone.commit(Batch(changes={("numbers", "one"): b"1"}))
    assert caught.value.code == "entries-pending"
    alone.close()
    assert drained(database, heads) == 3
    alone = PostgresStore(database)
    alone.commit(Batch(changes={("numbers", "one"): b"1"}))
    with pytest.raises(UnavailableError) as caught:
        PostgresShared(database)
    assert caught.value.code == "store-locked"
    alone.close()


@pytest.mark.parametrize("skew", [-3_600_000_000, 3_600_000_000])
def test_clocks_that_disagree_don_t_change_the_order(worker, database, heads, skew):
    other = open_worker(database, "skewed", clock=Clock(START + skew))
    for n in range(8):
        writer = (worker, other)[n % 2]
        writer.submit(began(f"k{n}"), own=True).result(PATIENCE_S)
        writer.submit(decide("x")).result(PATIENCE_S)
        (worker, other)[(n + 1) % 2].submit(ended(f"k{n}"), own=True).result(PATIENCE_S)
    assert findings(database, heads) == []
    drained(database, heads)
    assert findings(database, heads) == []
    close(other)


def test_several_processes_make_one_order_and_every_acknowledged_entry_is_in_the_log_once(database, heads):
    PostgresShared(database).close()
    with contextlib.ExitStack() as stack:
        placing = stack.enter_context(spawn("sequencing", database, heads))
        workers = [stack.enter_context(spawn("workers", database, f"w{n}", 6, 5)) for n in range(3)]
        said = [process.communicate(timeout=PATIENCE_S)[0].splitlines() for process in workers]
        assert [process.returncode for process in workers] == [0, 0, 0]
        until(lambda: not waiting(database), placing, says="every entry has a place")
    told = [json.loads(line) for lines in said for line in lines[1:]]
    assert len(told) == 3 * 6 * 2 * 6
    logs = in_logs(database)
    placed = [entry.id for entries in logs.values() for entry in entries]
    announcements = {entry.id for entries in logs.values() for entry in entries if "key" in entry.body}
    assert len(announcements) == 3 * 2
    assert sorted(placed) == sorted({one["id"] for one in told} | announcements)
    numbers = sorted(entry.body["number"] for entries in logs.values() for entry in entries if entry.type == DECIDED)
    assert numbers == list(range(1, 3 * 6 * 2 + 1))
    keys = {origin: announced_keys(entries) for origin, entries in logs.items()}
    for one in told[::7]:
        receipt = decode_receipt(one["receipt"])
        place = next(entry.index for entry in logs[receipt.origin] if entry.id == receipt.entry_id)
        assert verify_receipt(receipt, keys[receipt.origin]).floor <= place
    assert findings(database, heads) == []


def test_a_killed_worker_loses_nothing_that_it_acknowledged(database, heads):
    PostgresShared(database).close()
    with spawn("workers", database, "w", 500, 5) as process:
        said = [process.stdout.readline() for _ in range(60)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    told = [json.loads(line) for line in said[1:] if line.endswith("}\n")]
    drained(database, heads)
    placed = {entry.id for entries in in_logs(database).values() for entry in entries}
    assert {one["id"] for one in told} <= placed
    assert findings(database, heads) == []


def test_a_second_sequencer_waits_until_the_first_is_gone(worker, database, heads):
    worker.submit(began("a"), own=True).result(PATIENCE_S)
    with sequencer(database, heads) as first, sequencer(database, heads) as second:
        assert first.run_once() == 3
        worker.submit(ended("a"), own=True).result(PATIENCE_S)
        assert second.run_once() == 0
        assert second.waiting() == {CALLS: ""}
        first._store.close()
        second._retry_at.clear()
        assert second.run_once() == 1
    assert findings(database, heads) == []


def test_a_paused_sequencer_that_wakes_writes_and_signs_nothing(worker, database, heads):
    with spawn("sequencing", database, heads) as placing:
        assert placing.stdout.readline() == "ready\n"
        worker.submit(began("a"), own=True).result(PATIENCE_S)
        until(lambda: not waiting(database), placing, says="the first entries have places")
        os.kill(placing.pid, signal.SIGSTOP)
        worker.submit(ended("a"), own=True).result(PATIENCE_S)
        with sequencer(database, heads) as second:
            until(lambda: (second._retry_at.clear(), second.run_once())[1], says="the second takes over")
            head = second._heads.read(CALLS)
            os.kill(placing.pid, signal.SIGCONT)
            worker.submit(began("b"), own=True).result(PATIENCE_S)
            time.sleep(0.3)  # for the one that woke to try
            assert waiting(database) == 1
            assert second._heads.read(CALLS) == head
            assert second.run_once() == 1
        worker.submit(ended("b"), own=True).result(PATIENCE_S)
        until(lambda: not waiting(database), placing, says="the first gives places again")
    assert findings(database, heads) == []


def test_who_has_an_older_term_drains_nothing(worker, database, heads):
    with sequencer(database, heads) as made:
        assert made.run_once() == 2
        worker.submit(began("a"), own=True).result(PATIENCE_S)
        other = PostgresSequencing(database)
        other.enter(CALLS, 99)  # as if the lock had been lost unnoticed
        assert made.run_once() == 0
        assert waiting(database) == 1
        other.close()
    assert findings(database, heads) == []
