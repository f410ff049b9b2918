"""A tier that a duty lowers: refused by the floor with the obligation named, cut where it runs, back once it is met."""

from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.compiling import compile_standing
from safeconduct.access.freezes import call_facts
from safeconduct.access.lowering import Lowered
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.parties import PrincipalKind
from safeconduct.access.selectors import parse_selector
from safeconduct.runtime.freeze import fallen
from support.granting import granting_program
from support.immediate import START
from support.programs import in_force

SOURCE = (
    granting_program()
    .replace(b"roles: [analyst]}", b"roles: [analyst], tier: 2}")
    .replace(b"kind: service, sponsor: ana}", b"kind: service, sponsor: ana, tier: 2}")
)
STATE = in_force(SOURCE).state
STRONG = CallRequest(principal="ana", path="soc-triage", purpose="incident-triage", model="strong", now=START)
SERVICE = replace(STRONG, principal="triage-service")


def lowered(subject="organization:northwind", tier=1, obligation="drill", kinds=()):
    why = "no drill since 2026-01-01"
    return Lowered(subject=parse_selector(subject), tier=tier, obligation=obligation, why=why, since=START, kinds=kinds)


def standing(*facts):
    state = STATE.copy()
    for one in facts:
        state.put(kept.LOWERED, one.key, one)
    return compile_standing(state)


def codes(found, request=STRONG):
    return [reason.code for reason in found.authorize(request)[0].reasons]


def test_a_model_above_the_lowered_tier_is_refused_with_what_raises_it_again():
    assert codes(standing()) == []
    (reason,) = standing(lowered()).authorize(STRONG)[0].reasons
    assert (reason.code, reason.clause) == ("tier-lowered", "obligation:drill")
    assert "strong needs tier 2, and organization:northwind is lowered to tier 1" in reason.text
    assert reason.text.endswith("no drill since 2026-01-01")
    assert reason.remedy == "it passes once the obligation is met: safeconduct obligation show drill"
    assert codes(standing(lowered(tier=2))) == []
    assert codes(standing(lowered(tier=0)), replace(STRONG, model="smollm2-135m")) == []


@pytest.mark.parametrize(
    ("subject", "kinds", "ana", "service"),
    [
        ("organization:northwind", (), True, True),
        ("organization:meridian", (), False, False),
        ("organization:northwind", (PrincipalKind.SERVICE,), False, True),
        ("organization:northwind", (PrincipalKind.AGENT,), False, False),
        ("principal:ana", (), True, True),  # who answers for the service
        ("principal:triage-service", (), False, True),
        ("principal:bo", (), False, False),
    ],
)
def test_whom_it_binds(subject, kinds, ana, service):
    found = standing(lowered(subject, kinds=kinds))
    assert (codes(found) == ["tier-lowered"]) == ana
    assert (codes(found, SERVICE) == ["tier-lowered"]) == service


def test_of_several_the_lowest_holds():
    found = standing(lowered(tier=1), lowered(tier=0, obligation="report"), lowered("principal:ana", tier=1))
    (reason,) = found.authorize(STRONG)[0].reasons
    assert (reason.clause, found.reach_on(found.principals["ana"], "soc-triage")) == ("obligation:report", 0)
    assert standing().reach_on(found.principals["ana"], "soc-triage") == 2


def test_what_runs_above_it_is_cut_and_what_does_not_goes_on():
    found = standing(lowered())
    facts = replace(call_facts(found.principals["ana"], found.paths["soc-triage"], "ana-triage"), tier=2)
    assert fallen(standing(), facts) is None
    assert fallen(found, facts) == ("revoked", "obligation:drill")
    assert fallen(found, replace(facts, tier=1)) is None
