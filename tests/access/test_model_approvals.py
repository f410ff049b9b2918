"""A model that needs an approval is refused until both parties have one on record, and again once it is withdrawn."""

import asyncio
from dataclasses import replace

import pytest

from safeconduct.access.compiling import compile_standing
from safeconduct.access.freezes import call_facts
from safeconduct.access.model.calls import CallRequest
from safeconduct.runtime.freeze import fallen
from support.access_house import House
from support.immediate import START
from support.programs import bring_into_force, demo_program, in_force

CATALOGUE = (
    b"models:\n  cyber: {version: cyber-1, aliases: [now], approval: true}\n  plain: {version: plain-1}\n\npaths:\n"
)
SOURCE = demo_program().replace(b"paths:\n", CATALOGUE, 1).replace(b'["smollm2-135m"]', b"[cyber, plain]")
REQUEST = CallRequest(principal="ana", path="soc-triage", purpose="incident-triage", model="now", now=START)
APPROVE = "paths/soc-triage/approvals"
WITHDRAW = "paths/soc-triage/approvals/withdraw"
WANTED = {"model": "cyber", "reason": "the pilot, as agreed on Monday"}


@pytest.fixture
def house():
    return House(in_force(SOURCE))


def standing(house):
    return compile_standing(house.writer.state)


def judged(house, model="now"):
    decision, _ = standing(house).authorize(replace(REQUEST, model=model))
    return [(one.code, one.clause) for one in decision.reasons]


NEEDED = [("model-approval-needed", "path:soc-triage/models/cyber")]


def test_an_approval_is_in_force_with_the_partners_cosignature_and_ends_at_once(house):
    assert judged(house) == NEEDED
    assert judged(house, "plain") == []
    house.witness_answers = False
    status, asked = house.post(APPROVE, WANTED)
    assert (status, asked["state"], asked["model"]) == (200, "waiting", "cyber")
    assert judged(house) == NEEDED
    assert house.get("programs")[1]["waiting"][0]["kind"] == "model-approval"
    assert house.post(APPROVE, WANTED)[1]["code"] == "approval-pending"
    house.witness_answers = True
    asyncio.run(house.settle())
    assert judged(house) == []
    assert house.post(APPROVE, WANTED)[1]["code"] == "model-approved"


def approved(house):
    assert house.post(APPROVE, WANTED)[1]["state"] == "in-force"
    assert judged(house) == []


def test_an_approval_is_for_one_version_on_one_path(house):
    approved(house)
    assert standing(house).approved == {"soc-triage/cyber-1"}
    bring_into_force(house.writer, SOURCE.replace(b"deadline_s: 120", b"deadline_s: 60"))
    assert judged(house) == []  # another version of the path, the same of the model
    bring_into_force(house.writer, SOURCE.replace(b"version: cyber-1", b"version: cyber-2"))
    assert judged(house) == NEEDED


def test_a_path_that_is_gone_takes_its_approvals_along(house):
    approved(house)
    bring_into_force(house.writer, SOURCE.replace(b"soc-triage", b"other-triage"))
    bring_into_force(house.writer, SOURCE)
    assert judged(house) == NEEDED


def test_withdrawing_cuts_what_runs(house):
    approved(house)
    found = standing(house)
    path = found.paths["soc-triage"]
    facts = call_facts(found.principals["ana"], path, "ana-triage", approval="soc-triage/cyber-1")
    assert fallen(found, facts) is None
    status, ended = house.post(WITHDRAW, WANTED, by="bo")
    assert (status, ended["version"]) == (200, "cyber-1")
    assert judged(house) == NEEDED
    assert fallen(standing(house), facts) == ("revoked", "model-approval:soc-triage/cyber-1")
    assert house.post(WITHDRAW, WANTED)[1]["code"] == "approval-unknown"


@pytest.mark.parametrize(
    ("place", "wanted", "by", "code"),
    [
        (APPROVE, WANTED, "bo", "role-missing"),
        (APPROVE, WANTED, "ana", "role-missing"),
        (APPROVE, {**WANTED, "reason": " "}, "ops", "reason-missing"),
        (APPROVE, {**WANTED, "model": "plain"}, "ops", "approval-not-needed"),
        (APPROVE, {**WANTED, "model": "nothing"}, "ops", "model-unknown"),
        ("paths/nowhere/approvals", WANTED, "ops", "path-unknown"),
        (WITHDRAW, WANTED, "ana", "role-missing"),
        (WITHDRAW, WANTED, "ops", "approval-unknown"),
    ],
)
def test_what_is_refused_leaves_no_entry(house, place, wanted, by, code):
    count = len(house.writer.entries)
    assert house.post(place, wanted, by=by)[1]["code"] == code
    assert len(house.writer.entries) == count
