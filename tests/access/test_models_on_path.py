"""What a name of a model means to a caller: one pinned version, within what the caller was approved for, or nothing."""

from dataclasses import replace

import pytest

from safeconduct.access.compiling import compile_standing
from safeconduct.access.freezes import call_facts
from safeconduct.access.model.calls import CallRequest
from safeconduct.runtime.freeze import fallen
from support.immediate import START
from support.programs import demo_program, in_force

CATALOGUE = """models:
  smollm2-135m: {version: smollm2-135m-2026-01-01, aliases: [small, smollm2]}
  strong: {version: strong-2, tier: 2}
  early: {version: early-3, tier: 2, prerelease: true, aliases: [next]}

paths:
"""
REQUEST = CallRequest(principal="ana", path="soc-triage", purpose="incident-triage", model="small", now=START)


def standing(tier=0):
    source = demo_program().decode().replace("paths:\n", CATALOGUE, 1)
    source = source.replace('models: ["smollm2-135m"]', "models: [smollm2-135m, strong, early]\n    tier: 2")
    source = source.replace("name: Northwind Bank,", "name: Northwind Bank, tier: 2,")
    source = source.replace("roles: [analyst]", f"roles: [analyst], tier: {tier}")
    return compile_standing(in_force(source.encode()).state)


LOW, HIGH = standing(1), standing(2)


def refused(found, model):
    decision, _ = found.authorize(replace(REQUEST, model=model))
    assert not decision.allowed
    return decision.reasons[0]


@pytest.mark.parametrize("name", ["small", "smollm2", "smollm2-135m", "smollm2-135m-2026-01-01"])
def test_every_name_of_a_model_means_its_one_version(name):
    assert LOW.authorize(replace(REQUEST, model=name))[0].allowed
    assert LOW.compiled["soc-triage"].model(name, 0).version == "smollm2-135m-2026-01-01"


def test_a_tier_below_the_models_is_refused_with_what_would_make_it_pass():
    reason = refused(LOW, "strong")
    assert (reason.code, reason.clause) == ("model-tier", "principal:ana/tier")
    assert reason.remedy == "it passes once the program in force, or a grant that is issued, gives ana tier 2"
    assert HIGH.authorize(replace(REQUEST, model="strong"))[0].allowed


@pytest.mark.parametrize("name", ["early", "next", "early-3"])
def test_a_pre_release_is_as_absent_as_a_model_that_is_not_there(name):
    found, absent = refused(LOW, name), refused(LOW, "nothing")
    assert found.code == "model-not-allowed"
    assert found.text.replace(repr(name), "M") == absent.text.replace("'nothing'", "M")
    assert "early" not in absent.text
    assert HIGH.authorize(replace(REQUEST, model=name))[0].allowed
    assert "early" in refused(HIGH, "nothing").text
    assert "early" not in absent.remedy


def test_a_version_that_was_pinned_before_is_no_name_of_the_model():
    assert refused(HIGH, "smollm2-135m-2025-01-01").code == "model-not-allowed"


def test_a_tier_that_is_taken_away_cuts_what_runs_on_it():
    facts = replace(call_facts(HIGH.principals["ana"], HIGH.paths["soc-triage"], "ana-triage"), tier=2)
    assert fallen(HIGH, facts) is None
    assert fallen(LOW, facts) == ("revoked", "principal:ana/tier")
    assert fallen(LOW, replace(facts, tier=1)) is None
