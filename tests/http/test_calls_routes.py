"""Calls as the log has them, and what of them is sealed."""

import asyncio
from dataclasses import fields

import msgspec
import pytest
from msgspec.structs import replace

from safeconduct.access.model.parties import Principal, PrincipalKind
from safeconduct.access.opening_events import OPENED
from safeconduct.access.opening_rules import Viewer
from safeconduct.access.reading_rights import Reader as Asking
from safeconduct.gateway.entries import abandoned_draft
from safeconduct.gateway.events import CALL_INTENT, CALL_REFUSED, CallRefused
from safeconduct.http.control import calls, triage
from safeconduct.http.control.app import control_app
from safeconduct.http.control.asking import reading
from safeconduct.http.control.context import Control
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.instants import SECOND, Instant
from support.calls import INTENT
from support.gateway_world import AGREEMENT, log_world

REFUSED = CallRefused(
    principal="ana", organization="northwind", path="soc-triage", path_digest="d", purpose="other", model="m",
    step=6, code="purpose-mismatch", clause="path:soc-triage/purpose", request_sha256="r", request_bytes=11,
    unrecorded=0,
)  # fmt: skip


_PERSON = PrincipalKind.PERSON
PEOPLE = {
    "northwind": Asking(who=Principal(id="ana", organization="northwind", kind=_PERSON, key=None), side="partner"),
    "meridian": Asking(
        who=Principal(id="ops", organization="meridian", kind=_PERSON, key=None, roles=("administrator",)),
        side="provider",
    ),
    "elsewhere": Asking(who=Principal(id="eve", organization="elsewhere", kind=_PERSON, key=None), side=None),
}


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
        world.clock.at = Instant(world.clock.at + SECOND)
        self.refused = self.append(world, CALL_REFUSED.draft(REFUSED))
        self.world = world
        given = {"log": world.reader, "snapshot": world.store.snapshot, "writer": world.writer}
        self.control = control = Control(**{one.name: None for one in fields(Control)} | given)
        self.apps = {
            who: control_app([calls.router], control=control, local_secret="s", check_reader=str, version="0")
            for who in ("local", "northwind", "meridian", "elsewhere")
        }

    def append(self, world, draft):
        return world.writer.submit(lambda tx: tx.append(AGREEMENT, draft)).result().value.id

    def get(self, path, who="local"):
        app = self.apps[who]
        if who != "local":
            app.dependency_overrides[reading] = lambda: PEOPLE[who]
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


@pytest.mark.parametrize("who", ["local", "northwind", "meridian"])
def test_a_call_shows_what_is_sealed_and_for_whom_and_opens_nothing(desk, who):
    status, shown = desk.get(f"/{desk.call}", who)
    assert (status, shown["state"], shown["request_bytes"]) == (200, "abandoned", 11)
    assert shown["sealed"]["request"] == [
        {"entry": desk.call, "field": "request", "readers": ["partner", "provider"]},
        {"entry": desk.call, "field": "sent", "readers": ["partner", "provider"]},
    ]
    assert "a question" not in str(shown)


@pytest.mark.parametrize("call", ["nope", "01KAK00000000000000000000A"])
def test_a_call_that_is_not_there(desk, call):
    status, told = desk.get(f"/{call}")
    assert (status, told["code"]) == (404, "call-unknown")


def apart(one, *others):
    """The shortest beginning that an id has alone."""
    return next(one[:size] for size in range(len(one)) if not any(other.startswith(one[:size]) for other in others))


@pytest.mark.parametrize("below", ["", "/labels", "/explanation"])
def test_a_call_is_named_by_a_beginning_that_no_other_call_has(desk, below):
    enough = apart(desk.refused, desk.call, desk.open)
    assert desk.get(f"/{enough}{below}") == desk.get(f"/{desk.refused}{below}")
    assert desk.get(f"/{enough}{below}")[0] == 200
    status, told = desk.get(f"/{enough[:-1]}{below}")
    assert (status, told["code"]) == (404, "call-unknown")
    assert desk.call in told["detail"]
    assert "calls have an id that begins with" in told["detail"]


def test_entries_that_are_no_calls_are_no_candidates(desk):
    """What follows a call is an entry of its own, and begins as the call does where both were made in one moment."""
    alike = [one for one in desk.world.reader.entries(AGREEMENT) if one.id.startswith(desk.call[:-2])]
    assert len(alike) > 2
    told = desk.get(f"/{desk.call[:-2]}")[1]["detail"]
    assert told == f"2 calls have an id that begins with {desk.call[:-2]!r}: {desk.call}, {desk.open}"


def test_a_reader_is_told_of_no_call_that_is_not_theirs(desk):
    begun = desk.call[:-1]
    assert desk.call in desk.get(f"/{begun}")[1]["detail"]
    status, told = desk.get(f"/{begun}", "elsewhere")
    assert (status, told["code"]) == (404, "call-unknown")
    assert desk.call not in told["detail"]


def sent_in_vain(desk, call):
    viewer = Viewer(by="ana", reader=Reader.PARTNER)
    return asyncio.run(triage.sent_in_vain(desk.control, viewer, call))


def test_a_call_in_vain_still_shows_what_left_the_house_and_the_log_says_to_whom(desk):
    (left,) = sent_in_vain(desk, desk.open)
    assert (left["call"], left["bytes"], bytes(left["body"])) == (desk.open, 7, b"another")
    (changed,) = sent_in_vain(desk, desk.call)
    assert bytes(changed["body"]) == b"!"
    *_, first, second = desk.world.reader.entries(AGREEMENT)
    assert [(one.type, one.body["entry"], one.body["field"], one.body["by"]) for one in (first, second)] == [
        (OPENED.name, desk.open, "request", "ana"),
        (OPENED.name, desk.call, "sent", "ana"),
    ]


def test_a_call_that_was_refused_or_is_not_recorded_let_nothing_leave(desk):
    size = desk.world.reader.size(AGREEMENT)
    for call in (desk.refused, "01KAK00000000000000000000A", ""):
        assert sent_in_vain(desk, call) == []
    assert desk.world.reader.size(AGREEMENT) == size
