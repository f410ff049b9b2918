"""The deterministic summary rests on verified claims of rules, and is the same each time."""

from dataclasses import replace

import msgspec
import pytest

from safeconduct.soc.claims import CITED_MAX, AuthorKind
from safeconduct.soc.predicates import Count
from safeconduct.soc.rule_claims import CLAIMS_MAX, claims_by_rules
from safeconduct.soc.summary import rule_context, sentences, summarize
from support.soc_world import ALERT_FIELDS, START, TECHNIQUES, Fact, event_of, with_field, world, world_of


def context_of(here):
    return rule_context(here.incident, here.events, TECHNIQUES)


@pytest.mark.parametrize("seed", range(10))
def test_all_claims_of_rules_on_an_intact_store_are_verified(seed):
    here = world(seed)
    summary, checked = summarize(context_of(here))
    assert [one.reason for one in checked if not one.verified] == []
    assert {one.claim.author.kind for one in checked} == {AuthorKind.RULE}
    assert summary.grounded == summary.alerts == len(here.alerts)
    assert {use.technique for use in summary.techniques} == {t for alert in here.alerts for t in alert.techniques}


def test_rules_make_claims_of_five_kinds():
    kinds = {claim.kind for seed in range(10) for claim in claims_by_rules(world(seed).incident, world(seed).events)}
    assert kinds == {"observation", "count", "sequence", "relation", "technique"}


def test_the_same_incident_gives_the_same_bytes():
    here, twin = world(3), world(3)
    first, _ = summarize(context_of(here))
    shuffled = replace(twin.incident, alerts=tuple(reversed(twin.incident.alerts)))
    again, _ = summarize(context_of(replace(twin, incident=shuffled)))
    assert msgspec.json.encode(first) == msgspec.json.encode(again)
    assert sentences(first) == sentences(again)


def test_an_alert_whose_evidence_was_changed_is_no_step():
    here = world(2)
    summary, _ = summarize(context_of(here))
    alert = here.alerts[0]
    event = here.events[alert.events[0]]
    pointer = ALERT_FIELDS[here.facts[event.id].kind]
    events = {**here.events, event.id: with_field(event, pointer, "something else")}
    changed, checked = summarize(rule_context(here.incident, events, TECHNIQUES))
    assert changed.grounded == summary.grounded - 1
    rejected = {one.reason.code for one in checked if not one.verified}
    assert "quote-differs" in rejected


def test_that_a_rule_found_no_value_is_nothing_to_quote():
    here = world(2)
    alert = here.alerts[0]
    absent = replace(alert.matches[0], pointer="/raw/errorCode", operator="null", value="", found="")
    alerts = (replace(alert, matches=(*alert.matches, absent)), *here.alerts[1:])
    plain, checked = (
        summarize(context_of(here)),
        summarize(context_of(replace(here, incident=replace(here.incident, alerts=alerts)))),
    )
    assert checked == plain


def test_what_is_missing_from_the_store_is_not_claimed():
    here = world(2)
    gone = here.incident.events[0]
    events = {id_: event for id_, event in here.events.items() if id_ != gone}
    summary, checked = summarize(rule_context(here.incident, events, TECHNIQUES))
    assert summary.grounded == summary.alerts - 1
    assert all(gone not in {piece.event for piece in one.claim.evidence} for one in checked if one.verified)


def test_a_revoked_technique_is_no_technique_of_the_summary():
    here = world(2)
    alerts = (replace(here.alerts[0], techniques=("T1086",)), *here.alerts[1:])
    incident = replace(here.incident, alerts=alerts)
    summary, _ = summarize(rule_context(incident, here.events, TECHNIQUES))
    assert "T1086" not in {use.technique for use in summary.techniques}
    assert "T1086" not in {technique for step in summary.steps for technique in step.techniques}


@pytest.mark.parametrize("guesses", [2, CITED_MAX, CITED_MAX + 1, CITED_MAX * 2])
def test_a_count_over_many_events_cites_the_first_and_the_last(guesses):
    facts = [
        Fact(
            "login",
            START + number * 1_000_000,
            "web-01",
            "root",
            "203.0.113.66",
            number,
            1,
            "",
            "failed",
            ("T1110.001",),
        )
        for number in range(guesses)
    ]
    here = world_of({event_of(fact).id: fact for fact in facts})
    summary, checked = summarize(context_of(here))
    [count] = [one.claim.predicate for one in checked if isinstance(one.claim.predicate, Count)]
    assert (count.pointer, count.value, count.count) == ("/raw/outcome", "failed", guesses)
    assert len(count.cited) == min(guesses, CITED_MAX)
    assert count.cited[-1].event == here.incident.events[-1]
    assert all(one.verified for one in checked)
    assert (summary.grounded, len(summary.steps)) == (guesses, 1)
    assert len(checked) <= CLAIMS_MAX


def test_sentences_show_values_of_events_quoted_and_bounded():
    here = world(1)
    lines = sentences(summarize(context_of(here))[0])
    assert all("\n" not in line for line in lines)
    assert lines[0].startswith(f"{len(here.alerts)} alerts from 2026-11-20T09:00:0")


def test_an_alert_whose_rule_was_changed_since_claims_nothing():
    here = world(2)
    alerts = (replace(here.alerts[0], matches=()), *here.alerts[1:])
    summary, checked = summarize(rule_context(replace(here.incident, alerts=alerts), here.events, TECHNIQUES))
    assert (summary.alerts, summary.grounded) == (len(alerts), len(alerts) - 1)
    assert all(one.verified for one in checked)
    assert alerts[0].id not in {getattr(one.claim.predicate, "alert", "") for one in checked}
