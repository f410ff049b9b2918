"""AuthZEN over the real routes: the interop set on its own policies, and who learns what of our program."""

import asyncio
import base64
import contextlib
import json
import os
import tarfile
from dataclasses import fields, replace
from pathlib import Path

import msgspec
import pytest

from safeconduct.access.evaluating import TARGETS_ASKED_MAX, AccessPoint
from safeconduct.http import authzen
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.authzen import BODY_BYTES_MAX, EVALUATIONS_MAX, REQUEST_ID_LENGTH_MAX
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control
from safeconduct.http.inprocess import Ask, ask
from safeconduct.http.vitals import alone_at_work
from safeconduct.kernel.instants import rfc3339, seconds
from safeconduct.policy import Entities, EntityRecord, EntityUid, PolicyRequest, PolicySet, decide
from safeconduct.runtime import confirming
from safeconduct.runtime.confirming import Confirmation, time_awake_or_not
from safeconduct.runtime.in_force import InForce
from support.access_house import LOCAL, House
from support.immediate import START
from support.programs import in_force, signed

ONE, SEVERAL = "/access/v1/evaluation", "/access/v1/evaluations"
ANA = {
    "subject": {"type": "principal", "id": "ana"},
    "action": {"name": "call"},
    "resource": {"type": "path", "id": "soc-triage"},
}


@pytest.fixture
def house():
    return House(in_force())


def send(house, path, document, *, by="", headers=LOCAL, method="POST"):
    body = document if isinstance(document, bytes) else msgspec.json.encode(document)
    if by:
        headers = {HEADER: encode_act(signed(by, f"{method} {path}", body, house.now()))}
    reply = asyncio.run(ask(house.app, Ask(method=method, path=path, headers=headers, body=body)))
    return reply, msgspec.json.decode(reply.body)


def codes(answer):
    return [reason["code"] for reason in answer["context"]["reasons"]]


def test_an_evaluation_says_what_a_call_would_be_told(house):
    reply, answer = send(house, ONE, ANA)
    assert (reply.status, answer) == (
        200,
        {"decision": True, "context": {"reasons": [], "determining": ["grant-covers-call"]}},
    )
    _, answer = send(house, ONE, ANA | {"context": {"purpose": "hunting"}})
    assert (answer["decision"], codes(answer)) == (False, ["purpose-mismatch", "purpose-mismatch", "policy-forbids"])
    assert answer["context"]["determining"] == ["purpose-matches"]


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": {"type": "user", "id": "ana"}},
        {"action": {"name": "delete"}},
        {"resource": {"type": "route", "id": "soc-triage"}},
        {"resource": {"type": "path", "id": "no-such-path"}},
        {"subject": {"type": "principal", "id": "nobody"}},
    ],
)
def test_what_is_not_known_is_denied(house, changed):
    reply, answer = send(house, ONE, ANA | changed)
    assert (reply.status, answer["decision"]) == (200, False)
    assert codes(answer)[0] in {"evaluation-unknown", "path-unknown"}


def test_what_an_asker_says_of_a_subject_or_a_path_widens_nothing(house):
    widened = {
        "subject": ANA["subject"] | {"properties": {"roles": ["administrator"], "tier": 9}},
        "resource": ANA["resource"] | {"properties": {"purpose": "hunting", "models": ["gpt-6-cyber"]}},
        "context": {"purpose": "hunting", "window_open": True, "frozen": False, "agreement_valid": True},
    }
    assert not send(house, ONE, ANA | widened)[1]["decision"]
    assert not send(house, ONE, ANA | {"context": {"model": "gpt-6-cyber"}})[1]["decision"]


@pytest.mark.parametrize(
    "context", [{"purpose": 3}, {"purpose": ["incident-triage"]}, {"targets": "198.51.100.7"}, {"targets": [True]}]
)
def test_a_context_of_another_type_is_refused(house, context):
    reply, told = send(house, ONE, ANA | {"context": context})
    assert (reply.status, told["code"]) == (400, "context-invalid")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 60_000,
        {},
        {name: ANA[name] for name in ("subject", "action")},
        ANA | {"subject": {"id": "ana"}},
        ANA | {"subject": {"type": "principal", "id": 7}},
        ANA | {"action": "call"},
        ANA | {"context": [1]},
    ],
)
def test_what_is_no_evaluation_is_refused(house, document):
    for path in (ONE, SEVERAL):
        reply, told = send(house, path, document)
        assert (reply.status, told["code"]) == (400, "evaluation-invalid")


def test_everybody_may_ask_about_themselves_and_administrators_about_all(house):
    assert send(house, ONE, ANA, by="ana")[1]["decision"]
    assert send(house, ONE, ANA, by="ops")[1]["decision"]
    reply, told = send(house, ONE, ANA, by="bo")
    assert (reply.status, told["code"], told["clause"]) == (403, "not-about-yourself", "principal:bo/roles")
    mixed = {"evaluations": [ANA, ANA | {"subject": {"type": "principal", "id": "bo"}}]}
    assert send(house, SEVERAL, mixed, by="ana")[0].status == 403
    assert send(house, SEVERAL, {"evaluations": [ANA, ANA]}, by="ana")[0].status == 200


def test_without_a_credential_or_with_one_for_another_body_nothing_is_said(house):
    for headers in ({}, {"authorization": "Bearer nothing"}):
        assert send(house, ONE, ANA, headers=headers)[0].status == 401
    act = encode_act(signed("ana", f"POST {ONE}", msgspec.json.encode(ANA), house.now()))
    for path, document in ((ONE, ANA | {"context": {}}), (SEVERAL, ANA)):
        reply, told = send(house, path, document, headers={HEADER: act})
        assert (reply.status, told["code"]) == (401, "act-for-another-request")


def test_an_api_token_asks_as_for_calls_and_only_while_it_holds(house):
    until = rfc3339(START + seconds(3600))
    issued = house.post("tokens/issue", {"principal": "ana", "expires_at": until}, by="ana")[1]
    bearer = {"authorization": f"Bearer {issued['secret']}"}
    assert send(house, ONE, ANA, headers=bearer)[1]["decision"]
    other = ANA | {"subject": {"type": "principal", "id": "ops"}}
    assert send(house, ONE, other, headers=bearer)[0].status == 403
    house.writer.now = START + seconds(3600)
    assert send(house, ONE, ANA, headers=bearer)[0].status == 401


def knowing(house, standing, confirmation):
    """Has a house judge by a standing, beside other processes that change it."""
    found = house.app.state.control
    house.app.state.control = replace(found, in_force=InForce(standing, confirmation), decisions=AccessPoint(standing))


def test_a_process_that_may_have_missed_a_freeze_decides_nothing(house, monkeypatch):
    monkeypatch.setattr(confirming, "ADMIT_S", 0.01)
    for path in (ONE, SEVERAL):
        knowing(house, house.standing, Confirmation())
        reply, told = send(house, path, ANA)
        assert (reply.status, told["code"]) == (503, "standing-unconfirmed")


class ReadWhenAsked(Confirmation):
    """One whose next reading comes when somebody waits for it."""

    def __init__(self, read):
        super().__init__()
        self.read = read

    async def wait(self):
        self.read()
        self.confirm(time_awake_or_not())
        await super().wait()


@pytest.mark.parametrize("fresh", [False, True])
def test_a_permit_is_by_a_fresh_reading(house, fresh):
    known = [house.standing()]
    wanted = {"selector": "principal:ana", "kind": "suspend", "reason": "a test"}
    assert house.post("restrictions/set", wanted)[0] == 200
    told = ReadWhenAsked(lambda: known.append(house.standing()))
    if fresh:
        told.confirm(time_awake_or_not() + 3600)
    knowing(house, lambda: known[-1], told)
    assert send(house, ONE, ANA)[1]["decision"] is fresh


WRONG = {"context": {"purpose": "hunting"}}


@pytest.mark.parametrize(
    ("semantics", "asked", "decided"),
    [
        (None, [{}, WRONG, {}], [True, False, True]),
        ("execute_all", [{}, WRONG, {}], [True, False, True]),
        ("deny_on_first_deny", [{}, WRONG, {}], [True, False]),
        ("permit_on_first_permit", [WRONG, {}, WRONG], [False, True]),
    ],
)
def test_several_evaluations_share_what_the_request_says(house, semantics, asked, decided):
    options = {"options": {"evaluations_semantic": semantics}} if semantics else {}
    reply, answer = send(house, SEVERAL, ANA | {"evaluations": asked} | options)
    assert reply.status == 200
    assert [one["decision"] for one in answer["evaluations"]] == decided


def test_no_list_of_evaluations_is_one_evaluation(house):
    for document in (ANA, ANA | {"evaluations": []}):
        assert send(house, SEVERAL, document)[1]["decision"] is True


def test_the_limit_on_evaluations(house):
    assert len(send(house, SEVERAL, ANA | {"evaluations": [{}] * EVALUATIONS_MAX})[1]["evaluations"]) == EVALUATIONS_MAX
    assert send(house, SEVERAL, ANA | {"evaluations": [{}] * (EVALUATIONS_MAX + 1)})[0].status == 413


def test_what_one_request_makes_us_look_at_and_repeat_is_bounded(house):
    """Attack: a token's holder has one long context answered a hundred times over, in some 800 MB."""
    room = BODY_BYTES_MAX - len(msgspec.json.encode(ANA | {"context": {"model": ""}}))
    for length, status in ((room, 200), (room + 1, 413)):
        asked = ANA | {"context": {"model": "m" * length}}
        assert (send(house, ONE, asked)[0].status, send(house, SEVERAL, asked)[0].status) == (status, status)
    for count, status in ((TARGETS_ASKED_MAX, 200), (TARGETS_ASKED_MAX + 1, 400)):
        assert send(house, ONE, ANA | {"context": {"targets": ["192.0.2.1"] * count}})[0].status == status


def test_a_request_s_id_comes_back_unless_it_is_none(house):
    for given, back in (("7f-1", "7f-1"), ("x" * REQUEST_ID_LENGTH_MAX, "x" * REQUEST_ID_LENGTH_MAX)):
        assert raw_headers(house, given)["x-request-id"] == back
    for given in ("x" * (REQUEST_ID_LENGTH_MAX + 1), "a\tb", "\u00e9"):
        assert "x-request-id" not in raw_headers(house, given)


def raw_headers(house, request_id):
    """Returns all headers of an answer; `inprocess` keeps only our own."""
    sent, body = [], msgspec.json.encode(ANA)
    headers = [(b"authorization", b"Bearer local"), (b"x-request-id", request_id.encode("latin-1"))]
    scope = {"type": "http", "method": "POST", "path": ONE, "query_string": b"", "headers": headers}

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def keep(message):
        sent.append(message)

    asyncio.run(house.app(scope, receive, keep))
    return {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}


def test_anybody_finds_the_endpoints(house):
    reply, found = send(house, "/.well-known/authzen-configuration", b"", headers={}, method="GET")
    assert reply.status == 200
    assert found["access_evaluation_endpoint"] == found["policy_decision_point"] + ONE
    assert found["access_evaluations_endpoint"] == found["policy_decision_point"] + SEVERAL


# The interop set asks about a to-do list, so it gets the policies of one.

TODO = PolicySet.compile(
    """
    @id("all-read") permit (principal is identity, action == Action::"GET", resource is route);
    @id("editors-write") permit (principal is identity, action in [Action::"POST", Action::"PUT", Action::"DELETE"],
                                 resource is route) when { principal.role != "viewer" };
    """
)
ROLES = {"0": "admin", "1": "editor", "2": "editor", "3": "viewer", "4": "viewer"}
ROUTES = ("/users/{userId}", "/todos", "/todos/{todoId}")


def todo_id(number):
    uid = f"fd{number}614d3-c39a-4781-b7bd-8b96f5a5100d"
    return base64.b64encode(b"\n$" + uid.encode() + b"\x12\x05local").decode()


class TodoPoint:
    """`DecisionPoint` of the interop set, on our engine."""

    entities = Entities.compile(
        [
            *(EntityRecord(EntityUid("identity", todo_id(one)), {"role": role}) for one, role in ROLES.items()),
            *(EntityRecord(EntityUid("route", route)) for route in ROUTES),
        ]
    )

    def evaluate(self, asked, now):
        request = PolicyRequest(
            EntityUid(asked.subject_type, asked.subject),
            EntityUid("Action", asked.action),
            EntityUid(asked.resource_type, asked.resource),
        )
        return decide(TODO, request, self.entities)


class TodoHouse:
    """The routes over that point."""

    def __init__(self):
        known = InForce(House(in_force()).standing)
        given = {"decisions": TodoPoint(), "in_force": known, "clock": self, "work": alone_at_work}
        control = Control(**{field.name: None for field in fields(Control)} | given)
        self.app = control_app([authzen.router], control=control, local_secret="local", check_reader=None, version="0")

    def now(self):
        return START


@pytest.mark.corpora
@pytest.mark.skipif("SAFECONDUCT_CORPORA" not in os.environ, reason="SAFECONDUCT_CORPORA is not set")
def test_the_interop_set_is_answered_as_it_expects():
    place = Path(os.environ["SAFECONDUCT_CORPORA"]) / "authzen" / "interop.tar.xz"
    with (
        tarfile.open(place) as archive,
        contextlib.closing(
            archive.extractfile("./interop/authzen-api-gateways/test-harness/test/decisions.json")
        ) as file,
    ):
        asked = json.load(file)["evaluation"]
    house = TodoHouse()
    assert len(asked) == 25
    decided = [send(house, ONE, one["request"])[1]["decision"] for one in asked]
    assert decided == [one["expected"] for one in asked]
    _, several = send(house, SEVERAL, {"evaluations": [one["request"] for one in asked]})
    assert [one["decision"] for one in several["evaluations"]] == decided
