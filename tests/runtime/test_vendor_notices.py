"""A vendor's own acts reach the outcome entry of the call they were done to, and its words do not."""

import asyncio

import pytest

from safeconduct.gateway.events import CALL_OUTCOME
from safeconduct.gateway.moves import UpstreamHead
from safeconduct.gateway.ports import UpstreamFacts
from support.call_ends import DONE, JSON_HEAD, STREAM_HEAD, ScriptedClient, ScriptedUpstream, request
from support.gateway_world import PATH, log_world

OTHER = b'{"model":"cheaper-model","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}'
PINNED = OTHER.replace(b"cheaper-model", b"smollm2-135m")
CHUNK = b"data: " + OTHER.replace(b"message", b"delta") + b"\n\n"
FILTERED = b'{"error":{"code":"content_filter","message":"host-17 says no"}}'


class Named(ScriptedUpstream):
    facts = UpstreamFacts(vendor="openai", dialects=frozenset(("openai.chat",)))


def noticed(world, upstream, *, stream=False):
    async def main():
        calls = world.calls(upstream)
        arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
        await calls.run(arrival, request(stream=stream), ScriptedClient())

    asyncio.run(main())
    entry = [entry for entry in world.entries() if entry.type == CALL_OUTCOME.name][-1]
    assert "host-17" not in str(entry.body)
    return [(one.kind, one.reason, one.owner) for one in CALL_OUTCOME.read(entry).notices]


@pytest.mark.parametrize(
    ("upstream", "stream", "expected"),
    [
        (Named(JSON_HEAD, PINNED), False, []),
        (Named(JSON_HEAD, OTHER), False, [("reroute", "other-model", "vendor")]),
        (Named(STREAM_HEAD, CHUNK, DONE), True, [("reroute", "other-model", "vendor")]),
        (ScriptedUpstream(JSON_HEAD, OTHER), False, []),
        (Named(UpstreamHead(400, "application/json"), FILTERED), False, [("refusal", "content-filter", "vendor")]),
        (Named(UpstreamHead(529, "text/html"), b"host-17"), False, [("slow-down", "overloaded", "vendor")]),
    ],
)
def test_what_a_vendor_did_stands_in_the_outcome(upstream, stream, expected):
    with log_world() as world:
        assert noticed(world, upstream, stream=stream) == expected
