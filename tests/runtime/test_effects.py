import asyncio
import os
from dataclasses import dataclass

import pytest

from safeconduct.adapters.memory.log import MemoryHeads, MemoryKeys, MemoryStore
from safeconduct.kernel.effects import OUTBOX, TIMERS, Timer, clear_timer, finish_effect, order_effect, set_timer
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.ledger.events import EventType
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.reader import LogReader
from safeconduct.runtime.commits import LoopCommits
from safeconduct.runtime.effects import EffectRunner
from safeconduct.runtime.writer import GroupCommitWriter
from support.immediate import START

LOG = Origin("example.org/log")


@dataclass(frozen=True, slots=True)
class Named:
    name: str


ORDERED, ENDED = EventType("test.work.ordered/1", Named), EventType("test.work.ended/1", Named)
SET, FIRED = EventType("test.timer.set/1", Named), EventType("test.timer.fired/1", Named)
TIMER = Timer(kind="alarm", key="one", due_at=Instant(START + seconds(60)))

PROJECTIONS = {
    ORDERED.name: lambda state, entry: order_effect(state, entry, "work", {"name": entry.body["name"]}),
    ENDED.name: lambda state, entry: finish_effect(state, entry.body["name"], "work"),
    SET.name: lambda state, _entry: set_timer(state, TIMER),
    FIRED.name: lambda state, _entry: clear_timer(state, TIMER),
}


class World:
    """The real writer on memory, with a clock that stands still unless told."""

    def __init__(self):
        self.at = START
        self.store = MemoryStore()
        self.writer = GroupCommitWriter(
            self.store,
            MemoryHeads(),
            MemoryKeys(os.urandom),
            signers=[NoteSigner(LOG, SecretKey(bytes(32)))],
            clock=self,
            entropy=os.urandom,
            projections=PROJECTIONS,
        )
        assert self.writer.start() == []
        self.performed = []
        self.fail = 0

    def now(self):
        self.at = Instant(self.at + 1)
        return self.at

    def perform(self, effect):
        self.performed.append(effect.body["name"])
        if self.fail:
            self.fail -= 1
            raise UnavailableError("not there", code="partner-down")
        self.submit(ENDED, effect.key)

    def submit(self, kind, name):
        return self.writer.submit(lambda tx: tx.append(LOG, kind.draft(Named(name)))).result().value.id

    def runner(self, *, kinds=("work",)):
        runner = EffectRunner(self.writer, self.store.snapshot, self)
        for kind in kinds:
            runner.on(kind, self.perform)
        runner.on_timer("alarm", lambda tx, timer: tx.append(LOG, FIRED.draft(Named(timer.key))))
        return runner

    def types(self):
        return [entry.type for entry in LogReader(self.store).entries(LOG)]

    def left(self, collection):
        with self.store.snapshot() as records:
            return [key for key, _ in records.scan(collection)]


@pytest.fixture
def world():
    made = World()
    yield made
    made.writer.close()


def settled(world, **options):
    async def work():
        runner = world.runner(**options)
        runner._commits = LoopCommits(world.writer)
        return await runner.settle()

    return asyncio.run(work())


def started(world, until):
    async def work():
        async with world.runner(), asyncio.timeout(60):
            while not until():
                await asyncio.sleep(0.01)

    asyncio.run(work())


def test_an_effect_is_carried_out_once_and_ends_in_a_second_entry(world):
    world.submit(ORDERED, "one")
    assert settled(world) == {}
    assert settled(world) == {}
    assert world.types() == [ORDERED.name, ENDED.name]
    assert world.performed == ["one"]
    assert world.left(OUTBOX) == []


def test_what_failed_stays_and_says_why_and_is_taken_up_by_the_next_process(world):
    world.fail = 1
    ordered = world.submit(ORDERED, "one")
    assert {key: error.code for key, error in settled(world).items()} == {ordered: "partner-down"}
    assert world.types() == [ORDERED.name]
    assert settled(world) == {}
    assert world.performed == ["one", "one"]
    assert world.types() == [ORDERED.name, ENDED.name]


def test_a_kind_that_nobody_carries_out_here_waits(world):
    world.submit(ORDERED, "one")
    assert settled(world, kinds=()) == {}
    assert len(world.left(OUTBOX)) == 1


@pytest.mark.parametrize(("late", "fires"), [(-seconds(1), False), (0, True), (seconds(86_400), True)])
def test_a_timer_fires_at_its_instant_or_when_somebody_is_there_again(world, late, fires):
    world.submit(SET, "one")
    world.at = Instant(TIMER.due_at + late)
    settled(world)
    assert (FIRED.name in world.types()) is fires
    assert bool(world.left(TIMERS)) is not fires


def test_a_running_server_takes_up_what_was_left_and_notices_what_is_new(world):
    world.submit(ORDERED, "left")
    started(world, lambda: world.types().count(ENDED.name) == 1)
    world.submit(SET, "one")
    world.at = Instant(TIMER.due_at + seconds(1))
    started(world, lambda: FIRED.name in world.types())
    assert world.performed == ["left"]


def test_an_effect_that_breaks_stays_and_the_others_go_on(world, caplog):
    world.submit(ORDERED, "one")

    async def work():
        runner = world.runner()
        runner._commits = LoopCommits(world.writer)

        async def broken(effect):
            raise ZeroDivisionError

        runner.on("work", broken)
        return await runner.settle()

    assert asyncio.run(work()) == {}
    assert len(world.left(OUTBOX)) == 1
    assert "ZeroDivisionError" in caplog.text


def test_stopping_at_the_moment_of_a_commit_stops(world):
    async def work():
        runner = world.runner()
        await runner.start()
        while not runner._wake._waiters:
            await asyncio.sleep(0.01)
        runner._wake.set()
        await asyncio.sleep(0)  # what waits for it has its answer, and was not resumed yet
        async with asyncio.timeout(20):
            await runner.stop()

    asyncio.run(work())
