"""Another provider of the path is asked where one gave no answer, each with its entry first, and never after a byte."""

import asyncio
import hashlib

import msgspec
import pytest

from safeconduct.gateway.breakers import FAILURES_MAX
from safeconduct.gateway.events import CALL_ATTEMPTED, CALL_INTENT, CALL_OUTCOME
from safeconduct.gateway.moves import End, UpstreamHead
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.kernel.errors import UnavailableError, UpstreamError
from safeconduct.runtime.patience import Patience
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
from support.programs import EU, program_with

TWO = program_with({"a": EU, "b": EU}, ["a", "b"])
THREE = program_with({"a": EU, "b": EU, "c": EU}, ["a", "b", "c"])
UNREACHABLE = UpstreamError("nobody at 10.0.0.1", code="upstream-unreachable")


class Provider(ScriptedUpstream):
    """A provider in the program's region. With a world it looks into the log before it takes a request."""

    def __init__(self, *script, world=None):
        super().__init__(*script)
        vendor, region, retention = EU
        self.facts = UpstreamFacts(
            vendor=vendor, region=region, retention=retention, dialects=frozenset(("openai.chat",))
        )
        self.world = world
        self.recorded = []

    def exchange(self, ask):
        if self.world is not None:
            self.recorded = [entry.type for entry in self.world.entries()]
        return super().exchange(ask)


def ask(world, upstreams, body=None, *, before=None, patience=None, times=1):
    """Makes calls of ana's, one after the other, and returns the last one's client."""

    async def main():
        calls = world.calls(upstreams, patience=patience)
        if before is not None:
            before(calls)
        for _ in range(times):
            client = ScriptedClient()
            arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
            await asyncio.wait_for(calls.run(arrival, body or request(), client), PATIENCE_S)
        return client

    return asyncio.run(main())


def attempts(world):
    return [CALL_ATTEMPTED.read(entry) for entry in world.entries() if entry.type == CALL_ATTEMPTED.name]


def outcomes(world):
    return [CALL_OUTCOME.read(entry) for entry in world.entries() if entry.type == CALL_OUTCOME.name]


def test_a_provider_that_is_not_there_is_followed_by_the_next_and_the_log_says_so_first():
    with log_world(program=TWO) as world:
        a, b = Provider(UNREACHABLE), Provider(JSON_HEAD, ANSWER, world=world)
        client = ask(world, {"a": a, "b": b})
        assert (client.data, client.status) == (ANSWER, 200)
        assert b.recorded == [CALL_INTENT.name, CALL_ATTEMPTED.name]
        (attempt,), (outcome,) = attempts(world), outcomes(world)
        assert (attempt.call, attempt.attempt, attempt.why, attempt.status) == (client.call, 2, UNREACHABLE.code, None)
        assert (attempt.upstream, attempt.region, attempt.retention) == ("b", "eu-west", "none")
        assert attempt.sent_sha256 == hashlib.sha256(b.exchanges[0].body).hexdigest()
        assert (outcome.end, outcome.attempt) == (End.COMPLETED, 2)
        assert outcome.unaccounted == 1  # the answer has half of its counts
        assert a.exchanges[0].closed


BUSY = UpstreamHead(429, "application/json")


@pytest.mark.parametrize(
    ("script", "why", "status", "used"),
    [
        ([UpstreamError("x", code="upstream-broke")], "upstream-broke", None, 1),
        ([UpstreamHead(503, "text/html"), b"<html>"], "upstream-failed", 503, 0),
        ([UpstreamHead(529, "application/json"), b"{}"], "upstream-failed", 529, 0),
        ([BUSY, b"{}"], "upstream-busy", 429, 0),
        ([BUSY, UpstreamError("x", code="upstream-broke")], "upstream-broke", 429, 0),
        ([Wait], "upstream-timeout", None, 1),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_permits_another_target(script, why, status, used, stream):
    with log_world(program=TWO) as world:
        good = (STREAM_HEAD, CHUNK, DONE) if stream else (JSON_HEAD, ANSWER)
        upstreams = {"a": Provider(*(Wait() if step is Wait else step for step in script)), "b": Provider(*good)}
        client = ask(world, upstreams, request(stream=stream), patience=Patience(first_byte_s=0.05, idle_s=5))
        assert client.ended
        (attempt,), (outcome,) = attempts(world), outcomes(world)
        assert (attempt.why, attempt.status, outcome.attempt, outcome.end) == (why, status, 2, End.COMPLETED)
        assert outcome.unaccounted == used + 1
        assert upstreams["a"].exchanges[0].closed


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ([UpstreamHead(400, "application/json"), b"{}"], "upstream-refused-request"),
        ([UpstreamHead(401, "application/json"), b"{}"], "upstream-misconfigured"),
        ([STREAM_HEAD, CHUNK, UpstreamError("x", code="upstream-broke")], "upstream-broke"),
        ([STREAM_HEAD, UpstreamError("x", code="upstream-broke")], "upstream-broke"),
        ([UpstreamHead(200, "text/html"), b"<html>"], "upstream-answer-invalid"),
    ],
)
def test_what_does_not(script, why):
    with log_world(program=TWO) as world:
        a, b = Provider(*script), Provider(STREAM_HEAD, CHUNK, DONE)
        ask(world, {"a": a, "b": b}, request(stream=True))
        assert (attempts(world), b.exchanges) == ([], [])
        (outcome,) = outcomes(world)
        assert (outcome.attempt, outcome.why) == (1, why)


def test_the_last_failure_is_told_when_nobody_answers():
    with log_world(program=THREE) as world:
        upstreams = {"a": Provider(UNREACHABLE), "b": Provider(BUSY, b"{}"), "c": Provider(UNREACHABLE)}
        client = ask(world, upstreams)
        assert client.failure.code == "upstream-unreachable"
        assert "10.0.0.1" not in client.data.decode()
        assert [(one.attempt, one.upstream, one.why) for one in attempts(world)] == [
            (2, "b", "upstream-unreachable"),
            (3, "c", "upstream-busy"),
        ]
        (outcome,) = outcomes(world)
        assert (outcome.end, outcome.attempt, outcome.unaccounted) == (End.UPSTREAM_FAILED, 3, 0)


def test_a_provider_that_runs_elsewhere_by_now_is_passed_over():
    with log_world(program=TWO) as world:
        a, b = Provider(JSON_HEAD, ANSWER), Provider(JSON_HEAD, ANSWER)

        def moved(_calls):
            a.facts = UpstreamFacts(vendor="acme", region="elsewhere", retention="none", dialects=a.facts.dialects)

        client = ask(world, {"a": a, "b": b}, before=moved)
        assert (a.exchanges, client.data) == ([], ANSWER)
        assert [one.why for one in attempts(world)] == ["provider-outside-path"]


def test_a_provider_that_failed_in_a_row_is_skipped_while_another_is_left():
    with log_world(program=TWO) as world:
        a, b = Provider(UNREACHABLE), Provider(JSON_HEAD, ANSWER)
        ask(world, {"a": a, "b": b}, times=FAILURES_MAX + 1)
        assert (len(a.exchanges), len(b.exchanges)) == (FAILURES_MAX, FAILURES_MAX + 1)
        assert [one.why for one in attempts(world)] == ["upstream-unreachable"] * FAILURES_MAX + ["upstream-skipped"]
    with log_world() as world:
        only = ScriptedUpstream(UNREACHABLE)
        ask(world, {"local": only}, times=FAILURES_MAX + 1)
        assert len(only.exchanges) == FAILURES_MAX + 1


@pytest.mark.parametrize(("frozen", "stopped"), [("principal:ana", True), ("principal:bo", False)])
def test_after_a_freeze_that_this_worker_has_not_heard_of_no_other_target_is_asked(frozen, stopped):
    with log_world(program=TWO) as world:
        old = world.board.current
        world.run(world.freeze_command(frozen))

        def late(calls):
            calls.in_force.standing = lambda: old
            calls.commits = decided_on(world, calls.commits)

        b = Provider(JSON_HEAD, ANSWER)
        client = ask(world, {"a": Provider(UNREACHABLE), "b": b}, before=late)
        assert (len(b.exchanges), len(attempts(world))) == ((0, 0) if stopped else (1, 1))
        assert (client.failure and client.failure.code) == ("upstream-unreachable" if stopped else None)


def decided_on(world, commits):
    """Lets the intent through, as if it had been committed before the freeze."""
    asked = []

    async def committing(command, **order):
        asked.append(command)
        if len(asked) > 1:
            return await commits(command, **order)
        prepared = command.keywords["prepared"]
        command.keywords["prepared"] = msgspec.structs.replace(prepared, epoch=world.board.current.epoch)
        return await commits(command, **order)

    return committing


@pytest.mark.parametrize("applied", [False, True])
def test_an_attempt_whose_entry_fails_is_not_made_even_if_it_was_applied(applied):
    with log_world(program=TWO) as world:
        commit, count = world.store.commit, []

        def failing(batch):
            count.append(1)
            if len(count) != 2:
                return commit(batch)
            if applied:
                commit(batch)
            raise UnavailableError("the disk said no", code="store-failed")

        world.store.commit = failing
        b = Provider(JSON_HEAD, ANSWER)
        client = ask(world, {"a": Provider(UNREACHABLE), "b": b})
        assert (b.exchanges, client.failure.code) == ([], "upstream-unreachable")
        assert len(attempts(world)) == applied
        (outcome,) = outcomes(world)
        assert (outcome.end, outcome.attempt) == (End.UPSTREAM_FAILED, 1)
