"""A worker beside others refuses nobody on a standing that is older than their request, and asks for no reading."""

import asyncio
import queue
from dataclasses import replace

import pytest
from joserfc.jwk import OKPKey

from safeconduct.gateway.arriving import Admitted
from safeconduct.gateway.events import CALL_INTENT, CALL_REFUSED, CALLERS_UNIDENTIFIED
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.maps import PersistentMap
from safeconduct.runtime.confirming import RELEASE_S, Confirmation, StandingWatch
from safeconduct.runtime.freeze import StandingBoard
from safeconduct.runtime.in_force import InForce
from support.call_ends import ANSWER, JSON_HEAD, ScriptedClient, ScriptedUpstream, request
from support.credentials import proof
from support.gateway_world import PATH, log_world
from support.patience import PATIENCE_S
from support.restricting import lifting, setting
from support.wire import ask as ask_wire
from support.wire import post, wire


class Hand:
    """A clock that is set by hand."""

    def __init__(self):
        self.at = 100.0

    def __call__(self):
        return self.at


class Told(Confirmation):
    """One whose readings a test makes; `asked` tells that somebody waits for one."""

    def __init__(self):
        self.clock = Hand()
        super().__init__(clock=self.clock)
        self.asked = asyncio.Event()
        self.confirm(self.clock.at)
        self.clock.at += 0.1

    async def newer(self, enough=lambda: False):
        self.asked.set()
        await super().newer(enough)

    async def waited_for(self):
        """Returns when somebody waits for a reading that begins from now on."""
        await asyncio.wait_for(self.asked.wait(), PATIENCE_S)
        self.asked.clear()
        await asyncio.sleep(0)


class Behind:
    """A worker's calls, whose standing is what the test says: `known`, and after that whatever it takes in."""

    def __init__(self, world, known, upstream=None):
        self.world, self.known = world, known
        self.upstream = upstream or ScriptedUpstream(JSON_HEAD, ANSWER)
        self.calls, self.client = world.calls(self.upstream), ScriptedClient()
        self.told = Told()
        self.calls.in_force = InForce(lambda: self.known, self.told)

    def call(self, token=None, body=None):
        arrival = self.calls.arrival(PATH, dialect="openai.chat", token=token or self.world.tokens["ana"])
        return asyncio.create_task(self.calls.run(arrival, body or request(), self.client))

    def take_in(self, standing=None, *, began=0.0):
        """Takes a standing in, by a reading that began so many seconds after the clock's now."""
        self.known = standing or self.world.board.current
        self.told.confirm(self.told.clock.at + began)


def before_tokens(world):
    """Returns the standing as it was before any token was issued."""
    now = world.board.current
    return replace(now, tokens=PersistentMap(), token_hashes=PersistentMap(), epoch=now.epoch - 1)


async def done(task):
    return await asyncio.wait_for(task, PATIENCE_S)


async def rests(task):
    """Tells that a task waits, once everything that could go on has."""
    for _ in range(8):
        await asyncio.sleep(0)
    return not task.done()


def kinds(world):
    return [entry.type for entry in world.entries()]


def test_a_caller_whose_token_this_worker_did_not_know_is_let_in_by_the_first_standing_that_has_it():
    with log_world() as world:

        async def main():
            one = Behind(world, before_tokens(world))
            task = one.call()
            await one.told.waited_for()
            assert await rests(task)
            one.take_in(began=-0.05)  # a reading that was under way when the request came
            await done(task)
            return one

        one = asyncio.run(main())
        assert one.client.data == ANSWER
        assert kinds(world)[0] == CALL_INTENT.name


@pytest.mark.parametrize(("began", "told"), [(-0.001, False), (0.0, True)])
def test_a_stranger_is_refused_by_a_reading_that_began_after_the_request_and_by_no_other(began, told):
    with log_world() as world:

        async def main():
            one = Behind(world, world.board.current)
            task = one.call(token="sck_stranger")
            await one.told.waited_for()
            one.take_in(began=began)
            if not told:
                assert await rests(task)
                one.take_in()
            await done(task)
            return one.client

        client = asyncio.run(main())
        assert client.failure.code == "token-unknown"
        assert kinds(world) == [CALLERS_UNIDENTIFIED.name]


def test_who_is_let_in_waits_for_no_reading():
    with log_world() as world:

        async def main():
            one = Behind(world, world.board.current)
            await done(one.call())
            assert not one.told.asked.is_set()
            return one.client.data

        assert asyncio.run(main()) == ANSWER


def test_one_process_alone_waits_for_nothing():
    with log_world() as world:

        async def main():
            calls, client = world.calls(ScriptedUpstream(JSON_HEAD, ANSWER)), ScriptedClient()
            await calls.run(calls.arrival(PATH, dialect="openai.chat", token="sck_stranger"), request(), client)
            standing = await calls.in_force.newest()
            assert standing is world.board.current
            assert not await calls.in_force.moved(standing.epoch)
            return client.failure.code

        assert asyncio.run(main()) == "token-unknown"


def test_without_a_reading_nobody_is_told_that_they_may_not():
    with log_world() as world:

        async def main():
            one = Behind(world, before_tokens(world))
            await done(one.call())
            with pytest.raises(UnavailableError) as caught:
                await one.calls.admit(one.calls.arrival(PATH, dialect="openai.chat", token="sck_stranger"))
            return one.client.failure.code, caught.value.code

        assert asyncio.run(main()) == ("standing-unconfirmed", "standing-unconfirmed")
        assert kinds(world) == []


@pytest.mark.parametrize("kind", ["suspend", "hold"])
def test_what_was_lifted_elsewhere_stops_no_call_and_asks_nobody(kind):
    with log_world() as world:
        made = world.run(setting("principal:ana", kind, now=world.clock.now())).value
        restricted = world.board.current
        world.run(lifting(made.id, now=world.clock.now()))

        async def main():
            one = Behind(world, restricted)
            task = one.call()
            await one.told.waited_for()
            one.take_in()
            await done(task)
            return one.client

        client = asyncio.run(main())
        assert client.data == ANSWER
        assert CALL_REFUSED.name not in kinds(world)
        assert kinds(world)[0] == CALL_INTENT.name
        assert world.entries("approvals.") == []


def test_a_rate_that_was_raised_elsewhere_is_the_one_that_counts():
    with log_world() as world:
        now = world.board.current
        path = now.paths[PATH]
        slow = replace(path, limits=replace(path.limits, calls_per_minute=1))
        narrow = replace(now, paths=now.paths.patched({PATH: slow}), epoch=now.epoch - 1)

        async def main():
            one = Behind(world, narrow)
            await done(one.call())
            one.client = ScriptedClient()
            task = one.call()
            await one.told.waited_for()
            assert await rests(task)
            one.take_in(began=-0.05)
            await done(task)
            return one

        one = asyncio.run(main())
        assert one.client.data == ANSWER
        assert one.calls.pace._running == {}


def test_a_change_that_the_intent_meets_is_awaited_and_then_judged_by():
    """Else the call would be decided again on what this worker knew before, until it gave up."""
    with log_world() as world:
        old = world.board.current
        world.run(setting("principal:ana", "slow", slow_ms=1, now=world.clock.now()))

        async def main():
            one = Behind(world, old)
            task = one.call()
            await one.told.waited_for()
            assert await rests(task)
            one.take_in(began=-0.05)
            await done(task)
            return one.client.data

        assert asyncio.run(main()) == ANSWER


def test_a_call_that_waited_while_its_worker_was_told_to_end_is_not_made():
    with log_world() as world:
        made = world.run(setting("principal:ana", "suspend", now=world.clock.now())).value
        restricted = world.board.current
        world.run(lifting(made.id, now=world.clock.now()))

        async def main():
            one = Behind(world, restricted)
            task = one.call()
            await one.told.waited_for()
            await one.calls.shutdown()
            one.take_in()
            await done(task)
            return one

        one = asyncio.run(main())
        assert one.client.failure.code == "shutting-down"
        assert one.calls.pace._running == {}
        assert CALL_INTENT.name not in kinds(world)


@pytest.mark.parametrize("ends", ["cancelled", "lost"])
def test_who_leaves_while_they_wait_leaves_nothing_behind(ends):
    with log_world() as world:

        async def main():
            one = Behind(world, before_tokens(world))
            task = one.call()
            await one.told.waited_for()
            if ends == "cancelled":
                task.cancel()
                await asyncio.wait([task])
                assert task.cancelled()
            one.client.when_gone = lambda told: told()
            one.take_in()
            if ends == "lost":
                await done(task)
            return one

        one = asyncio.run(main())
        assert one.calls.pace._running == {}
        assert one.calls.in_flight() == 0
        assert one.upstream.exchanges == []


def test_what_is_against_a_call_is_told_though_other_things_keep_changing():
    with log_world() as world:
        world.run(setting("principal:ana", "hold", now=world.clock.now()))

        async def change(one):
            while True:
                await one.told.waited_for()
                one.take_in(replace(one.known, epoch=one.known.epoch + 1))
                one.told.clock.at += 0.001

        async def main():
            one = Behind(world, world.board.current)
            changing = asyncio.create_task(change(one))
            await done(one.call())
            changing.cancel()
            return one.client.failure.code

        assert asyncio.run(main()) == "no-approvers"
        assert kinds(world).count(CALL_REFUSED.name) == 1


@pytest.mark.parametrize(("grown", "takes"), [(0, True), (-1, False)])
def test_how_large_a_body_may_be_is_by_a_standing_no_older_than_the_request(grown, takes):
    with log_world() as world:
        now = world.board.current
        path, size = now.paths[PATH], 1000

        def limited(most, epoch):
            limits = replace(path.limits, request_bytes=most)
            return replace(now, paths=now.paths.patched({PATH: replace(path, limits=limits)}), epoch=epoch)

        async def main():
            one = Behind(world, limited(size - 1, now.epoch - 1))
            arrival = one.calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
            assert isinstance(await one.calls.admit(arrival, size - 1), Admitted)
            assert not one.told.asked.is_set()
            task = asyncio.create_task(one.calls.admit(arrival, size))
            await one.told.waited_for()
            one.take_in(limited(size + grown, now.epoch))
            found = await done(task)
            return found.path.limits.request_bytes if isinstance(found, Admitted) else found.error.code

        assert asyncio.run(main()) == (size if takes else "request-too-large")


def test_what_is_let_through_once_is_by_a_fresh_reading_and_by_what_that_says():
    with log_world() as world:
        old = world.board.current
        world.run(setting("principal:ana", "suspend", now=world.clock.now()))

        async def main():
            one = Behind(world, old)
            known = one.calls.in_force

            async def passed():
                return await known.passed(lambda standing: standing.epoch != old.epoch, bool)

            one.told.confirm(one.told.clock.at - RELEASE_S)
            assert not await passed()
            one.told.clock.at += 0.001
            task = asyncio.create_task(passed())
            assert await rests(task)
            one.take_in(began=-0.01)
            await one.told.waited_for()
            assert await rests(task)  # what is against it is told by a reading that began after that was asked
            one.take_in()
            return await done(task), (await known.fresh()).epoch == world.board.current.epoch

        assert asyncio.run(main()) == (True, True)


def test_models_are_those_of_a_standing_no_older_than_the_request():
    with log_world() as world:

        async def main():
            one = Behind(world, before_tokens(world))
            arrival = one.calls.arrival(PATH, token=world.tokens["ana"])
            task = asyncio.create_task(one.calls.offered(arrival, "openai"))
            await one.told.waited_for()
            one.take_in()
            return await done(task)

        assert asyncio.run(main()) == ("smollm2-135m",)


def test_what_a_token_is_bound_to_is_told_of_one_that_was_issued_elsewhere():
    with log_world() as world:
        now = world.board.current
        (found,) = [one for one in now.tokens.values() if one.principal == "ana"]
        bound = replace(now, tokens=now.tokens.patched({found.hash: replace(found, bound="jkt:key")}))

        async def main():
            one = Behind(world, before_tokens(world))
            task = asyncio.create_task(one.calls.in_force.bound(world.tokens["ana"]))
            await one.told.waited_for()
            one.take_in(bound, began=-0.05)
            first = await done(task)
            one.told.asked.clear()
            return first, await one.calls.in_force.bound(world.tokens["bo"]), one.told.asked.is_set()

        assert asyncio.run(main()) == ("jkt:key", "", False)


def test_the_refusal_that_was_found_is_told_though_the_standing_changes_right_after():
    """Its body was not read, so nothing but that refusal may be made of it."""
    with wire() as gate:
        stale, now = [before_tokens(gate.world)], gate.world.board.current
        gate.calls.in_force.standing = lambda: stale.pop() if stale else now
        told = ask_wire(gate.port, post(gate.world.tokens["ana"], request()))
        assert told.startswith(b"HTTP/1.1 401 ")
        assert b'"token-unknown"' in told
        assert b"connection: close" in told
        assert CALL_REFUSED.name not in [entry.type for entry in gate.world.entries()]


def test_a_call_that_waited_at_its_headers_is_judged_with_its_whole_body():
    with wire() as gate:

        async def behind():
            found = Told()
            known = [before_tokens(gate.world)]
            gate.calls.in_force = InForce(lambda: known[0], found)
            return found, known

        told, known = gate.run(behind())

        async def let_in():
            await told.waited_for()
            known[0] = gate.world.board.current
            told.confirm(told.clock.at)

        waits = asyncio.run_coroutine_threadsafe(let_in(), gate.loop)
        answer = ask_wire(gate.port, post(gate.world.tokens["ana"], request(text="all of it")))
        waits.result(PATIENCE_S)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"all of it" in gate.upstream.seen[-1][1]


def test_a_body_that_grows_over_the_limit_is_judged_by_a_standing_no_older_than_the_request():
    with wire() as gate:
        now, body = gate.world.board.current, request(text="all of it")
        path = now.paths[PATH]
        narrow = replace(path, limits=replace(path.limits, request_bytes=len(body) - 1))

        async def behind():
            found = Told()
            known = [replace(now, paths=now.paths.patched({PATH: narrow}), epoch=now.epoch - 1)]
            gate.calls.in_force = InForce(lambda: known[0], found)
            return found, known

        told, known = gate.run(behind())

        async def widened():
            await told.waited_for()
            known[0] = now
            told.confirm(told.clock.at)

        waits = asyncio.run_coroutine_threadsafe(widened(), gate.loop)
        head = post(gate.world.tokens["ana"], b"", headers=["transfer-encoding: chunked"])
        chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        answer = ask_wire(gate.port, head.replace(b"content-length: 0\r\n", b"") + chunks)
        waits.result(PATIENCE_S)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"all of it" in gate.upstream.seen[-1][1]


class ReadLater(Told):
    """One whose reading comes when somebody waits for it a second time."""

    def __init__(self):
        super().__init__()
        self.times = 0

    async def newer(self, enough=lambda: False):
        self.times += 1
        if self.times > 1:
            asyncio.get_running_loop().call_soon(self.confirm, self.clock.at)
        await super().newer(enough)


def test_a_proof_whose_token_nobody_could_look_up_is_told_so_and_counts_nobody_as_unidentified():
    with wire() as gate:
        token = gate.world.tokens["ana"]

        async def behind():
            known = before_tokens(gate.world)
            gate.calls.in_force.standing, gate.calls.in_force.confirmation = lambda: known, ReadLater()

        gate.run(behind())
        route = f"http://gateway/paths/{PATH}/openai/v1/chat/completions"
        shown = proof(OKPKey.generate_key("Ed25519"), htu=route, token=token)
        answer = ask_wire(gate.port, post(token, request(), headers=[f"dpop: {shown}"]))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b'"standing-unconfirmed"' in answer
        assert kinds(gate.world) == []


class Counted:
    """A database that is read when a test lets it be."""

    def __init__(self, world):
        self.world, self.turns, self.readings = world, queue.Queue(), 0

    def wait(self, _seconds):
        self.turns.get(timeout=PATIENCE_S)
        return False

    def records(self):
        self.readings += 1
        with self.world.store.snapshot() as records:
            return records


def test_strangers_cost_no_reading():
    with log_world() as world:
        database = Counted(world)
        board = StandingBoard(world.store.snapshot)

        async def main():
            confirmation = Confirmation()
            known = InForce(lambda: board.current, confirmation)
            watch = StandingWatch(database, board)
            watch.start(asyncio.get_running_loop(), confirmation)
            await asyncio.wait_for(confirmation.wait(), PATIENCE_S)

            def judge(standing):
                return standing.identify("sck_stranger", world.clock.now())

            asked = [asyncio.create_task(known.allowed(judge)) for _ in range(50)]
            await asyncio.sleep(0)
            before = database.readings
            database.turns.put(None)
            found = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), PATIENCE_S)
            read = database.readings - before
            ending = asyncio.create_task(asyncio.to_thread(watch.stop))
            while not ending.done():
                database.turns.put(None)
                await asyncio.sleep(0.001)
            return {one.code for one in found}, read

        assert asyncio.run(main()) == ({"token-unknown"}, 1)
