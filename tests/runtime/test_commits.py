"""Calls' own commands wait for company while each turn of the loop brings some, and nothing else ever waits."""

import asyncio

import pytest
import uvloop

from safeconduct.runtime import commits as together
from safeconduct.runtime.commits import QUIET_TURNS, TOGETHER_MAX, LoopCommits
from support.batches import Opened
from support.patience import PATIENCE_S

LONG_S = 10 * PATIENCE_S
LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run])


class Counting(Opened):
    """Keeps which commands came to it together."""

    def __init__(self):
        super().__init__()
        self.came = []

    def enqueue(self, jobs):
        self.came.append(len(jobs))
        super().enqueue(jobs)


@pytest.fixture
def writer():
    with Counting() as opened:
        yield opened


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    monkeypatch.setattr(together, "TOGETHER_S", LONG_S)  # so that time ends no waiting unless a test says so


def number(value):
    return lambda _tx: value


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


@LOOPS
def test_commands_of_one_turn_go_together(run, writer):
    async def calls():
        commits = LoopCommits(writer)
        done = await asyncio.gather(*(commits.commit(number(n), own=True) for n in range(5)))
        return [one.value for one in done]

    assert run(calls()) == [0, 1, 2, 3, 4]
    assert writer.came == [5]


@LOOPS
def test_one_alone_goes_after_the_quiet_turns(run, writer):
    async def calls():
        commits = LoopCommits(writer)
        task = asyncio.ensure_future(commits.commit(number(7), own=True))
        await turns(1)
        assert writer.came == []
        await turns(QUIET_TURNS + 1)
        assert writer.came == [1]
        return (await task).value

    assert run(calls()) == 7


@LOOPS
def test_whoever_comes_in_each_turn_is_waited_for(run, writer):
    async def calls():
        commits = LoopCommits(writer)
        tasks = []
        for n in range(10):
            tasks.append(asyncio.ensure_future(commits.commit(number(n), own=True)))
            await turns(QUIET_TURNS)
        assert writer.came == []
        await asyncio.gather(*tasks)

    run(calls())
    assert writer.came == [10]


@LOOPS
@pytest.mark.parametrize(("count", "came"), [(TOGETHER_MAX, [64]), (TOGETHER_MAX + 1, [64, 1])])
def test_no_more_than_the_most_go_together(run, writer, count, came):
    async def calls():
        commits = LoopCommits(writer)
        await asyncio.gather(*(commits.commit(number(n), own=True) for n in range(count)))

    run(calls())
    assert writer.came == came


@LOOPS
def test_nobody_waits_longer_than_the_longest(run, writer, monkeypatch):
    monkeypatch.setattr(together, "TOGETHER_S", 0.0)

    async def calls():
        commits = LoopCommits(writer)
        tasks = []
        for n in range(4):
            tasks.append(asyncio.ensure_future(commits.commit(number(n), own=True)))
            await turns(2)
        assert writer.came == [1, 1, 1, 1]
        await asyncio.gather(*tasks)

    run(calls())


@LOOPS
def test_what_is_no_calls_own_goes_at_once_and_takes_along_what_waits(run, writer):
    async def calls():
        commits = LoopCommits(writer)
        waiting = [asyncio.ensure_future(commits.commit(number(n), own=True)) for n in range(2)]
        await turns(1)
        freeze = asyncio.ensure_future(commits.commit(number(9)))
        await turns(1)
        assert writer.came == [3]
        after = asyncio.ensure_future(commits.commit(number(10), own=True))
        done = await asyncio.gather(*waiting, freeze, after)
        return [one.value for one in done]

    assert run(calls()) == [0, 1, 9, 10]
    assert writer.came == [3, 1]


@LOOPS
def test_who_waits_no_longer_has_run_all_the_same(run, writer):
    ran = []

    async def calls():
        commits = LoopCommits(writer)
        task = asyncio.ensure_future(commits.commit(lambda _tx: ran.append(1), own=True))
        await turns(1)
        task.cancel()
        await commits.commit(number(0), own=True)
        return task.cancelled()

    assert run(calls())
    assert ran == [1]
