"""Calls under issued grants: the tier that they reach, and the conditions that they are held to."""

import pytest

from safeconduct.access.compiling import compile_standing
from safeconduct.gateway.arriving import Arrival
from safeconduct.gateway.prepare import prepare
from safeconduct.gateway.prepared import Prepared
from safeconduct.policy import decide
from support.call_ends import configured, request
from support.granting import Granting


def judge(house, case, *, session="", model="smollm2-135m"):
    arrival = Arrival(
        path="soc-triage", at=house.now, dialect="openai.chat", principal="ana", grant=case.id, session=session
    )
    body = request(text="a question", model=model)
    return prepare(compile_standing(house.state), configured(), arrival, body, decide=decide)


@pytest.fixture(scope="module")
def house():
    return Granting()


def test_the_condition_approval_per_call_holds_each_call_for_a_person(house):
    held = judge(house, house.granted(conditions={"approval": "per-call"}))
    assert held.hold.clause == f"grant:{held.grant.id}/conditions/approval"
    assert judge(house, house.granted()).hold is None


def test_the_condition_session_is_asked_of_the_header(house):
    case = house.granted(conditions={"session": "case-7"})
    assert isinstance(judge(house, case, session="case-7"), Prepared)
    refused = judge(house, case, session="case-8")
    assert (refused.error.code, refused.clause) == ("session-mismatch", f"grant:{case.id}/conditions/session")


def test_a_call_reaches_the_tier_of_its_grant_and_no_other(house):
    case = house.granted(tier=2)
    house.cosign()
    assert judge(house, case, model="strong").model.tier == 2
    assert judge(house, house.granted(tier=0), model="strong").error.code == "model-tier"
