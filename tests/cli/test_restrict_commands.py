"""Restricting, holding, approving and appealing, as people do it at the command line while calls are made."""

from types import SimpleNamespace

import pytest

from support.serve_calls import ROUTE, asked, bearer, chat, request
from support.shell import made, serving, witness
from support.talker import talking

CALLS_RULE = """approvals:
  call:
    groups:
      - {organization: northwind, role: responder, count: 1}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    house, key = made(tmp_path_factory.mktemp("restrict") / "house")
    with witness(house.root / "witness", key) as told:
        file = house.program(told, upstream="custom", model="m")
        file.write_text(file.read_text().replace("approvals:\n", CALLS_RULE, 1))
        assert house("program", "apply", file).code == 0
    with talking() as model, serving(house.data, "--model", model.url) as (_process, address):
        yield SimpleNamespace(house=house, url=address.url, token=bearer(house))


def called(served, **changed):
    """Makes a call of ana's; returns its status and error."""
    status, answer = asked(served.url, "POST", ROUTE, chat(**changed), served.token)
    return status, answer.get("error", {})


@pytest.fixture
def restricted(served):
    """Restricts ana; what is set is lifted after the test, by somebody who may."""
    set_ = []

    def restrict(*how):
        said = served.house("restrict", "principal:ana", *how, "--reason", "a test", "--json", by="ops")
        assert said.code == 0, said
        set_.append(said.json["id"])
        return said.json

    yield restrict
    for one in set_:
        assert served.house("unrestrict", one, by="bo").error == "role-missing"
        assert served.house("unrestrict", one, by="ops").code == 0


@pytest.mark.parametrize("how", [(), ("--hold", "--suspend"), ("--slow", 0)])
def test_one_kind_of_restriction_is_needed(served, how):
    said = served.house("restrict", "principal:ana", *how, "--reason", "a test")
    assert (said.code, said.error) == (2, "restriction-incomplete")


def test_without_a_reason_nothing_is_restricted(served):
    assert served.house("restrict", "principal:ana", "--suspend").error == "restriction-incomplete"
    assert served.house("unrestrict", "--json").json == []
    assert called(served)[0] == 200


def test_a_suspension_refuses_and_an_appeal_is_on_record(served, restricted):
    one = restricted("--suspend")
    assert [listed["id"] for listed in served.house("unrestrict", "--json").json] == [one["id"]]
    status, error = called(served)
    assert (status, error["code"]) == (403, "suspended")
    assert served.house("call", "appeal", error["call"], by="ana").error == "reason-missing"
    lodged = served.house("call", "appeal", error["call"], "--reason", "it is my work", "--json", by="ana").json
    assert lodged["id"] in [listed["id"] for listed in served.house("appeal", "list", "--json", by="ops").json]


def test_a_slow_call_waits_and_is_told_so(served, restricted):
    one = restricted("--slow", 1)
    connection, answer = request(served.url, "POST", ROUTE, chat(), served.token)
    response = answer()
    assert (response.status, response.headers["safeconduct-restriction"]) == (200, f"slow:{one['id']}")
    response.read()
    connection.close()


def test_a_path_without_a_weaker_model_can_not_be_restricted_to_it_unseen(served, restricted):
    restricted("--weaker")
    status, error = called(served)
    assert (status, error["code"]) == (403, "no-weaker-model")


def held(served, **changed):
    status, error = called(served, **changed)
    assert (status, error["code"]) == (403, "approval-required")
    (listed,) = (
        one["approval"]["id"]
        for one in served.house("call", "held", "--json").json
        if one["approval"]["id"] in error["message"]
    )
    return listed


def test_a_held_call_passes_once_when_another_person_approved_it(served, restricted):
    restricted("--hold")
    approval = held(served)
    assert served.house("call", "approve", approval, by="ana").error == "own-proposal"
    assert served.house("call", "approve", "nothing", by="bo").error == "approval-unknown"
    assert served.house("call", "approve", approval, "--json", by="bo").json["state"] == "approved"
    assert called(served, temperature=0.5)[1]["code"] == "approval-required"  # another request
    assert called(served)[0] == 200
    assert called(served)[1]["code"] == "approval-required"  # it was used


def test_one_vote_against_ends_a_held_call(served, restricted):
    restricted("--hold")
    approval = held(served, temperature=0.25)
    assert served.house("call", "approve", approval, "--against", "--json", by="bo").json["state"] == "rejected"
    assert called(served, temperature=0.25)[0] == 403
