"""Effects and timers: carried out after the commit, tried again until their entry is there, taken up after a crash."""

import asyncio
from dataclasses import dataclass

import pytest

from safeconduct.kernel.effects import OUTBOX, TIMERS, Timer, clear_timer, finish_effect, order_effect, set_timer
from safeconduct.kernel.entries import Draft
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.ledger.events import EventType
from safeconduct.runtime.effects import EFFECTS_MAX, RETRY_FIRST_S, EffectRunner
from support.logs import CALLS, START, Rig
from support.patience import until_async


@dataclass(frozen=True)
class Ordered:
    what: str


@dataclass(frozen=True)
class Done:
    entry: str


@dataclass(frozen=True)
class Set:
    due_at: int


@dataclass(frozen=True)
class Rang:
    due_at: int


ORDERED, DONE = EventType("test.work.ordered/1", Ordered), EventType("test.work.done/1", Done)
SET, RANG = EventType("test.timer.set/1", Set), EventType("test.timer.rang/1", Rang)


def timer(event):
    return Timer(kind="ring", key="one", due_at=Instant(event.due_at))


QUIET = EventType("test.work.noted/1", Ordered)

PROJECTIONS = {
    QUIET.name: lambda _state, _entry: None,
    ORDERED.name: lambda state, entry: order_effect(state, entry, "work", {"what": ORDERED.read(entry).what}),
    DONE.name: lambda state, entry: finish_effect(state, DONE.read(entry).entry, "work"),
    SET.name: lambda state, entry: set_timer(state, timer(SET.read(entry))),
    RANG.name: lambda state, entry: clear_timer(state, timer(RANG.read(entry))),
}


def order(what):
    return lambda tx: tx.append(CALLS, ORDERED.draft(Ordered(what))).id


class Worker:
    """Does the work and reports it, failing as often as told."""

    def __init__(self, rig, failures=0):
        self.rig = rig
        self.failures = failures
        self.done = []

    def __call__(self, effect):
        if self.failures:
            self.failures -= 1
            raise UnavailableError("not now")
        self.done.append(effect.body["what"])
        self.rig.run(lambda tx: tx.append(CALLS, DONE.draft(Done(effect.key))))


def waiting(rig):
    with rig.store.snapshot() as records:
        return [effect.body["what"] for _key, effect in records.scan(OUTBOX)]


@pytest.fixture
def rig():
    with Rig(projections=PROJECTIONS) as made:
        yield made


def runner(rig, worker):
    made = EffectRunner(rig.writer, rig.store.snapshot, rig.clock)
    made.on("work", worker)
    made.on_timer("ring", lambda tx, due: tx.append(CALLS, RANG.draft(Rang(due.due_at))))
    return made


def test_an_effect_is_carried_out_after_its_commit(rig):
    worker = Worker(rig)

    async def run():
        async with runner(rig, worker):
            await asyncio.to_thread(rig.run, order("a"))
            await until_async(lambda: not waiting(rig))

    asyncio.run(run())
    assert worker.done == ["a"]
    assert [entry.type for entry in rig.reader.entries(CALLS)] == [ORDERED.name, DONE.name]


def test_an_async_effect(rig):
    done = []

    async def work(effect):
        done.append(effect.body["what"])
        await asyncio.wrap_future(rig.writer.submit(lambda tx: tx.append(CALLS, DONE.draft(Done(effect.key)))))

    async def run():
        async with runner(rig, work) as running:
            await asyncio.to_thread(rig.run, order("a"))
            await running.settle()

    asyncio.run(run())
    assert (done, waiting(rig)) == (["a"], [])


def test_what_a_crash_left_is_taken_up_at_start(rig):
    rig.run(order("left"))
    rig.run(order("left too"))
    worker = Worker(rig)

    async def run():
        async with runner(rig, worker):
            await until_async(lambda: not waiting(rig))

    asyncio.run(run())
    assert sorted(worker.done) == ["left", "left too"]


def test_a_failing_effect_stays_and_is_tried_again_later(rig):
    worker = Worker(rig, failures=2)

    async def run():
        async with runner(rig, worker) as running:
            entry = await asyncio.to_thread(rig.run, order("a"))
            failed = await running.settle()
            assert {key: error.message for key, error in failed.items()} == {entry.value: "not now"}
            assert (worker.done, waiting(rig)) == ([], ["a"])
            rig.clock.time = Instant(rig.clock.time + seconds(RETRY_FIRST_S * 10))
            assert await running.settle() == {} or waiting(rig) == ["a"]
            assert await running.settle() == {}

    asyncio.run(run())
    assert (worker.done, waiting(rig)) == (["a"], [])


def test_an_effect_that_did_not_report_is_not_done(rig):
    calls = []

    async def run():
        async with runner(rig, lambda effect: calls.append(effect.key)) as running:
            await asyncio.to_thread(rig.run, order("a"))
            await running.settle()
            await running.settle()

    asyncio.run(run())
    assert len(set(calls)) == 1
    assert len(calls) >= 2
    assert waiting(rig) == ["a"]


def test_an_effect_nobody_knows_waits(rig):
    rig.run(order("a"))

    async def run():
        async with EffectRunner(rig.writer, rig.store.snapshot, rig.clock) as running:
            assert await running.settle() == {}

    asyncio.run(run())
    assert waiting(rig) == ["a"]


def timers(rig):
    with rig.store.snapshot() as records:
        return [due.due_at - START for _key, due in records.scan(TIMERS)]


def test_a_timer_fires_at_its_time_and_once(rig):
    rig.run(lambda tx: tx.append(CALLS, SET.draft(Set(START + seconds(60)))))

    async def run():
        async with runner(rig, Worker(rig)) as running:
            await running.settle()
            assert timers(rig) == [seconds(60)]
            rig.clock.time = Instant(START + seconds(60) - 1)
            await running.settle()
            assert timers(rig) == [seconds(60)]
            rig.clock.time = Instant(START + seconds(60))
            await running.settle()
            await running.settle()

    asyncio.run(run())
    assert timers(rig) == []
    assert [entry.type for entry in rig.reader.entries(CALLS)] == [SET.name, RANG.name]


def test_an_overdue_timer_fires_at_start(rig):
    rig.run(lambda tx: tx.append(CALLS, SET.draft(Set(START - seconds(3600)))))

    async def run():
        async with runner(rig, Worker(rig)):
            await until_async(lambda: timers(rig) == [])

    asyncio.run(run())
    assert [entry.type for entry in rig.reader.entries(CALLS)] == [SET.name, RANG.name]


def test_a_timer_whose_command_fails_is_tried_again(rig):
    rig.run(lambda tx: tx.append(CALLS, SET.draft(Set(START))))
    failures = [UnavailableError("not now")]

    def fire(tx, due):
        if failures:
            raise failures.pop()
        return tx.append(CALLS, Draft(type=RANG.name, body={"due_at": due.due_at}))

    async def run():
        running = runner(rig, Worker(rig))
        running.on_timer("ring", fire)
        async with running:
            await until_async(lambda: not failures)
            assert timers(rig) == [0]
            await running.settle()

    asyncio.run(run())
    assert timers(rig) == []


def test_what_nobody_foresaw_is_told_and_holds_up_nothing_else(rig):
    rig.run(lambda tx: tx.append(CALLS, SET.draft(Set(START))))
    rig.run(order("a"))
    broken = [True]

    def fire(tx, due):
        if broken:
            raise ValueError("a bug in a timer's command")
        return tx.append(CALLS, RANG.draft(Rang(due.due_at)))

    def carry(effect):
        if broken:
            raise KeyError("a bug in an effect")
        rig.run(lambda tx: tx.append(CALLS, DONE.draft(Done(effect.key))))

    async def run():
        running = runner(rig, carry)
        running.on_timer("ring", fire)
        async with running:
            failed = await running.settle()
            assert {error.code for error in failed.values()} == {"effect-failed", "timer-failed"}
            assert (waiting(rig), timers(rig)) == (["a"], [0])
            broken.clear()
            assert await running.settle() == {}

    asyncio.run(run())
    assert (waiting(rig), timers(rig)) == ([], [])


def test_no_more_effects_than_the_limit_are_carried_out_at_once(rig):
    running, most = [], []

    async def run():
        let_go = asyncio.Event()

        async def work(effect):
            running.append(effect.key)
            most.append(len(running))
            await let_go.wait()
            running.remove(effect.key)
            await asyncio.to_thread(rig.run, lambda tx: tx.append(CALLS, DONE.draft(Done(effect.key))))

        made = EffectRunner(rig.writer, rig.store.snapshot, rig.clock)
        made.on("work", work)
        for number in range(EFFECTS_MAX + 1):
            await asyncio.to_thread(rig.run, order(f"work {number}"))
        async with made:
            await until_async(lambda: len(running) == EFFECTS_MAX)
            let_go.set()
            await until_async(lambda: not waiting(rig))

    asyncio.run(run())
    assert max(most) == EFFECTS_MAX
    assert len(most) == EFFECTS_MAX + 1


class Woken(EffectRunner):
    """Counts how often it looks after a commit: it is told before who submitted is."""

    woken = 0

    def wake(self):
        self.woken += 1
        super().wake()


@pytest.mark.parametrize(("quiet", "woken"), [({QUIET.name}, 0), (set(), 1)], ids=["quiet", "not known as quiet"])
def test_a_commit_of_quiet_entries_alone_is_not_looked_after(rig, quiet, woken):
    async def run():
        async with Woken(rig.writer, rig.store.snapshot, rig.clock, quiet=quiet) as made:
            await asyncio.to_thread(rig.run, lambda tx: tx.append(CALLS, QUIET.draft(Ordered("a"))))
            assert made.woken == woken

    asyncio.run(run())


def test_an_effect_ordered_beside_quiet_entries_is_carried_out(rig):
    worker = Worker(rig)

    def both(tx):
        order("a")(tx)
        tx.append(CALLS, QUIET.draft(Ordered("b")))

    async def run():
        made = EffectRunner(rig.writer, rig.store.snapshot, rig.clock, quiet={QUIET.name})
        made.on("work", worker)
        async with made:
            await asyncio.to_thread(rig.run, both)
            await until_async(lambda: not waiting(rig))

    asyncio.run(run())
    assert worker.done == ["a"]
