"""Calls as the log has them, and who may see what was sent."""

import asyncio
from dataclasses import fields, replace

import msgspec
import pytest

from safeconduct.gateway.entries import abandoned_draft
from safeconduct.gateway.events import CALL_INTENT, CALL_REFUSED, CallIntended, CallRefused
from safeconduct.http.control import calls
from safeconduct.http.control.context import Control
from safeconduct.http.control.frame import Reader, control_app, reading
from safeconduct.http.control.triage import _sent_in_vain
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.instants import Instant
from support.gateway_world import AGREEMENT, log_world

INTENT = CallIntended(
    principal="ana", organization="northwind", grant="ana-triage", agreement="ag-2026-01", path="soc-triage",
    path_digest="", purpose="incident-triage", model="m", determining=("grant-covers-call",), policy_digest="p",
    epoch=1, targets_in_scope=0, targets_out_of_scope=1, request_sha256="r", request_bytes=11, sent_sha256="s",
    stream=False, output_tokens_max=5, deadline_at=Instant(0), worker="w",
)  # fmt: skip

REFUSED = CallRefused(
    principal="ana", organization="northwind", path="soc-triage", purpose="other", model="m", step=6,
    code="purpose-mismatch", clause="path:soc-triage/purpose", request_sha256="r", request_bytes=11, unrecorded=0,
)  # fmt: skip


class Desk:
    """The routes over a real log, read locally or as a person of an organization."""

    def __init__(self, world):
        path = world.board.current.path("soc-triage")
        draft = CALL_INTENT.draft(
            replace(INTENT, path_digest=path.digest), sealed={"request": "a question", "sent": "!"}
        )
        self.call = self.append(world, draft)
        self.open = self.append(world, CALL_INTENT.draft(INTENT, sealed={"request": "another"}))
        self.append(world, abandoned_draft(self.call, "w2"))
        self.refused = self.append(world, CALL_REFUSED.draft(REFUSED))
        given = {"log": world.reader, "snapshot": world.store.snapshot}
        self.control = control = Control(**{one.name: None for one in fields(Control)} | given)
        self.apps = {
            who: control_app([calls.router], control=control, local_secret="s", check_reader=str, version="0")
            for who in ("local", "northwind", "meridian")
        }

    def append(self, world, draft):
        return world.writer.submit(lambda tx: tx.append(AGREEMENT, draft)).result().value.id

    def get(self, path, who="local"):
        app = self.apps[who]
        if who != "local":
            app.dependency_overrides[reading] = lambda: Reader(organization=who)
        headers = {"authorization": "Bearer s"} if who == "local" else {}
        reply = asyncio.run(ask(app, Ask(method="GET", path=f"/api/v1/calls{path}", headers=headers)))
        return reply.status, msgspec.json.decode(reply.body)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with log_world(tmp_path_factory.mktemp("calls")) as world:
        yield Desk(world)


def test_calls_are_listed_newest_first_with_how_they_ended(desk):
    status, listed = desk.get("")
    assert status == 200
    assert [(one["call"], one["state"]) for one in listed] == [
        (desk.refused, "refused"),
        (desk.open, "running"),
        (desk.call, "abandoned"),
    ]
    assert listed[2]["upstream"] == "local"


def test_its_own_organization_and_the_holder_of_the_data_see_what_was_sent(desk):
    for who in ("local", "northwind"):
        status, shown = desk.get(f"/{desk.call}", who)
        assert (status, shown["withheld"]) == (200, False)
        assert shown["fields"] == {"request": "a question", "sent": "!"}


def test_the_other_party_sees_the_call_and_not_what_was_sent(desk):
    status, shown = desk.get(f"/{desk.call}", "meridian")
    assert (status, shown["state"], shown["request_bytes"]) == (200, "abandoned", 11)
    assert (shown["withheld"], shown["fields"], shown["answer"]) == (True, {}, {})
    assert "a question" not in str(shown)


@pytest.mark.parametrize("call", ["nope", "01KAK00000000000000000000A"])
def test_a_call_that_is_not_there(desk, call):
    status, told = desk.get(f"/{call}")
    assert (status, told["code"]) == (404, "call-unknown")


def test_a_call_in_vain_still_shows_what_left_the_house(desk):
    (left,) = _sent_in_vain(desk.control, desk.open)
    assert (left["call"], left["bytes"], bytes(left["body"])) == (desk.open, 7, b"another")
    (changed,) = _sent_in_vain(desk.control, desk.call)
    assert bytes(changed["body"]) == b"!"


def test_a_call_that_was_refused_or_is_not_recorded_let_nothing_leave(desk):
    for call in (desk.refused, "01KAK00000000000000000000A", ""):
        assert _sent_in_vain(desk.control, call) == []
