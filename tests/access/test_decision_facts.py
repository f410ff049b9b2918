"""Decision facts: what an entity was at each epoch, each fact once, and for as long as it may be asked for."""

import pytest

from safeconduct.access import records as kept
from safeconduct.access.compiling import compile_standing
from safeconduct.access.facts import FACT_VERSIONS, FACTS, FACTS_SUPERSEDED, REPLAY_DAYS_MAX, days_kept, versions_of
from safeconduct.access.past import StoredFacts
from safeconduct.kernel.instants import seconds
from safeconduct.policy import EntityUid
from support.programs import bring_into_force, demo_program, in_force

ANA, PATH = EntityUid("Principal", "ana"), EntityUid("Path", "soc-triage")
RESPONDER = demo_program().replace(b"roles: [analyst]", b"roles: [analyst, responder]")
DAY = seconds(24 * 3600)


@pytest.fixture
def writer():
    return in_force()


def roles(writer, epoch):
    store = StoredFacts(writer.state).entities(frozenset((ANA,)), epoch)
    return store.compiled[ANA].text.count("responder") if ANA in store.compiled else None


def test_the_facts_of_an_epoch_are_what_policies_saw_then(writer):
    first = kept.epoch(writer.state)
    bring_into_force(writer, RESPONDER)
    second = kept.epoch(writer.state)
    assert (roles(writer, first), roles(writer, second), roles(writer, first - 1)) == (0, 1, None)


def test_all_that_can_be_reached_is_as_in_the_standing(writer):
    standing = compile_standing(writer.state)
    roots = frozenset((ANA, PATH, EntityUid("Grant", "ana-triage")))
    facts = StoredFacts(writer.state).entities(roots, kept.epoch(writer.state))
    assert facts.part(roots).digest == standing.entities.part(roots).digest


def test_a_fact_stands_once_and_what_did_not_change_gets_no_version(writer):
    count = len(list(writer.state.scan(FACTS)))
    bring_into_force(writer, RESPONDER)
    bring_into_force(writer, demo_program())
    assert len(list(writer.state.scan(FACTS))) == count + 1
    first, _, third = versions_of(writer.state, ANA)
    assert first.fact == third.fact
    assert len(versions_of(writer.state, PATH)) == 1


def test_facts_are_kept_as_long_as_the_agreement_keeps_calls_and_a_quarter_at_most(writer):
    assert days_kept(writer.state) == REPLAY_DAYS_MAX
    bring_into_force(writer, demo_program().replace(b"  valid:", b"  retention: {call: 30}\n  valid:", 1))
    assert days_kept(writer.state) == 30


@pytest.mark.parametrize(("days", "left"), [(REPLAY_DAYS_MAX, 3), (REPLAY_DAYS_MAX + 1, 2)])
def test_what_was_superseded_is_dropped_after_its_time(writer, days, left):
    """Ana's first version ends on day 0; a change that many days later is the first to drop it, or not yet."""
    bring_into_force(writer, RESPONDER)
    facts = len(list(writer.state.scan(FACTS)))
    writer.now += days * DAY
    bring_into_force(writer, RESPONDER.replace(b"[analyst, responder]", b"[analyst, responder, administrator]", 1))
    assert len(versions_of(writer.state, ANA)) == left
    assert len(list(writer.state.scan(FACTS))) == facts + (1 if left == 3 else 0)
    assert len(list(writer.state.scan(FACTS_SUPERSEDED, ""))) == left - 1


def test_what_is_gone_leaves_nothing_once_its_time_is_over(writer):
    grant = demo_program()
    begin = grant.index(b"  service-triage:\n")
    end = grant.index(b"\n\n", begin) if b"\n\n" in grant[begin:] else len(grant)
    bring_into_force(writer, grant[:begin] + grant[end:])
    uid = EntityUid("Grant", "service-triage")
    assert [bool(one.fact) for one in versions_of(writer.state, uid)] == [True, False]
    writer.now += (REPLAY_DAYS_MAX + 1) * DAY
    bring_into_force(writer, demo_program().replace(b"deadline_s: 120", b"deadline_s: 60"))
    assert len(versions_of(writer.state, uid)) == 1
    assert len(list(writer.state.scan(FACT_VERSIONS, "Grant/service-triage/"))) == 1
