"""Budgets over several workers of one store: calls in parallel, crashes, failing commits. Printed with -s."""

import asyncio
import json
import sys

import pytest

from safeconduct.gateway.budgets.model import Account, Cost, Unit, Usage
from safeconduct.gateway.budgets.purse import slice_of
from safeconduct.gateway.budgets.records import BUDGETS
from safeconduct.gateway.budgets.service import settle_gone
from safeconduct.gateway.budgets.sums import Used, used_in_log, used_in_records
from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME, CALL_REFUSED
from safeconduct.gateway.moves import End
from safeconduct.kernel.errors import LimitedError, UnavailableError, UpstreamError
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.runtime.abandoning import abandon_open_calls
from safeconduct.runtime.commits import LoopCommits
from safeconduct.runtime.leases import Leases
from support.call_ends import CHUNK, DONE, JSON_HEAD, STREAM_HEAD, ScriptedClient, ScriptedUpstream, Wait, request
from support.gateway_world import AGREEMENT, PATH, log_world
from support.programs import demo_program

LIMIT = 1000
ACCOUNT = f"path:{PATH}/tokens/2026-11-21"
BODY = request(max_tokens=20)
WORST = len(BODY) + 20


def budgeted(budget="{tokens: 1000, per: day}", more=""):
    """Returns the demo's program with a budget on its path."""
    return demo_program().replace(b"    limits: {", f"    budget: {budget}\n    limits: {{{more}".encode(), 1)


def answer(prompt=12, completion=4):
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": usage}).encode()


def settle_all(world):
    world.run(lambda tx: abandon_open_calls(tx, "nobody"))
    world.run(lambda tx: settle_gone(tx, lambda _: True, "nobody"))


def used(world):
    """Returns what was used by the log; the records say the same."""
    found = used_in_log(world.entries())
    with world.store.snapshot() as records:
        assert used_in_records(records) == found
    return found.get(ACCOUNT, Used())


def call(calls, body=BODY, client=None):
    client = client or ScriptedClient()
    return client, calls.run(calls.arrival(PATH, dialect="openai.chat", principal="ana"), body, client)


def test_a_thousand_tokens_under_64_calls_on_4_workers():
    with log_world(program=budgeted()) as world:
        upstream = ScriptedUpstream(JSON_HEAD, answer())

        async def main():
            workers = [world.calls(upstream, worker=f"worker-{one}") for one in range(4)]
            runs = [call(workers[one % 4]) for one in range(64)]
            await asyncio.gather(*(run for _, run in runs))
            for worker in workers:
                await worker.leases.close()
            return [client for client, _ in runs]

        clients = asyncio.run(main())
        codes = [client.failure.code for client in clients if client.failure]
        passed = [client for client in clients if client.failure is None]
        total = used(world)
        assert set(codes) <= {"budget-exhausted"}
        assert len(passed) == len(upstream.exchanges)
        assert total == Used(settled=16 * len(passed), reserved=0)
        most = highest(world)
        assert LIMIT - WORST - 4 * slice_of(LIMIT) < most <= LIMIT
        with world.store.snapshot() as records:
            record = records.get(BUDGETS, ACCOUNT)
        assert (record.settled, record.held) == (total.settled, {})
        shown = f"{len(passed)} of 64 calls passed, each of at most {WORST} tokens; used and reserved at most {most} of"
        end = f"{LIMIT} at any entry; in the end {total.settled} used by the log, {record.settled} by the records"
        sys.stdout.write(f"\n{shown}\n{end}\n")


def highest(world):
    """Returns the most that was settled and reserved together at any entry of the log."""
    entries = world.entries()
    sums = [used_in_log(entries[: n + 1]).get(ACCOUNT, Used()) for n in range(len(entries))]
    return max(one.settled + one.reserved for one in sums)


def test_calls_one_after_another_use_all_but_less_than_one_call_and_the_slices():
    with log_world(program=budgeted()) as world:
        upstream = ScriptedUpstream(JSON_HEAD, answer())

        async def main():
            workers = [world.calls(upstream, worker=f"worker-{one}") for one in range(4)]
            for one in range(200):
                client, run = call(workers[one % 4])
                await run
                await returned(workers[one % 4].leases)
                if client.failure:
                    return client.failure, workers
            return None, workers

        failure, _ = asyncio.run(main())
        assert failure.code == "budget-exhausted"
        unused = LIMIT - used(world).settled
        assert unused < WORST + 4 * slice_of(LIMIT)
        assert failure.clause == f"path:{PATH}/budget"
        assert "of 1000 tokens left" in failure.message
        assert failure.remedy.endswith("wait until 2026-11-22T00:00:00.000000Z, when it begins anew")
        assert failure.retry_after_s == 16 * 3600
        refused = CALL_REFUSED.read(world.entries()[-1])
        assert (refused.code, refused.step, refused.clause) == ("budget-exhausted", 8, f"path:{PATH}/budget")


@pytest.mark.parametrize(("used_by_first", "passes"), [(400, True), (401, False)])
def test_a_call_fits_once_another_ended_while_its_lease_was_committed(used_by_first, passes):
    account = Account(
        id=ACCOUNT,
        owner=f"path:{PATH}",
        unit=Unit.TOKENS,
        limit=LIMIT,
        opens_at=Instant(0),
        closes_at=Instant(seconds(3600)),
    )
    spent = Cost(accounts=(account,), worst=Usage(600, 0), prices=None, reserved={ACCOUNT: 600})
    with log_world(program=budgeted()) as world:

        async def main():
            commits = LoopCommits(world.writer).commit

            async def commit(command, *, own=False):
                done = await commits(command, own=own)
                if leases.purse.free(ACCOUNT) > 0 and not ended:
                    ended.append(leases.settle(spent, {ACCOUNT: used_by_first}))
                return done

            ended, leases = [], Leases(commit, worker="worker-1", clock=world.clock)
            await leases.reserve(spent, AGREEMENT)
            await leases.reserve(spent, AGREEMENT)
            assert ended

        if passes:
            return asyncio.run(main())
        with pytest.raises(LimitedError, match="599 of 1000 tokens left"):
            asyncio.run(main())
    return None


async def returned(leases):
    """Waits until what calls left over has gone back."""
    while any(leases.purse.over()) or leases._tasks:
        await asyncio.sleep(0.001)


def one_call(world, script, body=BODY, **given):
    async def main():
        calls = world.calls(ScriptedUpstream(*script), **given)
        client, run = call(calls, body)
        task = asyncio.create_task(run)
        for step in script:
            if isinstance(step, Wait):
                await step.reached.wait()
                client.gone()
        await task
        await calls.leases.close()
        return client

    return asyncio.run(main())


LOST = UpstreamError("lost", code="upstream-broke")
NOWHERE = UpstreamError("nowhere", code="upstream-unreachable")
BUSY = JSON_HEAD.__class__(429, "application/json")
STREAM = request(stream=True, max_tokens=20)


@pytest.mark.parametrize(
    ("script", "body", "settled", "basis"),
    [
        ((JSON_HEAD, answer(12, 4)), BODY, 16, "reported"),
        ((JSON_HEAD, answer(12, None)), BODY, 12 + 20, "worst-case"),
        ((JSON_HEAD, answer(None, 4)), BODY, len(BODY) + 4, "worst-case"),
        ((JSON_HEAD, answer(500, 4)), BODY, 504, "reported"),  # more than was reserved: charged all the same
        ((STREAM_HEAD, CHUNK + DONE), STREAM, None, "worst-case"),  # no usage in the stream
        ((STREAM_HEAD, CHUNK, Wait()), STREAM, None, "worst-case"),  # the client leaves
        ((JSON_HEAD, LOST), BODY, WORST, "worst-case"),
        ((LOST,), BODY, WORST, "worst-case"),
        ((NOWHERE,), BODY, 0, "nothing"),
        ((BUSY, b"{}"), BODY, 0, "nothing"),
    ],
)
def test_what_a_call_is_charged(script, body, settled, basis):
    script = tuple(Wait() if isinstance(step, Wait) else step for step in script)
    with log_world(program=budgeted()) as world:
        one_call(world, script, body)
        intent, outcome = (CALL_INTENT, CALL_OUTCOME)
        entries = {entry.type: entry for entry in world.entries()}
        most = intent.read(entries[intent.name]).reserved[ACCOUNT]
        assert most == len(body) + 20 if body is BODY else most > len(body) + 20  # a stream is asked for its usage
        settled = most if settled is None else settled
        ended = outcome.read(entries[outcome.name])
        assert (ended.settled, ended.usage) == ({ACCOUNT: settled}, basis)
        assert used(world) == Used(settled=settled, reserved=0)


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("which", range(1, 5))
def test_commits_that_fail_or_fail_and_were_applied_lose_no_token_and_promise_none_twice(which, applied):
    with log_world(program=budgeted()) as world:
        commit, count = world.store.commit, []

        def failing(batch):
            count.append(1)
            if len(count) != which:
                return commit(batch)
            if applied:
                commit(batch)
            raise UnavailableError("the disk said no", code="store-failed")

        world.store.commit = failing
        one_call(world, (JSON_HEAD, answer()))
        world.store.commit = commit
        world.restart()
        settle_all(world)
        total = used(world)
        assert total.settled in (0, 16, WORST)
        with world.store.snapshot() as records:
            record = records.get(BUDGETS, ACCOUNT)
        if record:
            assert (record.settled, record.held, record.left(LIMIT)) == (total.settled, {}, LIMIT - total.settled)


def dies_at(calls, step):
    """From this step on nothing of the process reaches the log: before and after each commit is one."""
    commits, count = calls.commits, [0]

    def step_on():
        count[0] += 1
        if count[0] >= step:
            raise UnavailableError("the process is gone")

    async def dying(command, **order):
        step_on()
        committed = await commits(command, **order)
        step_on()
        return committed

    calls.commits = calls.leases._commits = dying
    return count


def test_a_death_before_or_after_any_commit_loses_no_token_and_promises_none_twice():
    charges, step, steps = set(), 0, 1
    while step <= steps:
        step += 1
        with log_world(program=budgeted()) as world:

            async def main(world=world, step=step):
                calls = world.calls(ScriptedUpstream(JSON_HEAD, answer()))
                count = dies_at(calls, step)
                for _ in range(2):
                    await call(calls)[1]
                await calls.leases.close()
                return count[0]

            steps = asyncio.run(main())
            world.restart()
            world.run(lambda tx: abandon_open_calls(tx, "worker-2"))
            total = used(world)
            with world.store.snapshot() as records:
                record = records.get(BUDGETS, ACCOUNT)
            if record:
                assert (record.settled, record.held, record.left(LIMIT)) == (total.settled, {}, LIMIT - total.settled)
            charges.add(total.settled)
    assert step > 10
    assert charges == {0, WORST, 16, 16 + WORST, 32}


def test_a_dead_worker_s_calls_count_at_the_worst_case_and_the_rest_of_its_lease_comes_back():
    with log_world(program=budgeted()) as world:

        async def main():
            wait = Wait()
            calls = world.calls(ScriptedUpstream(JSON_HEAD, wait))
            _client, run = call(calls)
            task = asyncio.create_task(run)
            await wait.reached.wait()
            calls.commits = calls.leases._commits = None  # the process is gone
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(main())
        world.restart()
        assert used(world) == Used(settled=0, reserved=WORST)
        world.run(lambda tx: abandon_open_calls(tx, "worker-2"))
        assert used(world) == Used(settled=WORST, reserved=0)
        (ended,) = [CALL_OUTCOME.read(e) for e in world.entries() if e.type == CALL_OUTCOME.name]
        assert (ended.end, ended.settled, ended.usage) == (End.ABANDONED, {ACCOUNT: WORST}, "worst-case")
        with world.store.snapshot() as records:
            assert records.get(BUDGETS, ACCOUNT).held == {}


def test_another_day_is_another_budget_and_a_clock_that_goes_back_finds_the_old_one():
    with log_world(program=budgeted(f"{{tokens: {WORST}, per: day}}")) as world:
        assert one_call(world, (JSON_HEAD, answer())).failure is None
        assert one_call(world, (JSON_HEAD, answer())).failure.code == "budget-exhausted"
        today = world.clock.at
        edge = today + seconds(16 * 3600)
        spent = "budget-exhausted"
        for at, code in ((edge - 1, spent), (edge, None), (edge + 1, spent), (today, spent)):
            world.clock.at = Instant(at)
            failure = one_call(world, (JSON_HEAD, answer())).failure
            assert (failure and failure.code) == code


def test_money_without_a_price_is_refused_and_media_are_never_guessed():
    with log_world(program=budgeted("{usd: 1.50, per: month}")) as world:
        client = one_call(world, (JSON_HEAD, answer()))
        assert (client.failure.code, client.failure.clause) == ("price-unknown", f"path:{PATH}/budget")
        assert CALL_REFUSED.read(world.entries()[-1]).step == 8


@pytest.mark.parametrize(
    ("limit", "code"), [("calls_per_minute", "rate-exceeded"), ("concurrent", "concurrency-exceeded")]
)
def test_calls_over_the_pace_are_told_when_to_come_again(limit, code):
    with log_world(program=budgeted("{tokens: 100000, per: day}", f"{limit}: 2, ")) as world:

        async def main():
            wait = Wait()
            calls = world.calls(ScriptedUpstream(JSON_HEAD, wait, answer()))
            runs = [call(calls) for _ in range(3)]
            tasks = [asyncio.create_task(run) for _, run in runs]
            await tasks[2]
            wait.go.set()
            await asyncio.gather(*tasks)
            again, run = call(calls)
            wait.go.set()
            await run
            return [client.failure for client, _ in runs], again.failure

        failures, again = asyncio.run(main())
        assert [failure and failure.code for failure in failures] == [None, None, code]
        assert failures[2].retry_after_s >= 1
        assert (again is None) == (limit == "concurrent")


def test_a_call_that_is_given_up_as_its_lease_comes_holds_nothing():
    with log_world(program=budgeted()) as world:

        async def main():
            calls = world.calls(ScriptedUpstream())
            prepared = calls.prepare(calls.arrival(PATH, dialect="openai.chat", principal="ana"), BODY)
            task = asyncio.create_task(calls.leases.reserve(prepared.cost, prepared.path.origin))
            served = calls.leases._end

            def serve_and_give_up(batch, why):
                served(batch, why)
                task.cancel()

            calls.leases._end = serve_and_give_up
            with pytest.raises(asyncio.CancelledError):
                await task
            assert calls.leases.purse.quiet(ACCOUNT)
            await calls.leases.close()

        asyncio.run(main())
        with world.store.snapshot() as records:
            assert records.get(BUDGETS, ACCOUNT).held == {}


def test_a_lease_that_fails_unforeseen_leaves_nobody_waiting():
    with log_world(program=budgeted()) as world:

        async def main():
            asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)  # it is told of the bug
            calls = world.calls(ScriptedUpstream())
            prepared = calls.prepare(calls.arrival(PATH, dialect="openai.chat", principal="ana"), BODY)
            lease, calls.leases._lease = calls.leases._lease, broken
            reserve = calls.leases.reserve
            both = await asyncio.gather(
                *(reserve(prepared.cost, prepared.path.origin) for _ in range(2)), return_exceptions=True
            )
            calls.leases._lease = lease
            await reserve(prepared.cost, prepared.path.origin)
            calls.leases.settle(prepared.cost, dict.fromkeys(prepared.cost.reserved, 0))
            await calls.leases.close()
            return [error.code for error in both]

        async def broken(_batch):
            raise RuntimeError("a bug")

        assert asyncio.run(main()) == ["lease-failed", "lease-failed"]
