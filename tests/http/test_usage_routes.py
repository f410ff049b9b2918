"""Usage over the real log: read without a scan of it, and reconciled by an act that leaves an entry."""

import asyncio
from dataclasses import fields

import msgspec
import pytest

from safeconduct.gateway.moves import UpstreamHead
from safeconduct.gateway.usage_events import USAGE_MISMATCHED, USAGE_RECONCILED
from safeconduct.http.acts import HEADER, encode_act, operation_of
from safeconduct.http.control import usage
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control
from safeconduct.http.control.usage import HOURS_MAX
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.instants import rfc3339, seconds
from support.call_ends import ANSWER, JSON_HEAD, ScriptedClient, ScriptedUpstream, request
from support.gateway_world import PATH, LogWorld, signed

BUSY = UpstreamHead(429, "application/json")


def calls_made(world, *scripts):
    async def main():
        for script in scripts:
            calls = world.calls(ScriptedUpstream(*script))
            arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
            await calls.run(arrival, request(), ScriptedClient())

    asyncio.run(main())


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    world = LogWorld(tmp_path_factory.mktemp("usage"))
    answer = ANSWER.replace(b'"prompt_tokens":5', b'"prompt_tokens":5,"completion_tokens":2')
    calls_made(world, (JSON_HEAD, answer), (JSON_HEAD, answer), (BUSY, b"{}"))
    given = {"snapshot": world.store.snapshot, "writer": world.writer, "clock": world.clock}
    control = Control(**{one.name: None for one in fields(Control)} | given)
    yield world, control_app([usage.router], control=control, local_secret="s", check_reader=str, version="0")
    world.close()


def get(app, path, query=""):
    headers = {"authorization": "Bearer s"}
    reply = asyncio.run(ask(app, Ask(method="GET", path=f"/api/v1/usage/{path}", query=query, headers=headers)))
    return reply.status, msgspec.json.decode(reply.body)


def reconcile(world, app, body, query="upstream=local", by="ops"):
    path = "/api/v1/usage/reconciliations"
    act = signed(by, operation_of("POST", path), body, world.clock.now(), query=query)
    headers = {HEADER: encode_act(act), "content-type": "text/csv"}
    reply = asyncio.run(ask(app, Ask(method="POST", path=path, query=query, headers=headers, body=body)))
    return reply.status, msgspec.json.decode(reply.body)


def export(world, calls):
    now = world.clock.now()
    since, until = rfc3339(now - seconds(3600)), rfc3339(now + seconds(3600))
    columns = "since,until,model,calls,input_tokens,output_tokens"
    return f"{columns}\n{since},{until},smollm2-135m,{calls},10,4\n".encode()


def test_outcomes_are_counted_with_their_notices_and_rates(desk):
    _, app = desk
    status, [found] = get(app, "outcomes")
    assert (status, found["upstream"], found["calls"]) == (200, "local", 3)
    assert found["ends"] == {"completed": 2, "refused-by-upstream": 1}
    assert found["notices"] == [
        {"kind": "slow-down", "reason": "rate-limited", "owner": "vendor", "count": 1, "rate": 0.333333}
    ]


def test_outcomes_of_a_month_are_counted_and_of_an_hour_more_are_not(desk):
    _world, app = desk
    assert get(app, "outcomes", f"hours={HOURS_MAX}")[0] == 200
    assert get(app, "outcomes", f"hours={HOURS_MAX + 1}")[0] == 400


@pytest.mark.parametrize("counted", [2, 3])
def test_an_export_that_fits_is_reconciled(desk, counted):
    world, app = desk
    status, told = reconcile(world, app, export(world, counted))
    assert (status, told["differences"]) == (200, [])
    assert (told["compared"]["calls"], told["compared"]["uncertain"]) == (3, 1)
    assert [entry.type for entry in world.entries("gateway.usage.")][-1] == USAGE_RECONCILED.name


@pytest.mark.parametrize("counted", [1, 4])
def test_an_export_that_does_not_is_an_entry_that_says_what_differs(desk, counted):
    world, app = desk
    status, told = reconcile(world, app, export(world, counted))
    assert status == 200
    assert [(one["what"], one["least"], one["most"], one["told"]) for one in told["differences"]] == [
        ("calls", 2, 3, counted)
    ]
    entry = world.entries("gateway.usage.")[-1]
    event = USAGE_MISMATCHED.read(entry)
    assert (entry.id, event.found, event.differences[0].told, event.by) == (told["entry"], 1, counted, "ops")


@pytest.mark.parametrize(
    ("by", "query", "body", "status"),
    [
        ("ana", "upstream=local", None, 403),
        ("ops", "upstream=loca", None, 404),
        ("ops", "upstream=local", b"nothing", 400),
        ("ops", "upstream=local&tolerance=101", None, 400),
        ("ops", "upstream=local&since=2026-01-01T00%3A00%3A00Z&until=2026-01-02T00%3A00%3A00Z", None, 400),
    ],
)
def test_who_may_not_and_what_is_none_leaves_no_entry(desk, by, query, body, status):
    world, app = desk
    before = len(world.entries("gateway.usage."))
    assert reconcile(world, app, export(world, 2) if body is None else body, query, by)[0] == status
    assert len(world.entries("gateway.usage.")) == before
