"""A call that runs is cut when what it rests on ends: by time alone, or by a change of who may do what."""

import asyncio
from dataclasses import replace as changed

import pytest

from safeconduct.access.grant_conditions import next_close
from safeconduct.access.model.grants import Hours
from safeconduct.gateway.events import CALL_OUTCOME
from safeconduct.gateway.lasting import judged_by, lasts_until, refused_now
from safeconduct.gateway.moves import End
from safeconduct.kernel.instants import parse_rfc3339, seconds
from safeconduct.policy import decide
from safeconduct.runtime.freeze import fallen
from support.call_ends import CHUNK, DONE, STREAM_HEAD, ScriptedClient, ScriptedUpstream, Wait, request
from support.gateway_world import PATH, log_world
from support.patience import PATIENCE_S
from support.programs import demo_program


def stream(world, meanwhile, decide=None):
    """Runs a stream that waits after its first chunk for what is done meanwhile; returns how it ended."""

    async def main():
        wait, client = Wait(), ScriptedClient()
        calls = world.calls(ScriptedUpstream(STREAM_HEAD, CHUNK, wait, DONE), decide=decide)
        arrival = calls.arrival(PATH, dialect="openai.chat", principal="ana")
        async with asyncio.timeout(PATIENCE_S):
            running = asyncio.create_task(calls.run(arrival, request(stream=True), client))
            await wait.reached.wait()
            await meanwhile(wait)
            await running

    asyncio.run(main())
    (outcome,) = [CALL_OUTCOME.read(one) for one in world.entries() if one.type == CALL_OUTCOME.name]
    return outcome.end, outcome.why, outcome.clause


def closing(day):
    """Returns the demo's program with grants that close on a day."""
    before, section, grants = demo_program().decode().partition("\ngrants:")
    return (before + section + grants.replace("2027-12-31", day)).encode()


@pytest.mark.parametrize(
    ("day", "past", "clause"),
    [
        ("2027-06-30", -1, ""),
        ("2027-06-30", 0, "grant:ana-triage/window"),
        ("2027-12-31", 0, "agreement:ag-2026-01/valid"),
    ],
)
def test_a_running_call_is_cut_when_the_window_of_its_grant_or_the_agreement_ends(day, past, clause):
    ends = parse_rfc3339(f"{day}T00:00:00Z")
    with log_world(program=closing(day)) as world:
        world.clock.at = ends - seconds(0.05)

        async def later(wait):
            world.clock.at = ends + past
            if not clause:
                wait.go.set()

        found = stream(world, later)
    assert found == ((End.CUT, "revoked", clause) if clause else (End.COMPLETED, "", ""))


POLICY = 'forbid (principal == Principal::"WHO", action, resource);'


@pytest.mark.parametrize(("whose", "role", "times"), [(b"bo", b"analyst", 1), (b"ana", b"responder", 2)])
def test_a_running_call_is_decided_again_only_when_something_that_it_rests_on_changes(whose, role, times):
    before = next(line for line in demo_program().splitlines() if line.startswith(b"  %b: {" % whose))
    after = before.replace(b"roles: [", b"roles: [%b, " % role)
    decided = []

    def counted(*asked):
        decided.append(asked)
        return decide(*asked)

    with log_world() as world:

        async def later(wait):
            await asyncio.to_thread(world.apply, demo_program().replace(before, after))
            await asyncio.sleep(0)  # the loop has been told
            wait.go.set()

        assert stream(world, later, counted)[0] is End.COMPLETED
    assert len(decided) == times


@pytest.mark.parametrize(("who", "ends"), [("ana", True), ("triage-service", False)])
def test_a_running_call_is_cut_when_policies_come_that_would_refuse_it(who, ends):
    forbids = b'policies: |\n  @id("no-more")\n  ' + POLICY.replace("WHO", who).encode() + b"\n"
    with log_world() as world:

        async def later(wait):
            await asyncio.to_thread(world.apply, demo_program().replace(b"policies: |\n", forbids))
            if not ends:
                wait.go.set()

        found = stream(world, later)
    assert found == ((End.CUT, "revoked", "policy:no-more") if ends else (End.COMPLETED, "", ""))


def test_another_grant_or_a_probe_that_is_still_owed_cuts_nothing_that_runs(prepared, standing):
    other = changed(standing.granted["ana-triage"], id="later")
    more = changed(standing, grants=standing.grants.patched({("ana", PATH): (*standing.grants["ana", PATH], other)}))
    assert judged_by(more, prepared) != judged_by(standing, prepared)
    assert refused_now(more, prepared, prepared.arrival.at, decide) == ""
    assert fallen(more, prepared.facts) is None


@pytest.fixture(scope="module")
def world():
    with log_world() as made:
        yield made


@pytest.fixture
def standing(world):
    return world.board.current


@pytest.fixture
def prepared(world):
    async def main():
        calls = world.calls(ScriptedUpstream())
        return calls.prepare(calls.arrival(PATH, dialect="openai.chat", principal="ana"), request())

    return asyncio.run(main())


def test_what_a_call_is_judged_by_is_the_same_until_something_of_it_changes(prepared, standing):
    before = judged_by(standing, prepared)
    assert judged_by(standing, prepared) == before
    agreement = standing.agreements[prepared.path.agreement]
    for other in (
        changed(standing, agreements={agreement.id: changed(agreement, terminates_at=prepared.arrival.at + 1)}),
        changed(standing, paths=standing.paths.patched({PATH: changed(prepared.path, version=9)})),
        changed(standing, principals=standing.principals.patched({"ana": changed(prepared.principal, tier=1)})),
        changed(standing, proven={prepared.path.scope: ()}),
    ):
        assert judged_by(other, prepared) != before
    assert judged_by(changed(standing, epoch=standing.epoch + 1), prepared) == before


def test_the_next_end_is_the_earliest_of_what_a_call_rests_on(prepared, standing):
    now = prepared.arrival.at
    assert lasts_until(standing, prepared, now) == prepared.grant.window.closes_at
    agreement = standing.agreements[prepared.path.agreement]
    sooner = changed(standing, agreements={agreement.id: changed(agreement, terminates_at=now + seconds(60))})
    assert lasts_until(sooner, prepared, now) == now + seconds(60)
    assert lasts_until(sooner, prepared, now + seconds(60)) == prepared.grant.window.closes_at
    assert refused_now(sooner, prepared, now + seconds(60) - 1, decide) == ""
    assert refused_now(sooner, prepared, now + seconds(60), decide) == "agreement:ag-2026-01/valid"


@pytest.mark.parametrize(
    ("opens", "closes", "now", "at"),
    [
        ("08:00", "18:00", "2026-06-01T09:00:00Z", "2026-06-01T18:00:00Z"),
        ("08:00", "18:00", "2026-06-01T18:00:00Z", "2026-06-02T18:00:00Z"),
        ("22:00", "06:00", "2026-06-01T23:00:00Z", "2026-06-02T06:00:00Z"),
        ("22:00", "06:00", "2026-06-02T05:59:59Z", "2026-06-02T06:00:00Z"),
    ],
)
def test_hours_close_next(opens, closes, now, at):
    hours = Hours(opens=_minutes(opens), closes=_minutes(closes))
    assert next_close(hours, parse_rfc3339(now)) == parse_rfc3339(at)


def _minutes(text):
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)
