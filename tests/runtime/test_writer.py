"""What the writer promises, on memory and on disk."""

import asyncio
import threading
from concurrent.futures import wait

import pytest

from safeconduct.adapters.memory.keys import MemoryKeys
from safeconduct.adapters.memory.log import MemoryHeads, MemoryStore
from safeconduct.adapters.postgres.control import PostgresStore
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.kernel.entries import Draft
from safeconduct.kernel.errors import ConflictError, InvalidInputError, LimitedError, UnavailableError
from safeconduct.kernel.ids import ulid
from safeconduct.ledger import merkle
from safeconduct.ledger.keys import KeyUnavailableError
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.rebuild import check_sealed, check_state
from safeconduct.ledger.receipts import DEADLINE_S, verify_receipt
from safeconduct.ledger.sealing import KeySelector
from safeconduct.runtime import queued as writing
from safeconduct.runtime.commits import LoopCommits
from support.logs import CALLS, OTHER, START, THINGS, TYPE, Counting, Rig, add, signer, thing
from support.patience import PATIENCE_S


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def rig(request, tmp_path):
    store = PostgresStore(request.getfixturevalue("database")) if request.param == "postgres" else None
    with Rig(None if request.param == "memory" else tmp_path, store=store) as made:
        yield made


def test_a_receipt_proves_its_entry(rig):
    receipts = rig.fill(5)
    for index, receipt in enumerate(receipts):
        assert (receipt.origin, receipt.index) == (CALLS, index)
        promise = verify_receipt(receipt, [signer().verifier])
        assert promise.deadline_s == START // 1_000_000 + DEADLINE_S
        evidence = rig.reader.evidence(receipt.entry_id)
        assert merkle.leaf_hash(evidence.leaf) == receipt.leaf_hash
        said = evidence.checkpoint.checkpoint
        merkle.verify_inclusion(index, said.size, receipt.leaf_hash, evidence.proof, said.root)


def test_entry_and_state_come_together_and_can_be_rebuilt(rig):
    committed = rig.run(add("a", sealed={"request": "secret"}, n=1))
    entry = rig.reader.entry(committed.value.id)
    assert (entry.index, committed.value.index) == (0, None)
    assert entry._replace(index=None) == committed.value
    with rig.store.snapshot() as records:
        assert records.get(THINGS, "a").entry == entry.id
    assert check_state(rig.store, rig.store, rig.writer._runner._state.projections) == []
    assert rig.reader.open_field(entry.id, "request").value == "secret"
    assert check_sealed(rig.reader, rig.store, CALLS) == []
    assert b"secret" not in b"".join(stored.leaf for stored in rig.store.entries(CALLS))


def test_a_failing_command_leaves_no_trace_and_hurts_no_other(rig):
    def fail(tx):
        tx.append(CALLS, thing("lost"))
        tx.append(OTHER, thing("lost too"))
        raise ConflictError("no")

    futures = [rig.writer.submit(command) for command in (add("a"), fail, add("b"))]
    wait(futures)
    with pytest.raises(ConflictError, match="no"):
        futures[1].result()
    assert [futures[n].result().receipts[0].index for n in (0, 2)] == [0, 1]
    assert [entry.body["key"] for entry in rig.reader.entries(CALLS)] == ["a", "b"]
    assert rig.store.size(OTHER) == 0
    with rig.store.snapshot() as records:
        assert [key for key, _value in records.scan(THINGS)] == ["a", "b"]


def test_a_swallowed_failure_of_an_append_fails_the_command(rig):
    rig.run(add("a"))

    def swallow(tx):
        tx.append(CALLS, thing("b"))
        try:
            tx.append(CALLS, thing("a"))
        except ConflictError:
            return "fine"

    with pytest.raises(ConflictError):
        rig.run(swallow)
    assert rig.store.size(CALLS) == 1


def test_a_command_sees_what_those_before_it_did_and_its_own(rig):
    def read(tx):
        before = [key for key, _value in tx.scan(THINGS)]
        tx.append(CALLS, thing("c"))
        return before, [key for key, _value in tx.scan(THINGS)], tx.get(THINGS, "a").body

    futures = [rig.writer.submit(command) for command in (add("a"), add("b"), read)]
    assert futures[2].result().value == (["a", "b"], ["a", "b", "c"], {"key": "a"})


def test_reading_alone_appends_nothing(rig):
    assert rig.run(lambda tx: tx.get(THINGS, "a")).receipts == ()
    assert rig.store.checkpoint(CALLS) is None


def test_what_can_t_be_appended_says_why(rig):
    with pytest.raises(InvalidInputError, match="no projection"):
        rig.run(lambda tx: tx.append(CALLS, Draft(type="unknown/1", body={})))
    with pytest.raises(UnavailableError) as caught:
        rig.run(lambda tx: tx.append("example.com/elsewhere", thing("a")))
    assert caught.value.code == "log-unknown"
    with pytest.raises(InvalidInputError) as invalid:
        rig.run(add("x" * 70_000))
    assert invalid.value.code == "entry-too-large"


def test_a_chosen_id_is_taken_once(rig):
    chosen = ulid(START, b"0123456789")
    assert rig.run(lambda tx: tx.append(CALLS, thing("a"), entry_id=chosen)).value.id == chosen
    for origin in (CALLS, OTHER):
        with pytest.raises(ConflictError, match="already"):
            rig.run(lambda tx, origin=origin: tx.append(origin, thing("b"), entry_id=chosen))

    def twice(tx):
        new = tx.new_id()
        tx.append(CALLS, thing("c"), entry_id=new)
        tx.append(OTHER, thing("d"), entry_id=new)

    with pytest.raises(ConflictError):
        rig.run(twice)
    with pytest.raises(InvalidInputError, match="ULID"):
        rig.run(lambda tx: tx.append(CALLS, thing("e"), entry_id="call-1"))
    assert rig.store.size(CALLS) == 1


def test_time_and_ids_never_go_back(tmp_path):
    with Rig(tmp_path) as rig:
        rig.clock.time = START + 5_000_000
        first = rig.run(lambda tx: (tx.append(CALLS, thing("a")).id, tx.now)).value
        rig.clock.time = START
        second = rig.run(lambda tx: (tx.append(CALLS, thing("b")).id, tx.now)).value
    with Rig(tmp_path) as rig:
        third = rig.run(lambda tx: (tx.append(OTHER, thing("c")).id, tx.now)).value
        fourth = rig.run(lambda tx: (tx.new_id(), tx.now)).value
    assert first[1] == second[1] == third[1] == fourth[1] == START + 5_000_000
    assert first[0] < second[0] < third[0] < fourth[0]


def test_listeners_hear_of_each_commit_before_its_futures(rig):
    heard, order = [], []
    rig.writer.subscribe(lambda entries: (heard.extend(entries), order.append("listener")))
    future = rig.writer.submit(add("a"))
    future.add_done_callback(lambda _future: order.append("future"))
    assert heard == [future.result().value]
    rig.run(lambda tx: tx.now)
    assert (order[0], len(heard)) == ("listener", 1)


def test_a_listener_that_raises_ends_all_writing(rig):
    def fail(_entries):
        raise RuntimeError("stale")

    rig.writer.subscribe(fail)
    for key in ("a", "b"):
        with pytest.raises(UnavailableError) as caught:
            rig.run(add(key))
        assert caught.value.code == "listener-failed"
    assert rig.store.size(CALLS) == 1


def test_one_stopped_log_does_not_stop_the_other(rig):
    rig.writer.stop_origin(CALLS, "log-damaged", "a test says so")
    with pytest.raises(UnavailableError, match="a test says so") as caught:
        rig.run(add("a"))
    assert caught.value.code == "log-damaged"
    assert rig.run(add("b", OTHER)).receipts[0].index == 0
    assert list(rig.writer.stopped()) == [CALLS]


def test_a_log_can_be_opened_while_running(rig):
    new = "safeconduct.example/demo/ag-2"
    assert rig.writer.open_origin(signer(new)) == []
    assert rig.run(add("a", new)).receipts[0].origin == new


def test_many_threads_make_one_order(rig):
    receipts, lock = [], threading.Lock()

    def work(number):
        for n in range(25):
            receipt = rig.run(add(f"{number}-{n}")).receipts[0]
            with lock:
                receipts.append(receipt)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(receipt.index for receipt in receipts) == list(range(200))
    assert [e.id for e in rig.reader.entries(CALLS)] == sorted(r.entry_id for r in receipts)
    assert rig.audit() == []


def test_a_full_queue_says_later(monkeypatch):
    monkeypatch.setattr(writing, "QUEUE_MAX", 3)
    gate, started = threading.Event(), threading.Event()
    with Rig() as rig:
        blocked = rig.writer.submit(lambda _tx: (started.set(), gate.wait(PATIENCE_S)))
        started.wait(PATIENCE_S)
        queued = [rig.writer.submit(add(f"{n}")) for n in range(3)]
        with pytest.raises(LimitedError, match="3 commands are waiting"):
            rig.writer.submit(add("one too many")).result()
        gate.set()
        assert [future.result().receipts[0].index for future in queued] == [0, 1, 2]
        assert blocked.result().receipts == ()


def test_closing_finishes_what_was_submitted_and_takes_no_more():
    rig = Rig()
    rig.writer.start()
    futures = [rig.writer.submit(add(f"{n}")) for n in range(50)]
    rig.writer.close()
    assert [future.result().receipts[0].index for future in futures] == list(range(50))
    with pytest.raises(UnavailableError) as caught:
        rig.writer.submit(add("late")).result()
    assert caught.value.code == "writer-closed"


def test_awaiting_on_a_loop(rig):
    async def run():
        commits = LoopCommits(rig.writer)
        done = await asyncio.gather(*(commits.commit(add(f"{n}")) for n in range(40)))
        with pytest.raises(ConflictError):
            await commits.commit(add("0"))
        task = asyncio.create_task(commits.commit(add("cancelled")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await commits.commit(lambda tx: tx.now)
        return [committed.receipts[0].index for committed in done]

    assert asyncio.run(run()) == list(range(40))
    assert rig.store.size(CALLS) == 41


class Fault:
    """Makes a store's next commits fail as told: before they are applied, or after."""

    faults = ()
    unreadable = 0

    def commit(self, batch):
        fault, self.faults = (self.faults[0], self.faults[1:]) if self.faults else (None, ())
        if fault != "failed":
            super().commit(batch)
        if fault:
            raise UnavailableError("the disk said no", code="store-failed")

    def checkpoint(self, origin):
        if self.unreadable:
            self.unreadable -= 1
            raise UnavailableError("the disk says nothing", code="store-failed")
        return super().checkpoint(origin)


class FaultyMemory(Fault, MemoryStore):
    pass


class FaultySqlite(Fault, SqliteStore):
    pass


class FaultyPostgres(Fault, PostgresStore):
    pass


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def faulty(request, tmp_path):
    if request.param == "memory":
        return FaultyMemory()
    if request.param == "sqlite":
        return FaultySqlite(tmp_path / "s.db")
    return FaultyPostgres(request.getfixturevalue("database"))


@pytest.mark.parametrize("fault", ["failed", "applied"])
@pytest.mark.parametrize("unreadable", [0, 2])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_failing_commit_is_told_and_recovered_from(faulty, fault, unreadable, at):
    store, heard = faulty, []
    with Rig(store=store) as rig:
        rig.writer.subscribe(heard.extend)
        acknowledged = [rig.run(add(f"ok{n}")).value.id for n in range(at)]
        gate, started = threading.Event(), threading.Event()
        rig.writer.submit(lambda _tx: (started.set(), gate.wait(PATIENCE_S)))
        started.wait(PATIENCE_S)
        store.faults = (fault,)
        commands = (add("x"), add("y", OTHER), lambda tx: tx.get(THINGS, "x"))
        futures = [rig.writer.submit(command) for command in commands]
        gate.set()
        for future in futures:
            with pytest.raises(UnavailableError, match="the disk said no"):
                future.result(PATIENCE_S)
        store.unreadable = unreadable
        for _ in range(unreadable):
            with pytest.raises(UnavailableError, match="says nothing"):
                rig.run(add("refused"))
        acknowledged.append(rig.run(add("after")).value.id)
        written = ["x"] if fault == "applied" else []
        keys = [entry.body["key"] for entry in rig.reader.entries(CALLS)]
        assert keys == [f"ok{n}" for n in range(at)] + written + ["after"]
        assert rig.store.size(OTHER) == len(written)
        assert {entry.id for entry in heard} >= set(acknowledged)
        assert len(heard) == len(keys) + len(written)
        assert rig.audit() == []


def test_a_data_key_that_can_t_be_kept_fails_the_commit():
    class FaultyKeys(MemoryKeys):
        failing = True

        def commit(self):
            if self.failing:
                raise UnavailableError("no space left", code="store-failed")

    keys = FaultyKeys(Counting())
    with Rig(keys=keys) as rig:
        with pytest.raises(UnavailableError, match="no space left"):
            rig.run(add("a", sealed={"x": 1}))
        assert rig.store.size(CALLS) == 0
        keys.failing = False
        entry = rig.run(add("a", sealed={"x": 1})).value
        assert rig.reader.open_field(entry.id, "x").value == 1


def test_a_failure_of_the_writer_itself_ends_all_writing():
    with Rig() as rig:
        rig.clock.now = lambda: 1 // 0
        for key in ("a", "b"):
            with pytest.raises(UnavailableError) as caught:
                rig.run(add(key))
            assert caught.value.code == "writer-failed"


def test_a_loop_that_is_gone_hurts_nobody():
    async def submit():
        commits = LoopCommits(rig.writer)
        task = asyncio.create_task(commits.commit(lambda _tx: gate.wait(PATIENCE_S)))
        await asyncio.sleep(0)
        task.cancel()

    gate = threading.Event()
    with Rig() as rig:
        asyncio.run(submit())
        gate.set()
        assert rig.run(add("a")).receipts


class FaultyHeads(MemoryHeads):
    failing = False

    def replace(self, origin, head, *, previous):
        if self.failing and origin == CALLS:
            raise UnavailableError("no space left", code="file-failed")
        super().replace(origin, head, previous=previous)


def test_a_head_that_can_t_be_written_stops_its_log():
    heads = FaultyHeads()
    with Rig(heads=heads) as rig:
        heads.failing = True
        for key in ("a", "b"):
            with pytest.raises(UnavailableError, match="no space left"):
                rig.run(add(key))
        assert rig.run(add("c", OTHER)).receipts
        heads.failing = False
        assert rig.writer.open_origin(signer()) == []
        assert rig.run(add("d")).receipts[0].index == 1


def test_a_crash_in_a_command_s_code_is_its_own(rig):
    with pytest.raises(ZeroDivisionError):
        rig.run(lambda _tx: 1 // 0)
    assert rig.run(add("a")).receipts[0].index == 0


def test_types_are_checked_before_anything_is_written(rig):
    with pytest.raises(InvalidInputError):
        rig.run(lambda tx: tx.append(CALLS, Draft(type=TYPE, body={"key": "a", "x": 1.5})))
    assert rig.store.size(CALLS) == 0


def test_a_commit_takes_at_most_the_named_number_of_commands():
    rig, running, go_on, commits = Rig(), threading.Event(), threading.Event(), []
    rig.writer.subscribe(lambda entries: commits.append(len(entries)))

    def hold(_tx):
        running.set()
        go_on.wait(PATIENCE_S)

    with rig:
        rig.writer.submit(hold)
        running.wait(PATIENCE_S)
        futures = [rig.writer.submit(add(f"k{number}")) for number in range(writing.BATCH_MAX + 1)]
        go_on.set()
        wait(futures)
    assert commits == [writing.BATCH_MAX, 1]


def test_what_a_guard_raises_keeps_the_keys():
    with Rig() as rig:
        rig.run(add("a", sealed={"x": 1}))
        (key,) = rig.keys.ids(KeySelector(origin=CALLS))

        def guard():
            raise ConflictError("not now")

        with pytest.raises(ConflictError):
            rig.writer.destroy_keys([key], guard)
        assert rig.keys.get(key) is not None
        rig.writer.destroy_keys([key], lambda: None)
        assert rig.keys.get(key) is None


class Silent:
    """A key that signs checkpoints and, once told, no receipts: who keeps it went away between the two."""

    def __init__(self, name):
        self.inner, self.name, self.away = signer(name), name, False
        self.public = self.inner.verifier.key

    def sign(self, message):
        if self.away and message.startswith(b"safeconduct/batch/"):
            raise KeyUnavailableError("the token was pulled out")
        return self.inner.sign(message.decode()).data


def test_what_can_not_be_promised_is_told_and_stays():
    key = Silent(CALLS)
    with Rig(signers=[NoteSigner(CALLS, key), signer(OTHER)]) as rig:
        key.away = True
        with pytest.raises(UnavailableError, match="pulled out"):
            rig.run(add("a"))
        assert rig.run(add("b", OTHER)).receipts[0].index == 0
        key.away = False
        assert rig.run(add("c")).receipts[0].index == 1  # the first one stands in the log
        assert rig.audit() == []
