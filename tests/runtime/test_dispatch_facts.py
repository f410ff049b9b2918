"""What runs under an upstream's name is looked at again just before a call goes out."""

import asyncio

import pytest

from safeconduct.gateway.events import CALL_OUTCOME
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.kernel.errors import RefusedError
from support.call_ends import ANSWER, JSON_HEAD, ScriptedClient, ScriptedUpstream, request
from support.gateway_world import PATH, log_world
from support.programs import demo_program

STATED = b"upstreams:\n  local: {vendor: acme, region: eu-west, retention: none}\n\npaths:\n"


class Moved(ScriptedUpstream):
    """Runs as published until the call was decided, and as `then` after."""

    def __init__(self, then, *script):
        super().__init__(*script)
        self.then = then
        self.looked = 0

    @property
    def facts(self):
        self.looked += 1
        found = {"vendor": "acme", "region": "eu-west", "retention": "none"} | (self.then if self.looked > 1 else {})
        return UpstreamFacts(**found, dialects=frozenset(("openai.chat",)))


def called(world, upstream):
    async def main():
        calls, client = world.calls(upstream), ScriptedClient()
        await asyncio.wait_for(
            calls.run(calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"]), request(), client), 10
        )
        return client

    return asyncio.run(main())


@pytest.mark.parametrize("then", [{"vendor": "x"}, {"region": "us-east"}, {"retention": "30-days"}])
def test_an_upstream_that_moved_after_the_decision_gets_nothing(then):
    with log_world(program=demo_program().replace(b"paths:\n", STATED, 1)) as world:
        assert called(world, Moved({}, JSON_HEAD, ANSWER)).data == ANSWER
        moved = Moved(then, JSON_HEAD, ANSWER)
        client = called(world, moved)
        assert (client.failure.code, type(client.failure)) == ("provider-outside-path", RefusedError)
        assert moved.exchanges == []
        outcome = CALL_OUTCOME.read(world.entries()[-1])
        assert (outcome.end, outcome.why, outcome.released_bytes) == ("upstream-failed", "provider-outside-path", 0)
