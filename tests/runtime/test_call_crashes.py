"""The process dies at every step of a call, and the next start leaves each call with exactly one outcome.

A crash here loses everything that was not committed: the store is in memory and changes only in `commit`. What a file
system loses beyond that is the store's own test.
"""

import asyncio
from collections import Counter

import pytest

from safeconduct.adapters.memory.records import MemoryState
from safeconduct.gateway.events import CALL_ATTEMPTED, CALL_INTENT, CALL_OUTCOME, OPEN_CALLS
from safeconduct.gateway.moves import End
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.kernel.errors import UnavailableError, UpstreamError
from safeconduct.runtime.abandoning import abandon_open_calls
from support.call_ends import ANSWER, CHUNK, DONE, JSON_HEAD, STREAM_HEAD, ScriptedClient, ScriptedUpstream, request
from support.gateway_world import PATH, PROJECTIONS, log_world
from support.programs import EU, program_with

SPOKEN = frozenset(("openai.chat",))
PROGRAMS = {"json": None, "stream": None, "failover": program_with({"a": EU, "b": EU}, ["a", "b"])}


class Died(BaseException):
    """The process is gone: no code of it may run on."""


class Fuse:
    """Counts the steps of a call and burns through at one of them."""

    def __init__(self, at):
        self.at = at
        self.steps = 0

    def step(self):
        self.steps += 1
        if self.steps == self.at:
            raise Died

    @property
    def burnt(self):
        return self.steps >= self.at


class DyingUpstream(ScriptedUpstream):
    def __init__(self, fuse, intents, *script):
        super().__init__(*script)
        self.fuse, self.intents = fuse, intents

    def exchange(self, ask):
        self.fuse.step()
        assert self.intents() == len(self.exchanges) + 1, "dispatched without a committed entry"
        exchange = super().exchange(ask)
        for name in ("head", "read"):
            setattr(exchange, name, self._dying(getattr(exchange, name)))
        return exchange

    def _dying(self, work):
        async def step():
            self.fuse.step()
            done = await work()
            self.fuse.step()
            return done

        return step


class DyingClient(ScriptedClient):
    def __init__(self, fuse):
        super().__init__()
        self.fuse = fuse

    async def head(self, *given):
        self.fuse.step()
        await super().head(*given)

    async def send(self, data, *, last):
        self.fuse.step()
        await super().send(data, last=last)
        self.fuse.step()


def targets(world, fuse, script):
    """Returns two providers, of which the first is never there; each looks for its own entry before it is asked."""

    def count(kind):
        return lambda: sum(entry.type == kind.name for entry in world.entries())

    lost = UpstreamError("nobody there", code="upstream-unreachable")
    found = {
        "a": DyingUpstream(fuse, count(CALL_INTENT), lost),
        "b": DyingUpstream(fuse, count(CALL_ATTEMPTED), *script),
    }
    for upstream in found.values():
        upstream.facts = UpstreamFacts(**dict(zip(("vendor", "region", "retention"), EU, strict=True)), dialects=SPOKEN)
    return found


def live(world, fuse, shape):
    """Runs one call until the fuse burns or the call ends, as one process."""
    stream = shape == "stream"

    def intents():
        return sum(entry.type == CALL_INTENT.name for entry in world.entries())

    async def main():
        script = (STREAM_HEAD, CHUNK, CHUNK + DONE) if stream else (JSON_HEAD, ANSWER)
        one = DyingUpstream(fuse, intents, *script)
        calls = world.calls(targets(world, fuse, script) if shape == "failover" else one)
        commits = calls.commits

        async def dying(command, **order):
            fuse.step()  # before the command is queued
            committed = await commits(command, **order)
            fuse.step()  # durable, and nobody knows
            return committed

        calls.commits = dying
        try:
            await calls.run(
                calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"]),
                request(stream=stream),
                DyingClient(fuse),
            )
        except Died:
            assert fuse.burnt

    asyncio.run(main())


def check(world):
    """One outcome per intent, none open, and the entries alone rebuild the control state. Returns how calls ended."""
    entries = [entry for origin in world.store.origins() for entry in world.reader.entries(origin)]
    intents = Counter(entry.id for entry in entries if entry.type == CALL_INTENT.name)
    ends = [CALL_OUTCOME.read(entry) for entry in entries if entry.type == CALL_OUTCOME.name]
    assert Counter(end.call for end in ends) == intents
    with world.store.snapshot() as records:
        assert list(records.scan(OPEN_CALLS)) == []
    rebuilt = MemoryState()
    for entry in sorted(entries, key=lambda entry: entry.id):
        PROJECTIONS[entry.type](rebuilt, entry)
    stored = {name: value for name, value in world.store.raw_all().items() if value is not None}
    assert {(name, key): value for name, rows in rebuilt.rows.items() for key, value in rows.items()} == stored
    return [end.end for end in ends]


def steps_of(shape):
    with log_world(program=PROGRAMS[shape]) as world:
        fuse = Fuse(at=0)
        live(world, fuse, shape)
        assert check(world) == [End.COMPLETED]
        return fuse.steps


@pytest.mark.parametrize("shape", ["json", "stream", "failover"])
def test_a_death_at_any_step_leaves_one_outcome(shape):
    ends = Counter()
    for step in range(1, steps_of(shape) + 1):
        with log_world(program=PROGRAMS[shape]) as world:
            live(world, Fuse(at=step), shape)
            world.restart()
            world.run(lambda tx: abandon_open_calls(tx, "the-next"))
            found = check(world)
            assert len(found) <= 1
            ends[found[0] if found else None] += 1
    # Before the intent's commit there is no call; after the outcome's it is complete; between the two it is abandoned.
    assert (ends[None], ends[End.COMPLETED]) == (
        1,
        3 if shape == "stream" else 1,
    )  # a stream still ends with its receipt
    assert set(ends) == {None, End.COMPLETED, End.ABANDONED}
    assert ends[End.ABANDONED] >= 8


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("which", [1, 2])
def test_a_commit_that_fails_and_one_that_was_applied_all_the_same(which, applied):
    with log_world() as world:
        commit, count = world.store.commit, []

        def failing(batch):
            count.append(1)
            if len(count) != which:
                return commit(batch)
            if applied:
                commit(batch)
            raise UnavailableError("the disk said no", code="store-failed")

        world.store.commit = failing
        live(world, Fuse(at=0), "json")
        world.store.commit = commit
        world.restart()
        world.run(lambda tx: abandon_open_calls(tx, "the-next"))
        ends = check(world)
        # An intent of which nobody knows is never dispatched; an outcome that failed is offered again.
        assert ends == ([End.ABANDONED] if applied else []) if which == 1 else [End.COMPLETED]


def test_the_check_finds_a_call_without_an_outcome():
    with log_world() as world:
        live(world, Fuse(at=4), "json")
        world.restart()
        with pytest.raises(AssertionError):
            check(world)
