"""A worker that can't tell whether a freeze is in force hands over nothing, however long it was stopped."""

import asyncio

from safeconduct.gateway.events import CALL_OUTCOME
from safeconduct.gateway.moves import CutWhy, End
from safeconduct.runtime.confirming import ADMIT_S, LOST_S, RELEASE_S, Confirmation
from support.call_ends import (
    ANSWER,
    CHUNK,
    DONE,
    JSON_HEAD,
    STREAM_HEAD,
    ScriptedClient,
    ScriptedUpstream,
    Wait,
    request,
)
from support.gateway_world import PATH, log_world
from support.patience import PATIENCE_S


class Hand:
    """A clock that is set by hand."""

    def __init__(self):
        self.at = 100.0

    def __call__(self):
        return self.at


def test_what_holds_for_how_long():
    async def main():
        clock, lost = Hand(), []
        confirmation = Confirmation(lambda: lost.append(clock.at), clock)
        assert not confirmation.admits()
        confirmation.confirm(clock.at)
        for age, admits, goes in ((0.0, True, True), (RELEASE_S, True, True), (RELEASE_S + 0.01, True, False)):
            clock.at = 100.0 + age
            assert confirmation.admits() is admits
            assert (await passed(confirmation)) is goes
        clock.at = 100.0 + ADMIT_S
        assert confirmation.admits()
        clock.at += 0.01
        assert not confirmation.admits()
        confirmation.confirm(100.0 + LOST_S)
        assert lost == []
        confirmation.confirm(100.0 + 2 * LOST_S + 0.01)
        assert len(lost) == 1

    asyncio.run(main())


async def passed(confirmation):
    task = asyncio.create_task(confirmation.wait())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return not task.cancelled()


def test_a_reading_that_was_asked_for_before_the_process_stopped_confirms_nothing():
    async def main():
        clock = Hand()
        confirmation = Confirmation(clock=clock)
        waits = asyncio.create_task(confirmation.wait())
        began = clock.at
        clock.at += 10
        confirmation.confirm(began)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waits.done()
        confirmation.confirm(clock.at)
        await asyncio.wait_for(waits, PATIENCE_S)

    asyncio.run(main())


def stopped(world, seconds, wakes):
    """Runs a call whose worker stands still in mid-stream; returns its client, its outcome, and what it had before."""
    wait = Wait()

    async def main():
        clock, client = Hand(), ScriptedClient()
        calls = world.calls(ScriptedUpstream(STREAM_HEAD, CHUNK, wait, CHUNK + DONE))
        world.board.attach(calls.loop, calls)
        calls.in_force.confirmation = Confirmation(lambda: calls.cut_all(CutWhy.UNCONFIRMED), clock)
        calls.confirmation.confirm(clock.at)
        arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
        task = asyncio.create_task(calls.run(arrival, request(stream=True), client))
        await asyncio.wait_for(wait.reached.wait(), PATIENCE_S)
        clock.at += seconds
        wait.go.set()
        await asyncio.sleep(0.05)
        before = client.data
        await wakes(calls, clock)
        await asyncio.wait_for(task, PATIENCE_S)
        return client, before

    client, before = asyncio.run(main())
    assert before == CHUNK
    ended = [CALL_OUTCOME.read(entry) for entry in world.entries() if entry.type == CALL_OUTCOME.name]
    return client, ended[0]


async def wakes_to_nothing(calls, clock):
    calls.confirmation.confirm(clock.at)


def test_a_stream_goes_on_once_the_standing_is_confirmed():
    with log_world() as world:
        client, outcome = stopped(world, 1.0, wakes_to_nothing)
        assert client.data.startswith(CHUNK + CHUNK + DONE)
        assert outcome.end is End.COMPLETED


def test_a_stream_that_wakes_after_a_freeze_hands_over_nothing_more():
    with log_world() as world:

        async def wakes_to_a_freeze(calls, clock):
            await calls.commits(world.freeze_command("principal:ana"))
            await wakes_to_nothing(calls, clock)

        client, outcome = stopped(world, 1.0, wakes_to_a_freeze)
        assert client.aborted
        assert client.data == CHUNK
        assert (outcome.end, outcome.why) == (End.CUT, "freeze")


def test_a_worker_that_may_count_as_dead_cuts_its_calls():
    with log_world() as world:
        client, outcome = stopped(world, LOST_S + 0.1, wakes_to_nothing)
        assert client.aborted
        assert (outcome.end, outcome.why) == (End.CUT, "standing-unconfirmed")


def test_new_calls_are_refused_while_nobody_knows_of_freezes():
    with log_world() as world:

        async def main():
            calls, client = world.calls(ScriptedUpstream(JSON_HEAD, ANSWER)), ScriptedClient()
            calls.in_force.confirmation = Confirmation()
            await calls.run(calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"]), request(), client)
            return client.failure

        assert asyncio.run(main()).code == "standing-unconfirmed"
        assert world.entries() == []
