"""True claims, made from facts and not from the checker, are accepted; each rests on exactly the fields it cites."""

import random
from dataclasses import replace

import msgspec
import pytest

from safeconduct.soc.claims import ClaimKind
from safeconduct.soc.grounding import Context, Shown, check_all
from safeconduct.soc.predicates import Verdict
from safeconduct.soc.quotes import quotes
from support.soc_world import TECHNIQUES, World, search_over, with_field, world
from support.true_claims import TIME, true_claims


def context_of(here: World) -> Context:
    return Context(
        incident=here.incident,
        events=here.events,
        shown=Shown.whole(here.incident.events),
        techniques=TECHNIQUES,
        search=search_over(here.events.values()),
    )


@pytest.mark.parametrize("seed", range(20))
def test_every_true_claim_is_accepted(seed):
    here = world(seed)
    claims = true_claims(here)
    rejected = [(one.claim, one.reason) for one in check_all(claims, context_of(here)) if not one.verified]
    assert rejected == []


def test_the_true_claims_are_of_every_kind():
    claims = [claim for seed in range(30) for claim in true_claims(world(seed))]
    assert {claim.kind for claim in claims} == set(ClaimKind)
    ties = {claim.predicate.tie.value for claim in claims if claim.kind is ClaimKind.RELATION}
    assert ties == {"host", "ip", "user", "parent"}


def cited(here: World):
    # What a hunt finds is asked of the telemetry, which these tests leave as it is.
    return [claim for claim in true_claims(here) if claim.kind not in {ClaimKind.NEGATIVE, ClaimKind.TALLY}]


@pytest.mark.parametrize("seed", range(6))
def test_changing_one_stored_field_turns_exactly_the_claims_on_it(seed):
    here, rng = world(seed), random.Random(seed)  # noqa: S311 - repeatable, not secret
    claims = cited(here)
    event = here.events[rng.choice(list(here.events))]
    for pointer, value in quotes(event):
        events = {**here.events, event.id: with_field(event, pointer, changed(value))}
        checked = check_all(claims, replace(context_of(here), events=events))
        turned = {one.claim.id for one in checked if not one.verified}
        assert turned == claims_on(claims, event.id, pointer), pointer


@pytest.mark.parametrize("seed", range(6))
def test_moving_an_event_in_time_turns_exactly_the_claims_that_cite_its_time(seed):
    here = world(seed)
    claims = cited(here)
    event = here.events[here.incident.events[3]]
    events = {**here.events, event.id: msgspec.structs.replace(event, at=event.at + 1_000)}
    checked = check_all(claims, replace(context_of(here), events=events))
    assert {one.claim.id for one in checked if not one.verified} == claims_on(claims, event.id, TIME)


def changed(value):
    if isinstance(value, bool):
        return not value
    return value + 123_456_789 if isinstance(value, int) else f"{value}~"


def claims_on(claims, event_id, pointer):
    on = {claim.id for claim in claims if any((p.event, p.pointer) == (event_id, pointer) for p in claim.evidence)}
    verdicts = {
        claim.id for claim in claims if isinstance(claim.predicate, Verdict) and on & set(claim.predicate.claims)
    }
    return on | verdicts
