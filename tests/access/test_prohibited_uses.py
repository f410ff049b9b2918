"""The uses that nobody may have: refused above whatever a program says, while the nearest lawful neighbor is not."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from safeconduct.access import records as kept
from safeconduct.access.compiling import compile_standing
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.programs import Policies
from safeconduct.access.program import parse_program
from safeconduct.access.prohibited import PROHIBITED_USES, prohibited
from safeconduct.kernel.errors import InvalidInputError
from support.immediate import START
from support.programs import demo_program, in_force

REQUEST = CallRequest(
    principal="ana", path="soc-triage", purpose="incident-triage", model="smollm2-135m", now=START
)  # fmt: skip
PAGE = Path(__file__).parents[2] / "docs" / "spec" / "policy.md"
PERMIT_ALL = '@id("all") permit (principal, action, resource);'

NEIGHBORS = {
    "credential-theft": "credential-theft-detection",
    "data-exfiltration": "data-exfiltration-triage",
    "denial-of-service": "denial-of-service-mitigation",
    "extortion": "extortion-response",
    "malware-deployment": "malware-analysis",
    "persistence": "persistence-hunting",
    "stealth": "stealth-detection",
    "third-party-exploitation": "authorized-exploitation",
}
"""A purpose of defenders for each use: minimally different, and not prohibited."""


def standing(path="incident-triage", grant="incident-triage"):
    """Returns a standing in which everything but the floor of uses permits, as no program file could bring it about."""
    state = in_force().state
    state.put(kept.PATHS, "soc-triage", replace(state.get(kept.PATHS, "soc-triage"), purpose=path))
    state.put(kept.GRANTS, "ana-triage", replace(state.get(kept.GRANTS, "ana-triage"), purpose=grant))
    state.put(kept.POLICIES, kept.POLICIES_KEY, Policies(text=PERMIT_ALL))
    return compile_standing(state)


def against(decision):
    return [(reason.code, reason.clause) for reason in decision.reasons]


def test_the_page_lists_each_use_with_its_neighbor():
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \| ([a-z-]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert {use: about for use, about, _ in rows} == PROHIBITED_USES
    assert {use: neighbor for use, _, neighbor in rows} == NEIGHBORS


@pytest.mark.parametrize(("use", "neighbor"), NEIGHBORS.items())
def test_a_prohibited_use_is_refused_and_its_neighbor_passes(use, neighbor):
    decision, _ = standing(use, use).authorize(replace(REQUEST, purpose=use))
    assert not decision.allowed
    assert against(decision) == [
        ("prohibited-use", "request/purpose"),
        ("prohibited-use", "path:soc-triage/purpose"),
        ("prohibited-use", "grant:ana-triage/purpose"),
    ]
    assert decision.reasons[0].remedy.startswith("nothing lifts this")
    assert standing(neighbor, neighbor).authorize(replace(REQUEST, purpose=neighbor))[0].allowed


@pytest.mark.parametrize(
    ("stated", "clause"),
    [
        ({"path": "stealth"}, "path:soc-triage/purpose"),
        ({"grant": "stealth"}, "grant:ana-triage/purpose"),
    ],
)
def test_one_statement_of_it_is_enough(stated, clause):
    decision, _ = standing(**stated).authorize(REQUEST)
    assert against(decision)[0] == ("prohibited-use", clause)


@pytest.mark.parametrize("spelled", ["Credential-Theft", "credential_theft", "CREDENTIAL.THEFT", "-credential--theft:"])
def test_spelling_does_not_lift_it(spelled):
    assert prohibited(spelled) == "credential-theft"
    decision, _ = standing(spelled, spelled).authorize(replace(REQUEST, purpose=spelled))
    assert decision.reasons[0].code == "prohibited-use"


@pytest.mark.parametrize("section", ["paths", "grants"])
def test_a_program_that_states_one_is_refused_where_it_does(section):
    source = demo_program().decode()
    begin = source.index(f"\n{section}:")
    stated = source[:begin] + source[begin:].replace("purpose: incident-triage", "purpose: persistence", 1)
    with pytest.raises(InvalidInputError, match="persistence is a prohibited use") as caught:
        parse_program(stated.encode())
    assert "prohibited-use" in {problem.code for problem in caught.value.problems}
    parse_program(source.encode())
