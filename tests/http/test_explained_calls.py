"""Why a call ended as it did, and the appeal against it: over the wire for callers, by signed acts for people."""

import asyncio
import json
from dataclasses import fields

import msgspec
import pytest

from safeconduct.access.appeal_events import LODGED
from safeconduct.access.reading_rights import reader_by
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.control import appeals, calls
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control
from safeconduct.http.inprocess import Ask
from safeconduct.http.inprocess import ask as ask_app
from support.call_ends import request
from support.programs import signed
from support.restricting import lifting, setting
from support.wire import ask, post, wire


class Desk:
    """A gateway on a socket and the routes of calls over the same log."""

    def __init__(self, gate):
        self.gate, self.world = gate, gate.world
        world = gate.world
        given = {"log": world.reader, "snapshot": world.store.snapshot, "writer": world.writer, "clock": world.clock}
        control = Control(**{one.name: None for one in fields(Control)} | given)
        self.app = control_app(
            [calls.router, appeals.router], control=control, local_secret="s", check_reader=self.who, version="0"
        )

    def who(self, act):
        with self.world.store.snapshot() as records:
            return reader_by(records, act, self.world.clock.now())

    def call(self, *, by="ana", headers=(), **body):
        """Makes a call; returns its answer's JSON."""
        raw = ask(self.gate.port, post(self.world.tokens[by], request(**body), headers=["connection: close", *headers]))
        return json.loads(raw.partition(b"\r\n\r\n")[2])

    def fetch(self, path, by):
        lines = [f"GET {path} HTTP/1.1", "host: x", f"authorization: Bearer {self.world.tokens[by]}"]
        raw = ask(self.gate.port, "\r\n".join([*lines, "connection: close", "", ""]).encode())
        return json.loads(raw.partition(b"\r\n\r\n")[2])

    def control(self, method, path, *, by="", body=b""):
        headers = {"authorization": "Bearer s"}
        if by:
            act = signed(by, f"{method} /api/v1/{path}", body, self.world.clock.now())
            headers = {HEADER: encode_act(act)}
        reply = asyncio.run(ask_app(self.app, Ask(method=method, path=f"/api/v1/{path}", headers=headers, body=body)))
        return reply.status, msgspec.json.decode(reply.body)

    def appeal(self, call, by, reason="it was incident triage"):
        return self.control("POST", f"calls/{call}/appeal", by=by, body=msgspec.json.encode({"reason": reason}))


@pytest.fixture(scope="module")
def desk():
    with wire() as gate:
        yield Desk(gate)


def refused(desk):
    return desk.call(headers=["safeconduct-purpose: hunting"])["error"]


def test_a_refusal_tells_what_decided_what_would_pass_and_where_to_appeal(desk):
    error = refused(desk)
    assert (error["code"], error["clause"]) == ("purpose-mismatch", "path:soc-triage/purpose")
    assert "say incident-triage" in error["remedy"]
    shown = desk.fetch(error["appeal"], "ana")
    assert shown["lodge"]["command"] == f"safeconduct call appeal {error['call']} --reason TEXT"
    assert (shown["code"], shown["remedy"], shown["appealed"]) == (error["code"], error["remedy"], None)


def test_a_refusal_is_explained_with_the_policies_that_judged_it(desk):
    error = refused(desk)
    status, shown = desk.control("GET", f"calls/{error['call']}/explanation", by="ana")
    assert (status, shown["effect"], shown["step"]) == (200, "refused", 6)
    assert {"code": "purpose-mismatch", "clause": "grant:ana-triage/purpose"} in shown["against"]
    assert shown["asked"]["purpose"] == "hunting"
    assert shown["remedy"] == error["remedy"]
    assert len(shown["policy_digest"]) == 64


def test_an_allowed_call_shows_the_text_of_the_policy_that_permitted_it(desk):
    desk.call()
    desk.gate.over()
    call = desk.world.entries("gateway.call.intent")[-1].id
    shown = desk.control("GET", f"calls/{call}/explanation")[1]
    assert (shown["effect"], shown["end"], shown["remedy"]) == ("allowed", "completed", "")
    (one,) = shown["determining"]
    assert one["text"].startswith(f'@id("{one["policy"]}")')


def test_a_refusal_of_a_reader_that_knew_no_path_names_the_path_s_rule(desk):
    error = desk.call(store=True)["error"]
    assert (error["code"], error["clause"]) == ("store-not-allowed", "path:soc-triage/history")
    shown = desk.control("GET", f"calls/{error['call']}/explanation")[1]
    assert (shown["step"], shown["clause"]) == (3, error["clause"])
    assert shown["determining"] == []


def test_another_organization_finds_no_such_call(desk):
    call = refused(desk)["call"]
    absent = desk.control("GET", "calls/01KAK00000000000000000000A/explanation", by="ops")[1]
    status, told = desk.control("GET", f"calls/{call}/explanation", by="ops")
    assert (status, told["code"]) == (404, "call-unknown")
    assert told["detail"].replace(call, "C") == absent["detail"].replace("01KAK00000000000000000000A", "C")
    assert desk.appeal(call, "ops")[1]["code"] == "call-unknown"


def test_an_appeal_is_a_signed_act_on_record_once(desk):
    call = refused(desk)["call"]
    assert desk.appeal(call, "ana", " ")[1]["code"] == "reason-missing"
    status, lodged = desk.appeal(call, "ana")
    assert (status, lodged["call"], lodged["by"]) == (200, call, "ana")
    entry = desk.world.reader.entry(lodged["id"])
    assert (entry.type, entry.body["reason"], entry.act["actor"]) == (LODGED.name, "it was incident triage", "ana")
    assert desk.appeal(call, "ana")[1]["code"] == "appeal-lodged"
    assert desk.control("GET", f"calls/{call}/explanation")[1]["appealed"] == lodged["id"]
    assert lodged in desk.control("GET", "appeals")[1]
    assert lodged in desk.control("GET", "appeals", by="ana")[1]
    assert desk.control("GET", "appeals", by="ops")[1] == []


def decide(desk, call, by, *, upheld=True, reason="the suspension was for another"):
    body = msgspec.json.encode({"upheld": upheld, "reason": reason})
    return desk.control("POST", f"appeals/{call}/decide", by=by, body=body)


def suspended(desk, by):
    """Has a person suspend ana, makes a call that is refused for it, and lifts that again; returns the call."""
    now = desk.world.clock.now
    made = desk.world.run(setting("principal:ana", "suspend", by=by, now=now())).value
    error = desk.call(text=f"suspended by {made.id}")["error"]
    assert error["code"] == "suspended"
    desk.world.run(lifting(made.id, now=now()))
    return error["call"]


def test_an_appeal_is_decided_once_by_the_party_that_answers_for_it(desk):
    call = suspended(desk, "bo")
    assert decide(desk, call, "ops")[1]["code"] == "appeal-unknown"
    lodged = desk.appeal(call, "ana")[1]
    assert (lodged["decision"], lodged["due_at"] > lodged["at"]) == (None, True)
    assert decide(desk, call, "bo")[1]["code"] == "role-missing"
    assert decide(desk, call, "ops", reason=" ")[1]["code"] == "reason-missing"
    status, decided = decide(desk, call, "ops")
    assert (status, decided["decision"]["upheld"], decided["decision"]["by"]) == (200, True, "ops")
    assert decide(desk, call, "ops", upheld=False)[1]["code"] == "appeal-decided"
    assert decided in desk.control("GET", "appeals", by="ana")[1]
    assert desk.world.entries("access.appeal.decided")[-1].act["actor"] == "ops"


def test_nobody_decides_about_what_they_did(desk):
    call = suspended(desk, "ops")
    desk.appeal(call, "ana")
    assert decide(desk, call, "ops")[1]["code"] == "had-a-hand-in-it"
    of_the_program = refused(desk)["call"]  # the purpose that the program gives the path: ops applied it
    desk.appeal(of_the_program, "ana")
    assert decide(desk, of_the_program, "ops")[1]["code"] == "had-a-hand-in-it"
