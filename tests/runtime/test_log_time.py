"""Clock tricks: what has expired by an entry's time stays expired however the machine's clock is set."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access.acts import ACT_AGE_MAX
from safeconduct.cli.findings import State, about_clock
from safeconduct.gateway.events import CALL_INTENT, CALL_REFUSED
from safeconduct.kernel.instants import parse_rfc3339, seconds
from safeconduct.runtime.clock_behind import CLOCKS_APART_MAX, told_behind
from safeconduct.runtime.intending import DECIDED_MAX
from safeconduct.runtime.log_time import LogTime
from support.call_ends import ANSWER, JSON_HEAD, ScriptedClient, ScriptedUpstream, request
from support.gateway_world import AGREEMENT, PATH, log_world
from support.immediate import START
from support.logs import Clock, Rig, add
from support.patience import PATIENCE_S
from support.programs import demo_program
from support.workers import began, close, decide, open_worker

DAY = seconds(86_400)
CLOSES = parse_rfc3339("2027-06-30T00:00:00Z")


@given(st.lists(st.tuples(st.sampled_from(["set", "pass", "go-past"]), st.integers(0, 10**9)), max_size=30))
def test_time_never_goes_back_behind_what_was_passed_by_and_is_the_machine_s_once_that_is_ahead(steps):
    clock = Clock(0)
    time, passed = LogTime(clock), 0
    for what, at in steps:
        if what == "set":
            clock.time = at
        elif what == "pass":
            time.pass_by(at)
            passed = max(passed, at)
        else:
            time.go_past(at)
            assert time.now() // 1000 > at // 1000
            passed = max(passed, (at // 1000 + 1) * 1000)
        assert time.now() == max(clock.time, passed)


@given(st.lists(st.integers(-3 * DAY, 3 * DAY), min_size=1, max_size=8))
def test_entries_follow_each_other_whatever_the_clock_shows(instants):
    with Rig() as rig:
        for number, apart in enumerate(instants):
            rig.clock.time = START + apart
            rig.writer.submit(add(f"k{number}")).result(PATIENCE_S)
            assert rig.writer.time.now() == START + max(0, *instants[: number + 1])


@pytest.mark.parametrize("ahead", [0, 1, DAY])
def test_a_start_knows_the_last_entry_s_time(tmp_path, ahead):
    with Rig(tmp_path) as rig:
        rig.clock.time = START + ahead
        rig.writer.submit(add("last")).result(PATIENCE_S)
    with Rig(tmp_path) as rig:
        rig.clock.time = START - DAY
        assert rig.writer.time.now() == START + ahead
        rig.clock.time = START + 2 * DAY
        assert rig.writer.time.now() == START + 2 * DAY


def test_a_worker_knows_the_last_decision_s_time_from_its_start_and_with_each_commit(database):
    one = open_worker(database, "one", clock=Clock(START + DAY))
    two = open_worker(database, "two", clock=Clock(START))
    try:
        assert two.time.now() > START + DAY
        one._runner._ids._clock.time = START + 2 * DAY
        one.submit(decide("one")).result(PATIENCE_S)
        two.submit(began("call"), own=True).result(PATIENCE_S)
        assert two.time.now() > START + 2 * DAY
    finally:
        close(one)
        close(two)


def closing():
    before, section, grants = demo_program().decode().partition("\ngrants:")
    return (before + section + grants.replace("2027-12-31", "2027-06-30")).encode()


def call(world, meanwhile=lambda: None, **shown):
    """Returns what one call of ana's leaves in the log, where `meanwhile` comes between its decision and its intent."""

    async def main():
        calls, client = world.calls(ScriptedUpstream(JSON_HEAD, ANSWER)), ScriptedClient()
        arrival, commits = calls.arrival(PATH, dialect="openai.chat", **shown), calls.commits

        async def late(*command, **how):
            meanwhile()
            return await commits(*command, **how)

        calls.commits = late
        async with asyncio.timeout(PATIENCE_S):
            await calls.run(arrival, request(), client)

    before = len(of_calls(world))
    asyncio.run(main())
    return of_calls(world)[before:]


def of_calls(world):
    """Returns what the agreement's log says of calls: codes of refusals, else types."""
    found = [entry for entry in world.entries() if entry.origin == AGREEMENT]
    return [CALL_REFUSED.read(one).code if one.type == CALL_REFUSED.name else one.type for one in found]


@pytest.mark.parametrize("restart", [False, True])
def test_a_clock_set_back_reopens_neither_grant_nor_token(restart):
    with log_world(program=closing()) as world:
        token = {"token": world.tokens["ana"]}
        world.clock.at = CLOSES - 1
        assert call(world, principal="ana")[0] == CALL_INTENT.name
        world.clock.at = CLOSES
        assert call(world, principal="ana") == ["window-closed"]
        world.clock.at = START
        if restart:
            world.restart()
        assert call(world, principal="ana") == ["window-closed"]
        assert call(world, **token) == []  # who shows an expired token is nobody known


def test_what_another_process_s_clock_let_through_is_decided_again_by_its_transaction():
    with log_world(program=closing()) as world:
        world.clock.at = CLOSES - seconds(1)
        assert call(world, lambda: world.writer.time.pass_by(CLOSES), principal="ana")[0] == CALL_INTENT.name
    with log_world(program=closing()) as world:
        world.clock.at = CLOSES - seconds(1) - DECIDED_MAX
        assert call(world, lambda: world.writer.time.pass_by(CLOSES), principal="ana") == ["window-closed"]


@pytest.mark.parametrize(
    ("apart", "state"),
    [
        (0, State.OK),
        (CLOCKS_APART_MAX, State.OK),
        (-CLOCKS_APART_MAX, State.OK),
        (CLOCKS_APART_MAX + 1, State.WARN),
        (-CLOCKS_APART_MAX - 1, State.WARN),
    ],
)
def test_doctor_tells_of_a_clock_that_is_behind_the_log_or_ahead_of_the_server(apart, state):
    found = about_clock(START + apart, START)
    assert found.state is state
    assert bool(found.remedy) is (state is State.WARN)


@pytest.mark.parametrize(("ahead", "acts"), [(ACT_AGE_MAX, "still taken"), (ACT_AGE_MAX + 1, "refused as act-stale")])
def test_what_is_told_of_a_clock_that_is_behind_says_whether_acts_are_still_taken(ahead, acts):
    told = told_behind(START + ahead, START)
    assert "0:05:00 behind the log's last entry" in told
    assert acts in told


@pytest.mark.parametrize(("ahead", "told"), [(CLOCKS_APART_MAX, False), (CLOCKS_APART_MAX + 1, True)])
def test_a_log_tells_that_the_machine_s_clock_is_behind_until_it_is_there_again(ahead, told):
    clock = Clock(START)
    time = LogTime(clock)
    time.pass_by(START + ahead)
    assert bool(time.behind()) is told
    clock.time = START + ahead
    assert time.behind() == ""
