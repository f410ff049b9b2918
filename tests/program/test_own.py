"""What a principal is told of itself: its bounds, what it may use and why not, and what waits for it."""

import pytest

from safeconduct.access.compiling import compile_standing
from safeconduct.access.freezes import freeze
from safeconduct.access.lowering import Lowered
from safeconduct.access.model.stops import Selector, SelectorKind
from safeconduct.access.records import LOWERED, PRINCIPALS, RESTRICTIONS
from safeconduct.program.own import asked_of, ceilings, due_of, own_grants, waiting_for
from support.freezing import ordered
from support.granting import Granting
from support.restricting import setting


@pytest.fixture
def house():
    return Granting()


def person(house, name):
    return house.state.get(PRINCIPALS, name)


def grants(house, name, signed_in=None):
    return {
        one.grant.id: one
        for one in own_grants(compile_standing(house.state), person(house, name), house.now, signed_in)
    }


def against(own):
    return {one.model: [reason.code for reason in one.against] for one in own.models}


def test_a_model_that_may_be_used_has_nothing_against_it_and_another_says_what(house):
    (own,) = grants(house, "ana").values()
    assert against(own) == {"smollm2-135m": [], "strong": ["model-tier"]}
    assert all(reason.remedy for one in own.models for reason in one.against)


def test_a_grant_above_ones_tier_reaches_higher_and_both_are_told(house):
    case = house.granted(tier=2, hours=2)
    house.cosign()
    own = grants(house, "ana")
    assert (own[case.id].tier, against(own[case.id])["strong"]) == (2, [])
    assert against(own["ana-triage"])["strong"]
    house.revoke(case)
    assert case.id not in grants(house, "ana")


def test_a_weak_sign_in_bounds_what_a_token_may_use_and_a_key_does_not(house):
    case = house.granted(tier=2, hours=2)
    house.cosign()
    assert against(grants(house, "ana", signed_in=1)[case.id])["strong"] == ["sign-in-too-weak"]
    assert against(grants(house, "ana", signed_in=2)[case.id])["strong"] == []
    assert against(grants(house, "ana", signed_in=0)[case.id])["smollm2-135m"] == []


def test_what_lowers_the_tier_is_named_with_what_raises_it_again(house):
    standing, bo = compile_standing(house.state), person(house, "bo")
    bounds = {one.of: one for one in ceilings(standing, bo, None)}
    assert {"principal", "organization", *(f"agreement:{one}" for one in standing.agreements)} == bounds.keys()
    subject = Selector(SelectorKind.ORGANIZATION, "northwind")
    fact = Lowered(subject=subject, tier=0, obligation="drill", why="none was held", since=house.now)
    house.state.put(LOWERED, fact.key, fact)
    lowered = next(one for one in ceilings(compile_standing(house.state), bo, None) if one.of == "obligation:drill")
    assert (lowered.tier, lowered.lowers) == (0, bo.tier > 0)


def test_restrictions_and_freezes_that_hold_for_one_are_told_and_others_are_not(house):
    house.writer.run(setting("principal:ana", "slow", now=house.now, slow_ms=5))
    (own,) = grants(house, "ana").values()
    assert [one.kind for one in own.restrictions] == ["slow"]
    assert len(list(house.state.scan(RESTRICTIONS))) == 1
    assert not any(one.restrictions for one in grants(house, "triage-service").values())


def test_a_freeze_stands_against_every_model_that_it_stops(house):
    act, said = house.act("ops", "POST /api/v1/freezes/start")
    house.writer.run(lambda tx: freeze(tx, act, ordered("principal:ana"), **said))
    (own,) = grants(house, "ana").values()
    assert all("frozen" in codes for codes in against(own).values())


def test_what_waits_is_told_to_who_asked_and_to_who_may_vote_and_to_nobody_else(house):
    case = house.ask(hours=3)
    assert [(one.kind, one.id) for one in waiting_for(house.state, person(house, "ana"))] == [("grant", case.id)]
    assert list(waiting_for(house.state, person(house, "bo"))) == []
    voters = {
        name
        for name in ("ana", "bo", "cy", "dee", "ops")
        if list(asked_of(house.state, person(house, name), house.now))
    }
    assert {"cy", "dee"} <= voters
    assert "ana" not in voters
    house.vote(case, "cy")
    assert list(asked_of(house.state, person(house, "cy"), house.now)) == []


def test_only_ones_own_dates_are_told(house):
    case = house.ask(hours=3)
    assert case.id in {one.name for one in due_of(house.state, person(house, "ana"), house.now)}
    assert {one.owner for one in due_of(house.state, person(house, "ana"), house.now)} == {"principal:ana"}
    assert due_of(house.state, person(house, "dee"), house.now) == []
