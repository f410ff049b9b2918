"""Grants by request over the control API: what is shown is what is signed, and nothing else gets in."""

import asyncio

import pytest

from safeconduct.approvals import Verdict, ballot
from safeconduct.cli.granting import shown_draft
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.instants import rfc3339, seconds
from support.access_house import House
from support.granting import HOUR, granting_program
from support.programs import in_force, signed


@pytest.fixture
def house():
    return House(in_force(granting_program()))


def wanted(house, **other):
    until = rfc3339(house.now() + 2 * HOUR)
    return {"principal": "ana", "path": "soc-triage", "until": until, "reason": "a case"} | other


def asked(house, **other):
    status, case = house.post("grants/request", wanted(house, **other), by="ana")
    assert status == 200, case
    return case


def vote(house, case, by, verdict=Verdict.APPROVE):
    return house.post(f"grants/{case['id']}/vote", ballot(shown_draft(case), verdict), by=by)


def granted(house, **other):
    case = asked(house, **other)
    assert vote(house, case, "cy")[0] == 200
    return vote(house, case, "dee")[1]


def test_from_the_first_request_to_the_end_everything_stays_on_record(house):
    case = asked(house, conditions={"hours": "07:00-19:00"})
    assert (case["state"], case["approval"]["recused"]) == ("asked", [])
    assert vote(house, case, "cy")[1]["state"] == "asked"
    issued = vote(house, case, "dee")[1]
    assert issued["state"] == "in-force"
    assert [grant["origin"] for grant in house.get("grants")[1]].count("request") == 1
    shown = house.get(f"grants/{case['id']}")[1]
    assert (shown["conditions"], shown["text"], shown["open"]) == ({"hours": "07:00-19:00"}, case["text"], True)
    assert house.post(f"grants/{case['id']}/revoke", {"reason": "over"}, by="bo")[1]["state"] == "revoked"
    again = house.post(f"grants/{case['id']}/reissue", {"reason": "more"}, by="ana")[1]
    assert (again["replaces"], again["state"]) == (case["id"], "asked")
    assert [one["state"] for one in house.get("grant-requests")[1]] == ["revoked", "asked"]
    ended = house.get(f"grants/{case['id']}")[1]
    assert [one["voter"] for one in ended["approval"]["votes"]] == ["cy", "dee"]
    assert len(ended["entries"]) == 3


def test_an_elevation_asks_the_witness_and_waits_for_it(house):
    house.witness_answers = False
    waiting = granted(house, tier=2)
    assert (waiting["state"], waiting["problem"]) == ("waiting", "the witness does not answer")
    asyncio.run(house.settle())
    assert house.get(f"grants/{waiting['id']}")[1]["state"] == "waiting"
    house.witness_answers = True
    asyncio.run(house.settle())
    assert house.get(f"grants/{waiting['id']}")[1]["state"] == "in-force"


def test_a_server_that_shows_another_text_gets_no_vote(house):
    case = asked(house)
    for name, value in (("text", case["text"].replace("ana", "eve")), ("origin", "another/log"), ("kind", "response")):
        lying = case | {name: value} if name == "text" else case | {"approval": case["approval"] | {name: value}}
        with pytest.raises(ConflictError) as caught:
            shown_draft(lying)
        assert caught.value.code == "draft-changed"


@pytest.mark.parametrize(
    "more",
    [{"state": "in-force"}, {"elevated": False}, {"approval": None}, {"origin": "break-glass"}, {"by": "ops"}],
)
def test_what_is_not_asked_for_can_not_be_set(house, more):
    assert house.post("grants/request", wanted(house, **more), by="ana")[0] == 400


def test_a_change_needs_the_act_of_a_known_person(house):
    case = asked(house)
    count = len(house.writer.entries)
    paths = [path for path in house.app.openapi()["paths"] if "/grants" in path or "/break-glass" in path]
    posts = [path for path in paths if "post" in house.app.openapi()["paths"][path]]
    assert len(posts) == 7
    for path in posts:
        filled = path.format(grant_id=case["id"], template="night").removeprefix("/api/v1/")
        assert house.check(filled, b"{}")[0] == 401  # the local secret reads; it changes nothing
        act = encode_act(signed("ana", f"POST /api/v1/{filled}", b"{}", house.now(), key="stranger"))
        status, told = house.send(Ask(method="POST", path=f"/api/v1/{filled}", headers={HEADER: act}, body=b"{}"))
        assert (status, told["code"]) in ((401, "wrong-key"), (400, "invalid-input"))
    assert len(house.writer.entries) == count


def test_glass_is_broken_told_of_and_reviewed(house):
    assert [one["id"] for one in house.get("break-glass")[1]] == ["night", "pair"]
    status, opened = house.post("break-glass/night/open", {"reason": "it burns"}, by="bo")
    assert (status, opened["state"], opened["approval"]) == (200, "in-force", None)
    (owed,) = house.get("break-glass/reviews")[1]
    assert (owed["missing"], owed["overdue"], owed["finding"]) == (["northwind", "meridian"], False, None)
    assert house.post(f"grants/{opened['id']}/revoke", {"reason": "out"}, by="bo")[0] == 200
    owed = house.get("break-glass/reviews")[1][0]
    said = {"finding": "justified", "reason": "it burned", "review": owed["review"]}
    for by, missing in (("dee", ["northwind"]), ("cy", [])):
        reviewed = house.post(f"break-glass/reviews/{opened['id']}/vote", said, by=by)[1]
        assert reviewed["missing"] == missing
    assert reviewed["finding"] == "justified"
    stale = said | {"review": "0" * 64}
    assert house.post(f"break-glass/reviews/{opened['id']}/vote", stale, by="ops")[1]["code"] == "already-voted"


def test_after_its_due_date_a_review_is_shown_as_overdue(house):
    house.post("break-glass/night/open", {"reason": "it burns"}, by="bo")
    house.writer.now = house.writer.now + 72 * HOUR
    assert house.get("break-glass/reviews")[1][0]["overdue"]
    assert house.post("break-glass/night/open", {"reason": "again"}, by="eve")[1]["code"] == "review-overdue"


def test_two_votes_of_one_person_over_http_are_one(house):
    case = asked(house)
    body = ballot(shown_draft(case), Verdict.APPROVE)
    path = f"/api/v1/grants/{case['id']}/vote"
    act = encode_act(signed("cy", f"POST {path}", body, house.now()))

    async def both():
        sent = Ask(method="POST", path=path, headers={HEADER: act}, body=body)
        return await asyncio.gather(ask(house.app, sent), ask(house.app, sent))

    assert sorted(reply.status for reply in asyncio.run(both())) == [200, 409]
    house.writer.now = house.writer.now + seconds(1)
    assert vote(house, case, "cy")[1]["code"] == "already-voted"
