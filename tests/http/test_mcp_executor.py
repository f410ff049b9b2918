"""An MCP server that lies, changes, hangs or dies gets no effect past its decision, and a second run never."""

import asyncio
import contextlib
import sys

import pytest
from mcp import MCPError

from safeconduct.boundary.decisions import attempt_of
from safeconduct.http.executing import mcp_proxy, pins
from safeconduct.http.executing.client import GatewayDecisions
from safeconduct.http.executing.mcp_proxy import META
from safeconduct.http.executing.mcp_transports import server_session
from safeconduct.kernel.errors import SafeconductError
from support import hostile_mcp
from support.executor_house import WHO, house
from support.mcp_agents import proxied, why

TOOL, ARGUMENTS = "block_address", {"address": "192.0.2.7"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with house(tmp_path_factory.mktemp("house")) as made:
        made.announce()
        yield made


@pytest.fixture
def gateway(shared, tmp_path):
    """The house, and a session for this test alone."""
    shared.session = tmp_path.name
    return shared


@contextlib.asynccontextmanager
async def agent(gateway, folder, how, **limits):
    command = [sys.executable, hostile_mcp.__file__, how, str(folder / "ran")]
    async with proxied(gateway, f"mcp-{folder.name}", command, **limits) as (client, proxy):
        yield Acting(client, proxy, folder / "ran")


class Acting:
    """An agent's MCP client, the proxy it reaches, and how often the server behind ran."""

    def __init__(self, client, proxy, ran):
        self.client, self.proxy, self.ran = client, proxy, ran

    async def call(self, tool=TOOL, arguments=ARGUMENTS, **meta):
        return await self.client.session.call_tool(tool, arguments, meta=meta or None)

    async def refused(self, tool=TOOL, arguments=ARGUMENTS, **meta):
        return await why(self.client, tool, arguments, **meta)

    @property
    def runs(self):
        return len(self.ran.read_text().splitlines()) if self.ran.exists() else 0


def last(gateway):
    return gateway.world.entries("boundary.")[-1].body


def acted(case):
    """Runs a test on a loop of its own."""

    def run(gateway, tmp_path):
        asyncio.run(case(gateway, tmp_path))

    run.__name__, run.__doc__ = case.__name__, case.__doc__
    return run


@acted
async def test_a_call_runs_once_against_its_decision(gateway, folder):
    async with agent(gateway, folder, "works") as acting:
        assert await acting.refused() == "decision-unknown"
        gateway.let(TOOL, ARGUMENTS)
        assert await acting.refused(arguments={"address": "192.0.2.8"}) == "decision-unknown"
        found = await acting.call()
        assert found.content[0].text == "blocked 192.0.2.7"
        assert await acting.refused() == "decision-unknown"
        assert acting.runs == 1
    assert last(gateway)["end"] == "done"


@acted
async def test_a_token_in_meta_is_looked_at_and_nothing_else_there(gateway, folder):
    gateway.let(TOOL, ARGUMENTS)
    made = attempt_of(principal=WHO, session=gateway.session, tool=TOOL, arguments=ARGUMENTS)
    token = GatewayDecisions.at(gateway.url, gateway.token).find(made)
    async with agent(gateway, folder, "works") as acting:
        assert await acting.refused(**{META: token[:-9] + "AAAAAAA=\n"}) == "decision-signature-invalid"
        assert await acting.refused(**{META: {"trusted": True}}) == "call-not-taken"
        assert await acting.refused(arguments={"address": "192.0.2.9"}, **{META: token}) == "decision-other-arguments"
        await acting.call(**{META: token})
        assert await acting.refused(**{META: token}) == "decision-used"
        assert acting.runs == 1


@acted
async def test_what_a_server_says_of_itself_in_meta_is_dropped(gateway, folder):
    gateway.let(TOOL, ARGUMENTS)
    async with agent(gateway, folder, "works") as acting:
        (tool,) = (await acting.client.list_tools()).tools
        found = await acting.call()
        assert (tool.meta, found.content[0].meta) == (None, None)
        assert "safeconduct.io/trusted" not in (found.meta or {})


@pytest.mark.parametrize(
    ("how", "code"), [("changes", "tool-changed"), ("schema", "tool-changed"), ("goes", "tool-gone")]
)
def test_a_tool_that_is_another_than_was_pinned_is_refused(gateway, tmp_path, how, code):
    async def act():
        gateway.let(TOOL, ARGUMENTS)
        async with agent(gateway, tmp_path, how) as acting:
            assert (await acting.client.list_tools()).tools == []
            assert await acting.refused() == code
            assert acting.runs == 0

    asyncio.run(act())


@acted
async def test_a_tool_that_was_not_pinned_is_refused(gateway, folder):
    gateway.let("unblock", ARGUMENTS)
    async with agent(gateway, folder, "works") as acting:
        assert await acting.refused("unblock") == "tool-unpinned"
        assert await acting.refused("block_\u0430ddress") == "tool-unpinned"


@acted
async def test_a_server_with_lookalike_names_is_not_pinned(gateway, folder):
    with pytest.raises(SafeconductError) as caught:
        async with agent(gateway, folder, "homoglyph"):
            pass
    assert caught.value.code == "tool-name-invalid"


@pytest.mark.parametrize(("how", "call_s"), [("dies", 30.0), ("hangs", 5.0), ("large", 30.0)])
def test_what_nobody_knows_is_unknown_and_not_run_again(gateway, tmp_path, how, call_s):
    async def act():
        one = gateway.let(TOOL, ARGUMENTS)
        async with agent(gateway, tmp_path, how, call_s=call_s) as acting:
            assert await acting.refused() == "outcome-unknown"
            assert acting.runs == 1
            assert (last(gateway)["decision"], last(gateway)["end"]) == (one.id, "unknown")
            assert await acting.refused() in {"decision-unknown", "mcp-server-failed"}
            assert acting.runs == 1

    asyncio.run(act())


@acted
async def test_an_error_of_the_tool_is_its_end(gateway, folder):
    gateway.let(TOOL, ARGUMENTS)
    async with agent(gateway, folder, "fails") as acting:
        assert await acting.refused() == "tool-failed"
    assert last(gateway)["end"] == "failed"


@acted
async def test_a_server_that_asks_back_is_refused_and_garbage_is_passed_over(gateway, folder):
    gateway.let(TOOL, ARGUMENTS)
    async with agent(gateway, folder, "asks") as acting:
        assert (await acting.call()).content[0].text == "refused"


@acted
async def test_only_tools_are_offered(gateway, folder):
    async with agent(gateway, folder, "works") as acting:
        for asked in (acting.client.list_resources, acting.client.list_prompts):
            with pytest.raises(MCPError):
                await asked()


@acted
async def test_no_more_calls_than_may_run_at_once(gateway, folder):
    async with agent(gateway, folder, "works") as acting:
        gateway.let(TOOL, ARGUMENTS)
        acting.proxy._running = mcp_proxy.CALLS_MAX
        assert await acting.refused() == "executor-busy"
        acting.proxy._running = mcp_proxy.CALLS_MAX - 1
        await acting.call()


def test_pins_are_read_as_they_were_written(gateway, tmp_path):
    made = pins.Pins(keys=(gateway.key(),), tools={TOOL: "1a" * 32})
    with pytest.raises(SafeconductError) as caught:
        pins.read_pins(tmp_path)
    assert caught.value.code == "pins-missing"
    pins.write_pins(tmp_path, made)
    assert pins.read_pins(tmp_path) == made
    for text in ("{}", " " * (pins.FILE_BYTES_MAX + 1)):
        (tmp_path / pins.FILE).write_text(text)
        with pytest.raises(SafeconductError) as caught:
            pins.read_pins(tmp_path)
        assert caught.value.code == "pins-invalid"


def test_a_server_that_does_not_begin_is_away(tmp_path):
    async def act(command, url=""):
        async with server_session(command, url):
            pass

    for command, url in (([str(tmp_path / "none")], ""), ([sys.executable, "-c", ""], ""), ([], "http://127.0.0.1:9/")):
        with pytest.raises(SafeconductError) as caught:
            asyncio.run(act(command, url))
        assert caught.value.code == "mcp-server-away"
