"""Budgets over HTTP: what a client over one is told, and what the control API and the log say of them."""

import asyncio
from dataclasses import fields
from functools import partial
from types import SimpleNamespace

import msgspec
import openai
import pytest

from safeconduct.gateway.events import CALL_INTENT, CALL_REFUSED
from safeconduct.http.control import budgets
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control
from safeconduct.http.inprocess import Ask, ask
from support.gateway_world import MODEL, PATH
from support.programs import demo_program
from support.wire import wire

BUDGET = b"    budget: {tokens: 250, per: day}\n    limits: {calls_per_minute: 5, "


@pytest.fixture(scope="module")
def gate():
    with wire(program=demo_program().replace(b"    limits: {", BUDGET, 1)) as served:
        yield served


def control(world, path):
    given = {"snapshot": world.store.snapshot, "clock": world.clock, "logs": SimpleNamespace(frozen=world.store.frozen)}
    app = control_app(
        [budgets.router],
        control=Control(**{one.name: None for one in fields(Control)} | given),
        local_secret="s",
        check_reader=str,
        version="0",
    )
    reply = asyncio.run(
        ask(app, Ask(method="GET", path=f"/api/v1/budgets{path}", headers={"authorization": "Bearer s"}))
    )
    return reply.status, msgspec.json.decode(reply.body)


def test_official_clients_are_told_which_budget_said_no_and_do_not_ask_again(gate):
    with openai.OpenAI(base_url=gate.base_url, api_key=gate.world.tokens["ana"], max_retries=2) as client:
        say = partial(client.chat.completions.create, model=MODEL, messages=[{"role": "user", "content": "hello"}])
        say(max_tokens=100)
        (most,) = (CALL_INTENT.read(e).reserved for e in gate.world.entries() if e.type == CALL_INTENT.name)
        with pytest.raises(openai.RateLimitError) as caught:
            say(max_tokens=350 - most[f"path:{PATH}/tokens/2026-11-21"])  # all of the budget, had it been untouched
    told = caught.value
    assert sum(entry.type == CALL_REFUSED.name for entry in gate.world.entries()) == 1  # it did not ask again
    assert (told.body["code"], told.body["clause"]) == ("budget-exhausted", f"path:{PATH}/budget")
    assert "of 250 tokens left" in told.body["message"]
    assert 1 <= int(told.response.headers["retry-after"]) <= 86_400
    assert told.response.headers["x-should-retry"] == "false"
    status, (shown,) = control(gate.world, f"/path:{PATH}")
    assert status == 200
    assert shown["settled"] + shown["reserved"] + shown["leased"] + shown["left"] == shown["limit"] == 250
    assert shown["settled"] > 0
    assert (shown["unit"], shown["window"]["from"]) == ("tokens", "2026-11-21T00:00:00.000000Z")
    assert control(gate.world, "")[1] == [shown]
    status, checked = control(gate.world, "/check")
    assert (status, checked["equal"]) == (200, True)
    assert checked["accounts"][0]["log"] == {"settled": shown["settled"], "reserved": 0}
    assert control(gate.world, "/grant:none")[1]["code"] == "budget-unknown"


def test_the_check_finds_a_record_that_is_not_the_sum_of_the_calls(gate):
    key, records = ("budgets", f"path:{PATH}/tokens/2026-11-21"), gate.world.store.records
    before = records[key]
    record = msgspec.json.decode(before)
    records[key] = msgspec.json.encode(record | {"settled": record["settled"] + 1})
    assert not control(gate.world, "/check")[1]["equal"]
    records[key] = before
    assert control(gate.world, "/check")[1]["equal"]


def test_too_many_calls_a_minute_are_told_when_to_come_again(gate):
    with openai.OpenAI(base_url=gate.base_url, api_key=gate.world.tokens["ana"], max_retries=0) as client:
        told = []
        for _ in range(4):  # two were made before
            with pytest.raises(openai.RateLimitError) as caught:
                client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hello " * 80}])
            told.append((caught.value.body["code"], caught.value.response.headers))
    assert [code for code, _ in told] == ["budget-exhausted"] * 3 + ["rate-exceeded"]
    assert 1 <= int(told[-1][1]["retry-after"]) <= 60
    assert "x-should-retry" not in told[-1][1]
