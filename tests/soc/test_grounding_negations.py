"""What a rule shows that only rules values out is quoted by claims, and each way to make these false is caught."""

from dataclasses import replace

import pytest

from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.claims import make_claim
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.grounding import check, check_all
from safeconduct.soc.model import Incident
from safeconduct.soc.predicates import Evidence, Observation, Technique
from safeconduct.soc.rule_claims import claims_by_rules
from safeconduct.soc.summary import rule_context, summarize
from support.sigma import logged, rule
from support.soc_world import LIVE, TECHNIQUES, with_field
from support.telemetry import START

IMAGE = "/raw/Event/EventData/Image"
PARENT = "/raw/Event/EventData/ParentImage"
NOT_EXE = rule(
    {"s": {"Image|endswith": ".exe"}, "condition": "not s"},
    logsource={"category": "process_creation", "product": "windows"},
    tags=[f"attack.{LIVE[0].lower()}"],
)


def world():
    """An incident of two processes whose files have other names, and all that its rules say of it."""
    hit, other = (
        logged(number, "Microsoft-Windows-Sysmon/Operational", Image=image, ParentImage="C:\\p.exe")
        for number, image in ((1, "C:\\a.jpg"), (2, "C:\\b.jpg"))
    )
    alerts = detect([hit, other], load([("not-exe.yml", NOT_EXE)]))
    at = Instant(START)
    incident = Incident(
        id=IncidentId("1" * 32), alerts=alerts, edges=(), events=(hit.id, other.id), first_at=at, last_at=at,
        score=42, score_reasons=(),
    )  # fmt: skip
    return incident, {hit.id: hit, other.id: other}


def verdict(incident, events, claim, predicate):
    """Returns why a predicate is rejected in place of a claim's, or nothing."""
    checked = check(make_claim(claim.incident, claim.author, predicate), rule_context(incident, events, TECHNIQUES))
    return "" if checked.verified else checked.reason.code


def test_what_the_fields_have_instead_is_claimed_and_verified():
    incident, events = world()
    summary, checked = summarize(rule_context(incident, events, TECHNIQUES))
    assert [one.reason for one in checked if not one.verified] == []
    assert (summary.grounded, summary.alerts) == (2, 2)
    observed = [one.claim.predicate.field for one in checked if isinstance(one.claim.predicate, Observation)]
    first, second = incident.events
    assert Evidence(event=first, pointer=IMAGE, quote="C:\\a.jpg") in observed
    assert Evidence(event=second, pointer=IMAGE, quote="C:\\b.jpg") in observed
    assert [use.technique for use in summary.techniques] == [LIVE[0]]


MUTATIONS = {
    "a letter of the quote": lambda piece, _: replace(piece, quote="C:\\a.jph"),
    "a value that the rule rules out": lambda piece, _: replace(piece, quote="C:\\a.exe"),
    "the other event": lambda piece, other: replace(piece, event=other),
    "an event that is nowhere": lambda piece, _: replace(piece, event="f" * 32),
    "another field": lambda piece, _: replace(piece, pointer=PARENT),
    "no field": lambda piece, _: replace(piece, pointer=IMAGE + "/0"),
}


@pytest.mark.parametrize("mutated", MUTATIONS.values(), ids=list(MUTATIONS))
@pytest.mark.parametrize("kind", [Observation, Technique])
def test_each_way_to_make_such_a_claim_false_is_caught(kind, mutated):
    incident, events = world()
    first, second = incident.events
    claim, piece = next(
        (claim, piece)
        for claim in claims_by_rules(incident, events)
        for piece in claim.evidence
        if isinstance(claim.predicate, kind) and (piece.event, piece.pointer) == (first, IMAGE)
    )

    def cited(one):
        return Observation(field=one) if kind is Observation else replace(claim.predicate, cited=(one,))

    assert verdict(incident, events, claim, cited(piece)) == ""
    assert verdict(incident, events, claim, cited(mutated(piece, second))) != ""


def test_a_technique_rests_on_a_field_that_the_rule_looked_at_and_on_no_other():
    incident, events = world()
    (claim, *_) = (one for one in claims_by_rules(incident, events) if isinstance(one.predicate, Technique))
    parent = Evidence(event=incident.events[0], pointer=PARENT, quote="C:\\p.exe")
    assert verdict(incident, events, claim, replace(claim.predicate, cited=(parent,))) == "alert-elsewhere"


def test_where_the_stored_value_was_changed_nothing_is_claimed_of_it():
    incident, events = world()
    first = incident.events[0]
    changed = events | {first: with_field(events[first], IMAGE, "C:\\c.exe")}
    checked = check_all(claims_by_rules(incident, events), rule_context(incident, changed, TECHNIQUES))
    turned = {one.reason.code for one in checked if not one.verified}
    assert "quote-differs" in turned
    assert all(
        (first, IMAGE) not in {(p.event, p.pointer) for p in one.claim.evidence} for one in checked if one.verified
    )


def test_that_no_field_is_there_is_nothing_to_quote():
    incident, events = world()
    first = incident.events[0]
    bare = logged(1, "Microsoft-Windows-Sysmon/Operational")
    alerts = detect([bare, events[incident.events[1]]], load([("not-exe.yml", NOT_EXE)]))
    assert [match.found for match in alerts[0].matches] == [""]
    told = claims_by_rules(replace(incident, alerts=alerts), events | {first: bare})
    assert told
    assert all(first not in {piece.event for piece in claim.evidence} for claim in told)
