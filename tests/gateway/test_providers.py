"""A provider with another region or retention is never taken: not as planned, not as it runs, not after an edit."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access.catalogue import UNSTATED
from safeconduct.access.compiling import compile_standing
from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.program import parse_program
from safeconduct.gateway.arriving import Arrival
from safeconduct.gateway.entries import intent_draft
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.gateway.prepare import prepare
from safeconduct.gateway.prepared import Prepared
from safeconduct.gateway.providers import Configured, askable
from safeconduct.kernel.errors import SafeconductError
from safeconduct.policy import decide
from support.call_ends import configured, request
from support.gateway_world import PATH
from support.immediate import START
from support.programs import EU, bring_into_force, demo_program, in_force, program_with

NAMES = ("a", "b", "c")
WORDS = ("x", "y", UNSTATED)


def facts(vendor="acme", region="eu-west", retention="none"):
    return UpstreamFacts(vendor=vendor, region=region, retention=retention, dialects=frozenset(("openai.chat",)))


def standing_of(source):
    return compile_standing(in_force(source).state)


def judge(standing, upstreams):
    return prepare(
        standing,
        upstreams,
        Arrival(path=PATH, at=START, dialect="openai.chat", principal="ana"),
        request(),
        decide=decide,
    )


def running(**by_name):
    return {name: Configured(facts=found, names={}) for name, found in by_name.items()}


TWO = program_with({"a": EU, "b": EU}, ["a", "b"])


def test_what_runs_as_published_may_be_asked_in_the_paths_order():
    standing = standing_of(TWO)
    prepared = judge(standing, running(b=facts(), a=facts(), c=facts()))
    assert [one.upstream for one in prepared.providers] == ["a", "b"]
    body = intent_draft(prepared, "w").body
    assert (body["upstream"], body["region"], body["retention"]) == ("a", "eu-west", "none")
    assert body["path_digest"] == standing.paths[PATH].digest


@pytest.mark.parametrize("other", [{"vendor": "x"}, {"region": "x"}, {"retention": "x"}, {"region": UNSTATED}])
def test_a_provider_that_runs_otherwise_than_published_is_not_asked(other):
    standing = standing_of(TWO)
    prepared = judge(standing, running(a=facts(**other), b=facts()))
    assert [one.upstream for one in prepared.providers] == ["b"]
    assert intent_draft(prepared, "w").body["upstream"] == "b"
    refusal = judge(standing, running(a=facts(**other), b=facts(**other)))
    assert (refusal.step, refusal.error.code) == (6, "provider-outside-path")
    assert refusal.error.clause == "path:soc-triage/providers"


def test_one_of_which_the_program_states_nothing_may_be_anything_alone():
    assert isinstance(judge(standing_of(demo_program()), configured(facts(region="mars"))), Prepared)


def test_an_edit_that_moves_a_provider_moves_no_call_that_follows():
    writer = in_force(TWO)
    us = ("acme", "us-east", "none")
    bring_into_force(writer, program_with({"a": us, "b": us}, ["a", "b"]))
    edited = compile_standing(writer.state)
    assert judge(edited, running(a=facts(), b=facts())).error.code == "provider-outside-path"
    assert isinstance(judge(edited, running(a=facts(region="us-east"))), Prepared)


stated = st.fixed_dictionaries({}, optional={name: st.tuples(*[st.sampled_from(WORDS[:2])] * 3) for name in NAMES})
runs = st.fixed_dictionaries({}, optional={name: st.builds(facts, *[st.sampled_from(WORDS)] * 3) for name in NAMES})
lists = st.sampled_from([list(some) for count in (1, 2, 3) for some in permutations(NAMES, count)])
demands = st.sampled_from([(), ("x",), ("x", "y")])


def plan(source):
    """Returns the path, or the codes of what is against it."""
    try:
        return parse_program(source).paths[0]
    except ProgramInvalidError as error:
        return {one.code for one in error.problems}


def taken(path, upstreams):
    """Returns the names of those that may be asked, or the code of the refusal."""
    try:
        return [one.upstream for one in askable(path, upstreams)]
    except SafeconductError as error:
        return error.code


def kinds(found):
    """Region and retention."""
    return found[1:] if isinstance(found, tuple) else (found.region, found.retention)


def meets(found, regions, retention):
    region, kept = kinds(found)
    return (not regions or region in regions) and (not retention or kept in retention)


@given(stated, lists, demands, demands, runs)
def test_whatever_is_asked_is_what_was_demanded_stated_and_equal(stated, providers, regions, retention, runs):
    said = [stated.get(name, (UNSTATED,) * 3) for name in providers]
    equal = len(said) == 1 or (len(set(map(kinds, said))) == 1 and UNSTATED not in kinds(said[0]))
    path = plan(program_with(stated, providers, regions=regions, retention=retention))
    if isinstance(path, set):
        assert path <= {"failover-unequal", "provider-outside-path"}
        assert not equal or not all(meets(one, regions, retention) for one in said)
        return
    assert equal
    found = taken(path, running(**runs))
    if isinstance(found, str):
        assert found == ("provider-outside-path" if set(providers) & set(runs) else "upstream-unconfigured")
        return
    assert found == [name for name in providers if name in found]
    assert len(found) == 1 or len({kinds(runs[name]) for name in found}) == 1
    assert len(found) == 1 or UNSTATED not in kinds(runs[found[0]])
    assert all(meets(runs[name], regions, retention) for name in found)
