"""A response on a real list over real HTTP: published, seen from outside, rolled back, seen to be gone."""

import asyncio
import os
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace

import aiohttp
import pytest
import uvicorn

from safeconduct.access.secrets import secret_hash
from safeconduct.adapters.responses.edl import LIST_BYTES_MAX, ListProbe, fetch, judge, read_list
from safeconduct.http import lists
from safeconduct.http.control.app import control_app
from safeconduct.kernel.effects import OUTBOX
from safeconduct.soc.actions.list_tokens import issue_probe_token
from safeconduct.soc.actions.model import PointState, Presence
from safeconduct.soc.actions.reading import find
from safeconduct.soc.actions.states import ActionState
from support.responses import ATTACKER, desk


@contextmanager
def snapshot(here):
    yield here.writer.state


@asynccontextmanager
async def serving(app):
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


def app_of(here):
    found = SimpleNamespace(snapshot=lambda: snapshot(here), clock=SimpleNamespace(now=lambda: here.writer.now))
    return control_app([lists.router], control=found, local_secret="s", check_reader=str, version="0")


async def settle(here, probe):
    for _, effect in list(here.writer.state.scan(OUTBOX)):
        if effect.kind == "response.verify":
            await probe.carry_out(effect)


def test_a_response_is_seen_from_outside_and_seen_to_be_gone():
    async def story():
        here = desk()
        async with serving(app_of(here)) as url:
            probe = ListProbe(here.writer, os.urandom, lambda: url)
            action = here.blocked()
            await settle(here, probe)
            assert find(here.writer.state, action.id).state is ActionState.VERIFIED
            here.roll_back(action.id)
            await settle(here, probe)
            ended = find(here.writer.state, action.id)
            assert (ended.state, ended.absence) == (ActionState.ROLLED_BACK, ActionState.VERIFIED)
            assert list(here.writer.state.scan(OUTBOX)) == []

    asyncio.run(story())


def test_an_effect_carried_out_again_after_a_kill_ends_once():
    async def story():
        here = desk()
        async with serving(app_of(here)) as url:
            here.blocked()
            [(_, effect)] = here.writer.state.scan(OUTBOX)
            # The first process died after its fetch and before it knew that its entry was written.
            for _ in range(3):
                await ListProbe(here.writer, os.urandom, lambda: url).carry_out(effect)
        assert here.types().count("soc.action.verified/1") == 1

    asyncio.run(story())


def test_a_list_that_lacks_the_address_fails_the_action():
    async def story():
        here, other = desk(), desk()
        other.writer.run(lambda tx: issue_probe_token(tx, secret_hash("x")))
        async with serving(app_of(other)) as url:
            action = here.blocked()
            await settle(here, ListProbe(here.writer, lambda count: b"0" * count, lambda: url))
        ended = find(here.writer.state, action.id)
        assert ended.state is ActionState.FAILED
        assert here.writer.entries[-1].body["detail"] == "list-answered-403"

    asyncio.run(story())


def test_a_list_that_nobody_serves_fails_the_action(monkeypatch):
    monkeypatch.setattr("safeconduct.adapters.responses.edl.PAUSE_S", 0.0)

    async def story():
        here = desk()
        action = here.blocked()
        await settle(here, ListProbe(here.writer, os.urandom, lambda: "http://127.0.0.1:1"))
        assert find(here.writer.state, action.id).state is ActionState.FAILED
        assert here.writer.entries[-1].body["detail"] == "list-unreachable"

    asyncio.run(story())


def test_headers_let_a_firewall_keep_its_copy_and_never_use_it_unasked():
    async def story():
        here = desk()
        here.writer.run(lambda tx: issue_probe_token(tx, secret_hash("own")))
        action = here.blocked()
        async with serving(app_of(here)) as url, aiohttp.ClientSession() as session:
            address = f"{url}/edl/block-ip.txt?token=own"
            async with session.get(address) as first:
                assert first.headers["content-type"] == "text/plain; charset=utf-8"
                assert first.headers["cache-control"] == "private, no-cache"
                assert first.headers["last-modified"] == "Sat, 21 Nov 2026 08:00:00 GMT"
                assert await first.text() == f"{ATTACKER}\n"
            tag = {"if-none-match": f'"other", W/{first.headers["etag"]}'}
            async with session.get(address, headers=tag) as again:
                assert (again.status, await again.text()) == (304, "")
            async with session.head(address) as head:
                assert (head.status, await head.text()) == (200, "")
            here.roll_back(action.id)
            async with session.get(address, headers=tag) as after:
                assert (after.status, await after.text()) == (200, "")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", ("", frozenset())),
        (b"203.0.113.66\n2001:DB8::7\n", ("", frozenset({"203.0.113.66", "2001:db8::7"}))),
        (b"# comment\n203.0.113.66\n", ("list-malformed", frozenset())),
        (b"203.0.113.0/24\n", ("list-malformed", frozenset())),
        (b"\n", ("list-malformed", frozenset())),
        (b"\xff\n", ("list-malformed", frozenset())),
    ],
)
def test_a_list_is_addresses_and_nothing_else(body, found):
    assert read_list(body) == found


def test_what_is_expected_is_judged_both_ways():
    there, gone = Presence.PRESENT, Presence.ABSENT
    found = {(seen, wanted): judge("block-ip", seen, wanted) for seen in Presence for wanted in Presence}
    assert {pair: (one.state, one.detail) for pair, one in found.items()} == {
        (there, there): (PointState.SEEN, ""),
        (gone, gone): (PointState.UNDONE, ""),
        (gone, there): (PointState.UNSEEN, "address-missing"),
        (there, gone): (PointState.SEEN, "address-still-listed"),
    }


@pytest.mark.parametrize(
    ("size", "kind", "problem"),
    [
        (LIST_BYTES_MAX + 1, b"text/plain", "list-too-large"),
        (LIST_BYTES_MAX, b"text/plain", "list-malformed"),
        (1, b"text/html", "list-is-no-text"),
    ],
)
def test_a_list_has_a_size_and_a_type(size, kind, problem):
    async def page(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": b"x" * size})

    async def story():
        async with serving(page) as url:
            assert await fetch(url) == (problem, frozenset())

    asyncio.run(story())
