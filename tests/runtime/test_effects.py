import asyncio
import contextlib
from dataclasses import dataclass

import pytest

from safeconduct.kernel.effects import OUTBOX, TIMERS, Timer, clear_timer, finish_effect, order_effect, set_timer
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.ledger.events import EventType
from safeconduct.runtime import effects
from safeconduct.runtime.effects import EffectRunner
from support.immediate import START, ImmediateWriter

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
    def __init__(self):
        self.writer = ImmediateWriter(PROJECTIONS)
        self.performed = []
        self.fail = 0

    def now(self):
        return self.writer.now

    def snapshot(self):
        return contextlib.nullcontext(self.writer.state)

    def runner(self):
        runner = EffectRunner(self.writer, self.snapshot, self)
        runner.on("work", self.perform)
        runner.on_timer("alarm", lambda tx, timer: tx.append(LOG, FIRED.draft(Named(timer.key))))
        return runner

    async def perform(self, effect):
        self.performed.append(effect.body["name"])
        if self.fail:
            self.fail -= 1
            raise UnavailableError("not there", code="partner-down")
        return lambda tx: (
            tx.append(LOG, ENDED.draft(Named(effect.key))) if tx.get(OUTBOX, f"{effect.key}/work") else None
        )

    def order(self, name):
        return self.writer.run(lambda tx: tx.append(LOG, ORDERED.draft(Named(name)))).id

    def types(self):
        return [entry.type for entry in self.writer.entries]


def settled(world):
    async def work():
        return await world.runner().settle()

    return asyncio.run(work())


def test_an_effect_is_carried_out_and_ends_in_a_second_entry():
    world = World()
    world.order("one")
    assert settled(world) == {}
    assert world.types() == [ORDERED.name, ENDED.name]
    assert list(world.writer.state.scan(OUTBOX)) == []


def test_what_failed_stays_and_says_why_and_is_taken_up_by_the_next_process():
    world = World()
    world.fail = 1
    ordered = world.order("one")
    assert {key: error.code for key, error in settled(world).items()} == {ordered: "partner-down"}
    assert world.types() == [ORDERED.name]
    assert settled(world) == {}
    assert world.performed == ["one", "one"]
    assert world.types() == [ORDERED.name, ENDED.name]


def test_a_kind_that_nobody_carries_out_here_waits():
    world = World()
    world.order("one")

    async def work():
        return await EffectRunner(world.writer, world.snapshot, world).settle()

    assert asyncio.run(work()) == {}
    assert len(list(world.writer.state.scan(OUTBOX))) == 1


@pytest.mark.parametrize(("late", "fires"), [(-1, False), (0, True), (seconds(86_400), True)])
def test_a_timer_fires_at_its_instant_or_when_somebody_is_there_again(late, fires):
    world = World()
    world.writer.run(lambda tx: tx.append(LOG, SET.draft(Named("one"))))
    world.writer.now = Instant(TIMER.due_at + late)
    settled(world)
    assert (FIRED.name in world.types()) is fires
    assert bool(list(world.writer.state.scan(TIMERS))) is not fires


def test_a_running_server_notices_a_commit_and_tries_again_by_itself(monkeypatch):
    monkeypatch.setattr(effects, "RETRY_S", 0.01)
    monkeypatch.setattr(effects, "TICK_S", 0.01)
    world = World()
    world.fail = 2

    async def work():
        runner = world.runner()
        running = asyncio.create_task(runner.run())
        world.order("one")
        runner.take_in(world.writer.entries)
        async with asyncio.timeout(20):
            while ENDED.name not in world.types():
                await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(work())
    assert world.performed == ["one"] * 3


def test_a_bug_in_an_effect_is_not_swallowed():
    world = World()
    world.order("one")

    async def work():
        runner = world.runner()

        async def broken(effect):
            raise ZeroDivisionError

        runner.on("work", broken)
        await runner.run()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(work())
