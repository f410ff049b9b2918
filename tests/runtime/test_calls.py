"""Calls on a real group-commit writer, with both ends scripted."""

import asyncio
import gc

import pytest
from msgspec.structs import replace

from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME, CALL_REFUSED, CALLERS_UNIDENTIFIED, OPEN_CALLS
from safeconduct.gateway.meter import REFUSALS_PER_MINUTE_MAX
from safeconduct.gateway.moves import CutWhy, End
from safeconduct.gateway.prepared import Prepared
from safeconduct.kernel.errors import UnavailableError, UpstreamError
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.receipts import parse_receipt
from safeconduct.runtime.abandoning import abandon_open_calls
from safeconduct.runtime.governed import Completed, GovernedCalls, NotCompleted
from safeconduct.runtime.one_call import CallRun
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
from support.gateway_world import AGREEMENT, INSTALLATION, PATH, PURPOSE, log_world
from support.patience import PATIENCE_S, until_async
from support.restricting import setting


def play(world, upstream, body=None, *, client=None, meanwhile=None, patience=None, path=PATH, **headers):
    """Runs one call of ana's and returns (client, what `meanwhile(calls, client)` returned)."""

    async def main():
        calls = world.calls(upstream, patience=patience)
        end = client or ScriptedClient()
        arrival = calls.arrival(path, **({"dialect": "openai.chat", "token": world.tokens["ana"]} | headers))
        task = asyncio.create_task(calls.run(arrival, request() if body is None else body, end))
        seen = await meanwhile(calls, end) if meanwhile else None
        await asyncio.wait_for(task, PATIENCE_S)
        assert calls.in_flight() == 0
        return end, seen

    return asyncio.run(main())


def outcomes(world):
    return [CALL_OUTCOME.read(entry) for entry in world.entries() if entry.type == CALL_OUTCOME.name]


def test_a_json_call_leaves_intent_and_outcome_and_both_can_be_opened():
    with log_world() as world:
        upstream = ScriptedUpstream(JSON_HEAD, ANSWER[:9], ANSWER[9:])
        client, _ = play(world, upstream, request(max_tokens=7, text="look at 192.0.2.7 and evil[.]example"))
        intent, outcome = world.entries()
        assert (intent.type, outcome.type) == (CALL_INTENT.name, CALL_OUTCOME.name)
        assert intent.id == client.call
        event = CALL_INTENT.read(intent)
        assert (event.principal, event.path, event.purpose, event.grant) == ("ana", PATH, PURPOSE, "ana-triage")
        assert (event.targets_in_scope, event.targets_out_of_scope, event.determining) == (1, 1, ("grant-covers-call",))
        assert event.output_tokens_max == 7
        assert world.reader.open_field(intent.id, "targets").value == ["192.0.2.7", "evil.example"]
        assert world.reader.open_field(intent.id, "request").value == upstream.exchanges[0].body.decode()
        assert outcomes(world)[0].end is End.COMPLETED
        assert world.reader.open_field(outcome.id, "released").value == client.data.decode() == ANSWER.decode()
        assert leaf_hash(world.reader.evidence(intent.id).leaf) == client.receipt.leaf_hash
        with world.store.snapshot() as records:
            assert list(records.scan(OPEN_CALLS)) == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_is_over_is_freed_at_once_with_the_bytes_of_both_sides(stream):
    with log_world() as world:
        gc.collect()
        gc.disable()  # searches for cycles are rare where calls are served: what waits for one holds bodies meanwhile
        try:
            answered = (STREAM_HEAD, CHUNK, DONE) if stream else (JSON_HEAD, ANSWER)
            client, _ = play(world, ScriptedUpstream(*answered), request(stream=stream))
            client.gone = None  # as a connection does when the answer is over
            world.run(lambda _: None)  # the writer has let go of the batch before
            assert [one for one in gc.get_objects() if isinstance(one, CallRun | Prepared)] == []
        finally:
            gc.enable()


def test_a_stream_ends_with_the_outcome_receipt_as_a_comment():
    with log_world() as world:
        client, _ = play(world, ScriptedUpstream(STREAM_HEAD, CHUNK, CHUNK + DONE), request(stream=True))
        outcome = world.entries()[1]
        assert client.data.startswith(CHUNK + CHUNK + DONE + b": safeconduct-receipt entry=")
        receipt = parse_receipt(client.data.rpartition(b"receipt ")[2].decode().strip())
        assert (receipt.entry_id, receipt.index) == (outcome.id, outcome.index)
        assert client.ended


def test_the_callers_bytes_go_on_untouched_and_a_missing_limit_is_set():
    with log_world() as world:
        odd = b'{ "model":"smollm2-135m","max_tokens":3 ,"messages":[{"role":"user","content":"\\u0068i"}],"x":1e0}'
        upstream = ScriptedUpstream(JSON_HEAD, ANSWER)
        play(world, upstream, odd)
        play(world, upstream, odd.replace(b'"max_tokens":3 ,', b""))
        sent = [exchange.body for exchange in upstream.exchanges]
        assert sent[0] == odd
        assert sent[1].endswith(b'"x":1e0,"max_completion_tokens":1024}')
        assert b"\\u0068i" in sent[1]
        first, second = [CALL_INTENT.read(e) for e in world.entries() if e.type == CALL_INTENT.name]
        assert first.sent_sha256 == first.request_sha256
        assert second.sent_sha256 != second.request_sha256


@pytest.mark.parametrize(
    ("headers", "body", "code", "step", "origin"),
    [
        ({"purpose": "malware-deployment"}, None, "prohibited-use", 6, AGREEMENT),
        ({"purpose": "malware-analysis"}, None, "purpose-mismatch", 6, AGREEMENT),
        ({"grant": "bo-triage"}, None, "grant-unknown", 6, AGREEMENT),
        ({"session": "a b"}, None, "header-invalid", 3, AGREEMENT),
        ({"content_type": "text/plain"}, None, "wrong-content-type", 3, AGREEMENT),
        ({"content_encoding": "gzip"}, None, "content-encoding-not-taken", 3, AGREEMENT),
        ({"path": "elsewhere"}, None, "path-unknown", 2, INSTALLATION),
        ({}, b"\xff", "body-not-utf8", 3, AGREEMENT),
        ({}, request(model="gpt-x"), "model-not-allowed", 6, AGREEMENT),
        ({}, request(max_tokens=1025), "output-tokens-over-limit", 3, AGREEMENT),
        ({}, request(n_predict=1025), "output-tokens-over-limit", 3, AGREEMENT),
        ({}, request(store=True), "store-not-allowed", 3, AGREEMENT),
        ({}, request(tools=[{"type": "function", "function": {"name": "f"}}]), "tools-not-allowed", 3, AGREEMENT),
    ],
)
def test_a_refusal_after_identification_leaves_an_entry_and_asks_no_upstream(headers, body, code, step, origin):
    with log_world() as world:
        upstream = ScriptedUpstream()
        client, _ = play(world, upstream, body, **headers)
        (entry,) = world.entries()
        event = CALL_REFUSED.read(entry)
        assert (event.code, event.step, event.principal, entry.origin) == (code, step, "ana", origin)
        assert (client.failure.code, client.call, entry.id) == (code, entry.id, entry.id)
        assert upstream.exchanges == []


def test_a_frozen_path_refuses_and_names_the_freeze():
    with log_world() as world:
        freeze = world.run(world.freeze_command("principal:ana")).value
        client, _ = play(world, ScriptedUpstream())
        assert (client.failure.code, client.failure.clause) == ("frozen", f"freeze:{freeze.id}")


def test_callers_without_a_token_share_one_entry_a_minute():
    with log_world() as world:
        for _ in range(3):
            client, _ = play(world, ScriptedUpstream(), token="wrong")
            assert (client.failure.code, client.call) == ("token-unknown", "")
        (entry,) = [entry for entry in world.entries() if entry.type == CALLERS_UNIDENTIFIED.name][:1]
        assert CALLERS_UNIDENTIFIED.read(entry).count == 1


def test_no_intent_no_dispatch():
    with log_world() as world:
        world.writer.stop_origin(AGREEMENT, "log-damaged", "a test")
        upstream = ScriptedUpstream(JSON_HEAD, ANSWER)
        client, _ = play(world, upstream)
        assert client.failure.code == "log-damaged"
        assert upstream.exchanges == []
        assert world.entries() == []


def test_a_freeze_cuts_a_running_stream_and_nothing_is_handed_over_after_it():
    with log_world() as world:
        wait = Wait()
        upstream = ScriptedUpstream(STREAM_HEAD, CHUNK, wait, CHUNK, DONE)

        async def freeze(calls, client):
            await wait.reached.wait()
            before = client.data
            committed = await asyncio.wrap_future(world.writer.submit(world.freeze_command("organization:northwind")))
            while not calls.running.reports:
                await asyncio.sleep(0)
            wait.go.set()
            return before, committed.value, calls.running.reports[-1]

        client, (before, freeze, report) = play(world, upstream, request(stream=True), meanwhile=freeze)
        assert (before, client.data, client.aborted) == (CHUNK, CHUNK, True)
        (outcome,) = outcomes(world)
        assert (outcome.end, outcome.why, outcome.clause) == (End.CUT, "freeze", f"freeze:{freeze.id}")
        assert outcome.released_bytes == len(CHUNK)
        assert list(report.cut_at) == [client.call]
        assert 0 <= report.slowest_ms < 250
        assert upstream.exchanges[0].closed


def test_a_revoked_token_cuts_the_calls_that_came_with_it():
    with log_world() as world:
        wait = Wait()

        async def revoke(calls, client):
            await wait.reached.wait()
            await asyncio.wrap_future(world.writer.submit(world.revoke_command("ana")))

        client, _ = play(world, ScriptedUpstream(STREAM_HEAD, CHUNK, wait), request(stream=True), meanwhile=revoke)
        assert client.aborted
        assert [(o.end, o.why, o.clause) for o in outcomes(world)] == [(End.CUT, "revoked", "token-of:ana")]
        client, _ = play(world, ScriptedUpstream())
        assert client.failure.code == "token-unknown"


def test_a_freeze_of_someone_else_cuts_nothing():
    with log_world() as world:
        wait = Wait()

        async def freeze(calls, client):
            await wait.reached.wait()
            await asyncio.wrap_future(world.writer.submit(world.freeze_command("principal:bo")))
            wait.go.set()

        client, _ = play(world, ScriptedUpstream(STREAM_HEAD, wait, DONE), request(stream=True), meanwhile=freeze)
        assert client.ended
        assert outcomes(world)[0].end is End.COMPLETED


def test_a_freeze_reaches_a_client_that_does_not_read():
    with log_world() as world:

        async def main():
            client = ScriptedClient(gate=asyncio.Event())

            async def freeze(calls, client):
                await client.blocked.wait()
                await asyncio.wrap_future(world.writer.submit(world.freeze_command("all")))

            upstream = ScriptedUpstream(STREAM_HEAD, CHUNK, DONE)
            calls = world.calls(upstream)
            arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
            task = asyncio.create_task(calls.run(arrival, request(stream=True), client))
            await freeze(calls, client)
            await asyncio.wait_for(task, PATIENCE_S)
            return client

        client = asyncio.run(main())
        assert (client.data, client.aborted) == (b"", True)
        assert outcomes(world)[0].released_bytes == 0


class TakesNoReceipt(ScriptedClient):
    async def send(self, data, *, last):
        self.gate = asyncio.Event() if data.startswith(b": safeconduct-receipt") else None
        await super().send(data, last=last)


def test_a_client_that_does_not_take_its_receipt_is_let_go_at_the_deadline():
    with log_world() as world:

        async def hasten(calls, client):
            await client.blocked.wait()
            (run,) = calls.running
            run._deadline = calls.loop.time()
            run._check_time()

        upstream = ScriptedUpstream(STREAM_HEAD, CHUNK, DONE)
        client, _ = play(world, upstream, request(stream=True), client=TakesNoReceipt(), meanwhile=hasten)
        assert (client.data, client.aborted) == (CHUNK + DONE, True)
        assert outcomes(world)[0].end is End.COMPLETED


def test_a_freeze_between_decision_and_commit_refuses_the_intent():
    """The freeze is committed in the same batch, ahead of the intent: the log never shows an intent under it."""
    with log_world() as world:
        upstream = ScriptedUpstream(JSON_HEAD, ANSWER)

        async def main():
            calls = world.calls(upstream)
            client = ScriptedClient()
            arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
            prepared = calls.prepare(arrival, request())
            calls.prepare = lambda arrival, body, *_, first=[prepared]: (
                first.pop() if first else type(calls).prepare(calls, arrival, body)
            )
            await asyncio.wrap_future(world.writer.submit(world.freeze_command("all")))
            await calls.run(arrival, request(), client)
            return client

        client = asyncio.run(main())
        assert client.failure.code == "frozen"
        assert [entry.type for entry in world.entries()] == [CALL_REFUSED.name]
        assert client.call == world.entries()[0].id
        assert upstream.exchanges == []


@pytest.mark.parametrize(("frozen", "stopped"), [("principal:ana", True), ("principal:bo", False)])
def test_what_is_remembered_as_allowed_meets_a_freeze_at_its_intent(frozen, stopped):
    """Where this worker hears of the freeze late, its memory says yes: the intent's transaction says no."""
    with log_world() as world:
        upstream = ScriptedUpstream(JSON_HEAD, ANSWER)

        async def main():
            calls = world.calls(upstream)

            async def called():
                client = ScriptedClient()
                arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
                await asyncio.wait_for(calls.run(arrival, request(), client), PATIENCE_S)
                return client

            await called()
            assert len(calls._rulings) == 1
            old = world.board.current
            await asyncio.wrap_future(world.writer.submit(world.freeze_command(frozen)))
            stale = calls.prepare(calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"]), request())
            calls.in_force.standing, newest = (lambda: old), calls.in_force.standing
            remembered = calls.prepare(calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"]), request())
            calls.in_force.standing = newest
            calls.prepare = lambda arrival, body, *_, first=[remembered]: (
                first.pop() if first else type(calls).prepare(calls, arrival, body)
            )
            return type(stale).__name__, type(remembered).__name__, await called()

        now, before, client = asyncio.run(main())
        assert (now, before) == ("Refusal" if stopped else "Prepared", "Prepared")
        assert (client.failure and client.failure.code) == ("frozen" if stopped else None)
        assert len(upstream.exchanges) == (1 if stopped else 2)


@pytest.mark.parametrize("concerned", [False, True])
def test_a_change_that_still_allows_the_call_does_not_refuse_it(concerned):
    """One that can concern it has it decided anew, on the epoch that is in force then."""
    with log_world() as world:
        slow = setting("principal:ana", "slow", slow_ms=100, now=world.clock.now())
        change = slow if concerned else world.freeze_command("principal:bo")

        async def main():
            calls = world.calls(ScriptedUpstream(JSON_HEAD, ANSWER))
            client = ScriptedClient()
            arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
            stale = calls.prepare(arrival, request())
            calls.prepare = lambda arrival, body, *_, first=[stale]: (
                first.pop() if first else type(calls).prepare(calls, arrival, body)
            )
            await asyncio.wrap_future(world.writer.submit(change))
            await calls.run(arrival, request(), client)
            return stale.epoch, client

        epoch, client = asyncio.run(main())
        assert client.data == ANSWER
        assert CALL_INTENT.read(world.entries()[0]).epoch == epoch + concerned


def test_a_client_that_leaves_ends_the_upstream():
    with log_world() as world:
        wait = Wait()
        upstream = ScriptedUpstream(STREAM_HEAD, CHUNK, wait, DONE)

        async def leave(calls, client):
            await wait.reached.wait()
            client.gone()
            client.gone()

        play(world, upstream, request(stream=True), meanwhile=leave)
        (outcome,) = outcomes(world)
        assert (outcome.end, outcome.why, outcome.released_bytes) == (End.CUT, "client-gone", len(CHUNK))
        assert upstream.exchanges[0].closed


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ([], "upstream-timeout"),
        ([JSON_HEAD], "upstream-timeout"),
    ],
)
def test_a_silent_upstream_is_given_up(script, code):
    with log_world() as world:
        upstream = ScriptedUpstream(*script, Wait())
        client, _ = play(world, upstream, patience=Patience(first_byte_s=0.05, idle_s=0.05))
        assert client.failure.code == code
        (outcome,) = outcomes(world)
        assert (outcome.end, outcome.why) == (End.UPSTREAM_FAILED, code)
        assert upstream.exchanges[0].closed


def test_a_silent_stream_is_told_in_the_stream():
    with log_world() as world:
        client, _ = play(
            world,
            ScriptedUpstream(STREAM_HEAD, CHUNK, Wait()),
            request(stream=True),
            patience=Patience(first_byte_s=5, idle_s=0.05),
        )
        assert b'"code":"upstream-timeout"' in client.data
        assert b": safeconduct-receipt " in client.data
        assert outcomes(world)[0].released_bytes == client.data.index(b": safeconduct-receipt")


def test_the_deadline_cuts():
    with log_world() as world:
        upstream = ScriptedUpstream(STREAM_HEAD, CHUNK, Wait())

        async def hasten(calls, client):
            while not client.data:
                await asyncio.sleep(0)
            (run,) = calls.running
            run._deadline = calls.loop.time()
            run._check_time()

        client, _ = play(world, upstream, request(stream=True), meanwhile=hasten)
        assert client.aborted
        assert (outcomes(world)[0].end, outcomes(world)[0].why) == (End.CUT, "deadline")


def test_a_shutdown_cuts_all_and_records_each():
    with log_world() as world:

        async def main():
            calls = world.calls(ScriptedUpstream())
            runs = []
            for wait in (Wait(), Wait(), Wait()):
                calls.upstreams = {"local": ScriptedUpstream(STREAM_HEAD, wait)}
                client = ScriptedClient()
                arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
                runs.append(asyncio.create_task(calls.run(arrival, request(stream=True), client)))
                await wait.reached.wait()
            await calls.shutdown()
            assert all(run.done() for run in runs)
            late = ScriptedClient()
            await calls.run(calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"]), request(), late)
            return late

        late = asyncio.run(main())
        assert late.failure.code == "shutting-down"
        assert [(o.end, o.why) for o in outcomes(world)] == [(End.CUT, "shutdown")] * 3


@pytest.mark.parametrize("ends", [True, False], ids=["ends", "is-cut"])
def test_a_call_may_end_while_a_shutdown_waits_and_none_begins(ends):
    with log_world() as world:

        async def main():
            wait = Wait()
            calls = world.calls(ScriptedUpstream(STREAM_HEAD, CHUNK, wait, DONE))
            arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
            run = asyncio.create_task(calls.run(arrival, request(stream=True), ScriptedClient()))
            await wait.reached.wait()
            ending = asyncio.create_task(calls.shutdown(3600))
            await asyncio.sleep(0)
            late = ScriptedClient()
            await calls.run(calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"]), request(), late)
            assert (late.failure.code, ending.done(), run.done()) == ("shutting-down", False, False)
            wait.go.set() if ends else calls.cut_all(CutWhy.SHUTDOWN)
            await ending
            await run

        asyncio.run(main())
        assert [o.end for o in outcomes(world)] == [End.COMPLETED if ends else End.CUT]


def test_a_cancelled_task_still_records_its_outcome():
    with log_world() as world:

        async def main():
            wait = Wait()
            calls = world.calls(ScriptedUpstream(STREAM_HEAD, wait))
            client = ScriptedClient()
            arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
            task = asyncio.create_task(calls.run(arrival, request(stream=True), client))
            await wait.reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        assert [(o.end, o.why) for o in outcomes(world)] == [(End.CUT, "shutdown")]


@pytest.mark.parametrize("code", ["upstream-unreachable", "upstream-broke"])
def test_an_upstream_that_breaks_before_its_head(code):
    with log_world() as world:
        client, _ = play(world, ScriptedUpstream(UpstreamError("host 10.0.0.1 refused", code=code)))
        assert client.failure.code == code
        assert outcomes(world)[0].why == code


class Failing(ScriptedUpstream):
    """Fails as nothing of ours may: with an error that nobody foresaw."""

    def exchange(self, ask):
        exchange = super().exchange(ask)

        async def head():
            raise RuntimeError("unforeseen")

        exchange.head = head
        return exchange


def test_a_call_that_a_fault_of_ours_ends_is_closed_at_once():
    with log_world() as world:
        with pytest.raises(RuntimeError, match="unforeseen"):
            play(world, Failing(JSON_HEAD, ANSWER))
        assert [(o.end, o.why) for o in outcomes(world)] == [(End.ABANDONED, "fault")]
        play(world, ScriptedUpstream(JSON_HEAD, ANSWER))
        assert [o.end for o in outcomes(world)][1:] == [End.COMPLETED]


def test_calls_of_a_dead_worker_are_closed_as_abandoned_and_a_late_outcome_is_fenced():
    with log_world() as world:
        wait = Wait()
        upstream = ScriptedUpstream(JSON_HEAD, wait, ANSWER)

        async def take_over(calls, client):
            await wait.reached.wait()
            closed = await asyncio.wrap_future(world.writer.submit(lambda tx: abandon_open_calls(tx, "worker-2")))
            wait.go.set()
            return closed.value

        client, closed = play(world, upstream, meanwhile=take_over)
        assert closed == 1
        assert [outcome.end for outcome in outcomes(world)] == [End.ABANDONED]
        assert client.data == ANSWER
        again = world.run(lambda tx: abandon_open_calls(tx, "worker-2"))
        assert again.value == 0


def test_a_feature_of_this_process_goes_through_the_same_steps():
    with log_world() as world:

        async def main():
            calls = world.calls(ScriptedUpstream(JSON_HEAD, ANSWER))
            entry = GovernedCalls(calls)
            good = await entry.complete("triage-service", PATH, PURPOSE, request())
            bad = await entry.complete("triage-service", PATH, "other", request())
            unknown = await entry.complete("nobody", PATH, PURPOSE, request())
            named = await entry.complete("triage-service", PATH, PURPOSE, request(), session="inc-1")
            return good, bad, unknown, named

        good, bad, unknown, named = asyncio.run(main())
        assert isinstance(good, Completed)
        assert good.body == ANSWER
        assert (world.reader.entry(good.call).index, good.outcome.index) == (good.intent.index, good.intent.index + 1)
        assert isinstance(bad, NotCompleted)
        assert (bad.error.code, unknown.error.code) == ("purpose-mismatch", "principal-unknown")
        assert world.reader.open_field(named.call, "session").value == "inc-1"


def test_an_outcome_that_the_log_takes_later_is_offered_again():
    with log_world() as world:
        failures = [UnavailableError("disk full", code="store-failed")] * 2

        async def main():
            calls = world.calls(ScriptedUpstream(JSON_HEAD, ANSWER))
            commits, seen = calls.commits, []

            async def failing(command, *, own):
                seen.append(command)
                if len(seen) > 1 and failures:
                    raise failures.pop()
                return await commits(command, own=own)

            calls.commits = failing
            await calls.run(
                calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"]), request(), ScriptedClient()
            )
            return len(seen)

        assert asyncio.run(main()) == 4
        assert [outcome.end for outcome in outcomes(world)] == [End.COMPLETED]


def test_who_waits_for_a_call_that_ends_before_the_waiting_begins_waits_for_nothing():
    with log_world() as world:
        wait = Wait()

        async def wait_for_it(calls, client):
            await wait.reached.wait()
            (run,) = calls.running
            waiting = run.ended()
            wait.go.set()
            await until_async(lambda: not calls.in_flight(), says="the end of the call")
            await asyncio.wait_for(waiting, PATIENCE_S)
            return True

        _, waited = play(world, ScriptedUpstream(JSON_HEAD, wait, ANSWER), meanwhile=wait_for_it)
        assert waited is True


def test_every_cut_reason_reaches_the_entry():
    for why in CutWhy:
        with log_world() as world:
            wait = Wait()

            async def cut(calls, client, wait=wait, why=why):
                await wait.reached.wait()
                (run,) = calls.running
                assert run.cut(why, "clause") is True
                run.cut(why, "other")

            play(world, ScriptedUpstream(JSON_HEAD, wait, ANSWER), meanwhile=cut)
            assert [(o.end, o.why, o.clause) for o in outcomes(world)] == [(End.CUT, why.value, "clause")]


def test_refusals_beyond_the_rate_leave_no_entry_and_have_no_call():
    with log_world() as world:

        async def main():
            calls = world.calls(ScriptedUpstream())
            clients = []
            for _ in range(REFUSALS_PER_MINUTE_MAX + 1):
                clients.append(ScriptedClient())
                await calls.run(calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"]), b"", clients[-1])
            return clients

        clients = asyncio.run(main())
        assert {client.failure.code for client in clients} == {"body-not-json"}
        assert [client.call == "" for client in clients] == [False] * REFUSALS_PER_MINUTE_MAX + [True]
        assert len(world.entries()) == REFUSALS_PER_MINUTE_MAX


@pytest.mark.parametrize("token", ["ana", None])
def test_a_refusal_is_one_also_when_the_log_takes_no_entries(token):
    with log_world() as world:
        for origin in (AGREEMENT, INSTALLATION):
            world.writer.stop_origin(origin, "log-damaged", "a test")
        client, _ = play(world, ScriptedUpstream(), b"", token=world.tokens[token] if token else "unknown")
        assert (client.failure.code, client.call) == ("body-not-json" if token else "token-unknown", "")


def test_a_standing_that_never_rests_refuses_in_the_end():
    with log_world() as world:

        async def main():
            calls = world.calls(ScriptedUpstream(JSON_HEAD, ANSWER))
            stale = calls.prepare(calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"]), request())
            calls.prepare = lambda *_: replace(stale, epoch=-1)
            client = ScriptedClient()
            await calls.run(stale.arrival, request(), client)
            return client

        assert asyncio.run(main()).failure.code == "standing-changed"
        assert world.entries() == []


def test_a_cut_call_of_this_process_is_not_completed():
    with log_world() as world:

        async def main():
            wait = Wait()
            calls = world.calls(ScriptedUpstream(STREAM_HEAD, CHUNK, wait))
            asked = asyncio.create_task(GovernedCalls(calls).complete("ana", PATH, PURPOSE, request(stream=True)))
            await wait.reached.wait()
            world.writer.submit(world.freeze_command("all"))
            return await asyncio.wait_for(asked, PATIENCE_S)

        ended = asyncio.run(main())
        assert isinstance(ended, NotCompleted)
        assert (ended.error.code, ended.call) == ("call-cut", outcomes(world)[0].call)
