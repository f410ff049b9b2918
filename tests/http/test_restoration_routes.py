"""One token is restored on request: for whom the path names, after its entry, and never across sessions or parties."""

import json
from dataclasses import replace

import pytest

from safeconduct.boundary.spaces import Owner, space_of
from safeconduct.gateway.restoration_events import PROJECTIONS as RESTORATIONS
from safeconduct.gateway.restoration_events import TOKEN_ASKED
from safeconduct.ledger.sealing import KeySelector
from support import gateway_world
from support.gateway_world import AGREEMENT, log_world
from support.programs import signed
from support.readers import with_readers
from support.sealed_house import SealedHouse

HANDLING = b"""    data_classes: [text, host]
    handling: {host: pseudonymize}
    restore: ["principal:ana", "organization:meridian"]
"""
TOKEN, ELSEWHERE, THEIRS = "HOST_abcdefghij", "HOST_bbcdefghij", "HOST_cbcdefghij"


@pytest.fixture(scope="module")
def house():
    program = with_readers().replace(b"    data_classes: [telemetry, unlabeled]\n", HANDLING)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gateway_world, "PROJECTIONS", {**gateway_world.PROJECTIONS, **RESTORATIONS})
        with log_world(program=program) as world:
            kept = (("northwind", "incident:7", "ana", TOKEN), ("northwind", "incident:8", "bo", ELSEWHERE))
            for organization, session, who, token in (*kept, ("meridian", "incident:7", "ops", THEIRS)):
                space = space_of(AGREEMENT, organization, session, "")
                world.keys.keep(space, Owner(AGREEMENT, who, world.clock.now()), {token: "web-01.corp.example"})
            yield SealedHouse(world)


def restore(house, token=TOKEN, *, by="ana", **more):
    asked = {"token": token, "path": "soc-triage", "session": "incident:7", "reason": "to call its owner"} | more
    return house.post("restorations", asked, by=by, prefix="/api/v1/data")


def test_whom_the_path_names_is_told_and_the_entry_says_whom_why_and_not_what(house):
    status, told = restore(house)
    assert (status, told["found"], told["value"]) == (200, "restored", "web-01.corp.example")
    entry = house.log()[-1]
    said = TOKEN_ASKED.read(entry)
    assert (said.by, said.token, said.found, said.reason) == ("ana", TOKEN, "restored", "to call its owner")
    assert "web-01" not in json.dumps(dict(entry.body))
    assert "incident" not in json.dumps(dict(entry.body))
    assert house.world.reader.open_field(entry.id, "session").value == "incident:7"
    assert restore(house, session="incident:7/ana")[1]["value"] == "web-01.corp.example"  # the same incident


def test_another_session_s_token_is_foreign_and_another_organization_s_is_as_one_that_nobody_made(house):
    before = restore(house)[1]["asked"]
    assert restore(house, ELSEWHERE)[1] | {"asked": 0} == {
        "token": ELSEWHERE, "found": "foreign", "value": None, "asked": 0
    }  # fmt: skip
    found = [restore(house, token)[1] for token in (THEIRS, "HOST_zzzzzzzzzz", "USER_abcdefghij")]
    assert [(one["found"], one["value"]) for one in found] == [("forged", None)] * 3
    assert found[-1]["asked"] == {
        "restored": before["restored"], "foreign": before["foreign"] + 1, "forged": before["forged"] + 3
    }  # fmt: skip


def test_each_organization_asks_of_its_own_spaces(house):
    assert restore(house, TOKEN, by="ops")[1]["found"] == "forged"
    assert restore(house, THEIRS, by="ops")[1]["value"] == "web-01.corp.example"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"by": "bo"}, "not-restored-for"),
        ({"by": "eve"}, "not-restored-for"),
        ({"path": "elsewhere"}, "path-unknown"),
        ({"session": ""}, "session-missing"),
        ({"reason": " "}, "reason-missing"),
        ({"token": "host_abcdefghij"}, "token-invalid"),
        ({"token": f"{TOKEN}x"}, "token-invalid"),
        ({"token": "TEXT_abcdefghij"}, "token-invalid"),
    ],
)
def test_what_is_refused_tells_nothing_and_leaves_no_entry(house, asked, code):
    size = len(house.log())
    _, told = restore(house, **asked)
    assert (told["code"], "web-01" in str(told), len(house.log())) == (code, False, size)


def test_who_signs_for_somebody_else_is_not_told_what_that_person_may(house):
    body = json.dumps({"token": "x", "path": "soc-triage", "session": "s", "reason": "r"}).encode()
    act = signed("bo", "POST /api/v1/data/restorations", body, house.world.clock.now())
    forged = replace(act, act=replace(act.act, actor="ana"))
    status, told = house.post("restorations", body, by="ana", act=forged, prefix="/api/v1/data")
    assert (status, told["code"]) == (401, "wrong-key")


def test_what_was_destroyed_is_restored_to_nobody(house):
    house.world.keys.keep(
        space_of(AGREEMENT, "northwind", "gone", ""), Owner(AGREEMENT, "bo", house.world.clock.now()), {TOKEN: "db-01"}
    )
    assert restore(house, session="gone")[1]["value"] == "db-01"
    house.world.keys.destroy(house.world.keys.ids(KeySelector(origin=AGREEMENT, subject="bo")))
    assert restore(house, session="gone")[1]["value"] is None
