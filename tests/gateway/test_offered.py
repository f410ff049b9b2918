"""A model is told of if and only if a call with it would pass steps 1 to 6, up to what the call says."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from safeconduct.access.compiling import compile_standing
from safeconduct.gateway.arriving import Arrival
from safeconduct.gateway.dialects.model_lists import MANY, ONE
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.offered import find_offered, offered
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.gateway.prepare import prepare
from safeconduct.gateway.prepared import Prepared
from safeconduct.kernel.errors import AbsentError, SafeconductError
from safeconduct.kernel.instants import seconds
from safeconduct.policy import decide
from support.access_house import House
from support.call_ends import configured, request
from support.immediate import START
from support.programs import demo_program, in_force

CATALOGUE = b"""upstreams:
  local: {vendor: acme, region: eu-west, retention: none}

models:
  plain: {version: plain-1, aliases: [p]}
  strong: {version: strong-1, tier: 1}
  early: {version: early-1, tier: 2, prerelease: true, aliases: [e]}
  cyber: {version: cyber-1, tier: 1, approval: true}

paths:
"""
NAMES = ("plain", "plain-1", "p", "strong", "strong-1", "early", "early-1", "e", "cyber", "cyber-1", "smollm2-135m")
RIGHT = UpstreamFacts(vendor="acme", region="eu-west", retention="none", dialects=frozenset(("openai.chat",)))
UPSTREAMS = {
    "right": configured(RIGHT),
    "moved": configured(replace(RIGHT, region="us-east")),
    "none": {},
}


def standing_of(tier, *, approved=False, frozen=False, models=b"[plain, strong, early, cyber]\n    tier: 2"):
    source = demo_program().replace(b"paths:\n", CATALOGUE, 1).replace(b'["smollm2-135m"]', models)
    source = source.replace(b"name: Northwind Bank,", b"name: Northwind Bank, tier: 2,")
    source = source.replace(b"roles: [analyst]", b"roles: [analyst], tier: %d" % tier)
    house = House(in_force(source))
    if approved:
        house.post("paths/soc-triage/approvals", {"model": "cyber", "reason": "a test"})
    if frozen:
        house.post("freezes/start", {"selector": "grant:ana-triage", "reason": "a test"})
    return compile_standing(house.writer.state)


STANDINGS = {
    (tier, approved, frozen): standing_of(tier, approved=approved, frozen=frozen)
    for tier, (approved, frozen) in product(range(3), ((False, False), (True, False), (True, True)))
}
arrivals = st.builds(
    Arrival,
    path=st.sampled_from(["soc-triage", "soc-triage", "nowhere"]),
    at=st.sampled_from([START, START, START + seconds(500 * 86400)]),
    dialect=st.just("openai.chat"),
    principal=st.sampled_from(["ana", "ana", "triage-service", "bo"]),
    purpose=st.sampled_from(["", "incident-triage", "hunting", "n\xf6"]),
    grant=st.sampled_from(["", "ana-triage", "service-triage"]),
)


def listed(standing, upstreams, arrival, family="openai"):
    """Returns what is told, or nothing where the question itself is refused."""
    try:
        return offered(standing, upstreams, arrival, family, decide=decide)
    except SafeconductError:
        return ()


@given(st.sampled_from(sorted(STANDINGS)), st.sampled_from(sorted(UPSTREAMS)), arrivals)
def test_what_is_listed_is_what_a_call_would_pass_with(key, runs, arrival):
    standing, upstreams = STANDINGS[key], UPSTREAMS[runs]
    judged = {name: prepare(standing, upstreams, arrival, request(model=name), decide=decide) for name in NAMES}
    passing = {name for name, found in judged.items() if isinstance(found, Prepared)}
    assert set(listed(standing, upstreams, arrival)) == passing


def ask(standing, family="openai", **changes):
    arrival = structs.replace(Arrival(path="soc-triage", at=START, principal="ana"), **changes)
    return offered(standing, UPSTREAMS["right"], arrival, family, decide=decide)


def test_each_tier_and_approval_adds_its_own_and_only_those():
    plain = ("plain", "plain-1", "p")
    assert ask(STANDINGS[0, False, False]) == plain
    assert ask(STANDINGS[1, False, False]) == (*plain, "strong", "strong-1")
    assert ask(STANDINGS[1, True, False]) == (*plain, "strong", "strong-1", "cyber", "cyber-1")
    assert set(NAMES) - set(ask(STANDINGS[2, True, False])) == {"smollm2-135m"}
    assert ask(STANDINGS[2, True, True]) == ()


def test_a_family_that_the_path_does_not_speak_is_offered_nothing():
    assert ask(STANDINGS[2, True, False], "anthropic") == ()


def test_a_header_that_is_no_word_is_refused_as_with_a_call():
    with pytest.raises(DialectError):
        ask(STANDINGS[0, False, False], purpose="\xf6")


@pytest.mark.parametrize("name", ["early", "cyber", "nothing"])
def test_a_model_that_is_not_offered_is_as_absent_as_one_that_is_not_there(name):
    names = ask(STANDINGS[0, False, False])
    assert find_offered(names, "p") == "p"
    with pytest.raises(AbsentError) as caught:
        find_offered(names, name)
    assert caught.value.code == "model-unknown"
    assert caught.value.message.replace(name, "M") == "there is no model 'M' for you here"


def test_the_shapes_of_both_families():
    assert MANY["openai"](("m",)) == {
        "object": "list",
        "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "safeconduct"}],
    }
    assert ONE["openai"]("m") == MANY["openai"](("m",))["data"][0]
    found = MANY["anthropic"](("a", "b"))
    assert (found["first_id"], found["last_id"], found["has_more"]) == ("a", "b", False)
    assert found["data"][0] == ONE["anthropic"]("a")
    assert MANY["anthropic"](()) == {"data": [], "has_more": False, "first_id": None, "last_id": None}
