"""Who is asked about an action, what it may be against, and how far actions of all kinds together go."""

from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.document import ProgramInvalidError
from safeconduct.access.model.rules import ResponsePlaybook, ResponseRule
from safeconduct.access.program import parse_program
from safeconduct.adapters.responses import carrying
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.actions.grounds import candidates
from safeconduct.soc.actions.states import ActionState
from safeconduct.soc.actions.targets import read_target, refuse_never
from safeconduct.soc.claim_events import claims_of
from safeconduct.soc.incidents.events import PROJECTIONS as INCIDENTS
from safeconduct.soc.incidents.opening import record_incident
from support.points import BOUNDS, field_of, program
from support.responses import ATTACKER, desk, observed

OTHERS = tuple(f"203.0.113.{number}" for number in range(1, 8))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(carrying, "PAUSE_S", 0.0)


def refusal(call, *arguments, **named):
    with pytest.raises(SafeconductError) as caught:
        call(*arguments, **named)
    return caught.value.code


def change(here, kind, **named):
    rule = here.writer.state.get(kept.RESPONSE_RULES, kind)
    here.writer.state.put(kept.RESPONSE_RULES, kind, replace(rule, **named))


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("disable-user", "root"), ("disable-user", "web-01$"), ("disable-user", "krbtgt"),
        ("disable-user", "svc-backup"),
        ("isolate-host", "localhost"), ("isolate-host", "dc-1.corp.example"), ("quarantine-file", "web-01:/etc/passwd"),
        ("quarantine-file", "web-01:/usr/bin/id"), ("quarantine-file", "web-01:/srv/keep/x"), ("drop-ip", "10.0.0.1"),
        ("call-webhook", "host:dc-1"),
    ],
)  # fmt: skip
def test_what_must_never_be_touched(kind, target):
    never = {"disable-user": "svc-*", "isolate-host": "*.corp.example", "quarantine-file": "*:/srv/keep/*"}
    never["call-webhook"] = "host:dc-*"
    rule = ResponseRule(kind=kind, never=(never.get(kind, "192.0.2.0/24"),))
    assert refusal(refuse_never, target, rule) == "never-act"


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("disable-user", "alice"), ("disable-user", "svcbackup"), ("isolate-host", "corp.example"),
        ("isolate-host", "web-01"), ("quarantine-file", "web-01:/srv/kept"), ("call-webhook", "host:web-01"),
    ],
)  # fmt: skip
def test_what_lies_just_outside_may_be_touched(kind, target):
    never = ("svc-*", "*.corp.example", "*:/srv/keep/*", "host:dc-*")
    refuse_never(target, ResponseRule(kind=kind, never=never))


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("disable-user", "*"), ("disable-user", ""), ("disable-user", "a)(uid=*"), ("isolate-host", "web 01"),
        ("quarantine-file", "web-01:srv/x"), ("quarantine-file", "web-01:/srv/../etc/passwd"),
        ("quarantine-file", "/x"),
        ("quarantine-file", "web-01:/srv//x"), ("call-webhook", "process:1"), ("call-webhook", "web-01"),
    ],
)  # fmt: skip
def test_a_target_is_one_of_its_form(kind, target):
    assert refusal(read_target, kind, target) == "not-a-target"


def test_an_unknown_kind_is_named():
    assert refusal(field_of().here.propose, kind="format-disk") == "kind-unknown"


def test_what_costs_more_is_approved_by_others():
    around = field_of("isolate-host", ("edr",))
    around.here.claims = {**around.here.claims, "web-01": hosts_claim(around.here)}
    action = around.here.propose("web-01", kind="isolate-host")
    assert around.here.vote(action.id).state is ActionState.APPROVED
    rules = program(("isolate-host", "points: [edr]"), severe=False)
    here = desk(program=rules)
    here.claims = {**here.claims, "web-01": hosts_claim(here)}
    assert refusal(here.propose, "web-01", kind="isolate-host") == "no-approvers"
    assert here.propose().state is ActionState.PROPOSED


def hosts_claim(here):
    return observed(here.writer, here.world, quote="web-01", pointer="/ocsf/device/hostname")[0].id


def test_an_account_is_the_directorys_only_on_hosts_that_the_program_names():
    around = field_of("disable-user", ("people",), "hosts: ['*.corp.example']", users="alice")
    claim = observed(around.here.writer, around.here.world, quote="alice", pointer="/ocsf/user/name")[0].id
    assert refusal(around.here.propose, "alice", claim, kind="disable-user") == "target-not-in-claims"
    change(around.here, "disable-user", hosts=("web-01",))
    assert around.here.propose("alice", claim, kind="disable-user").target == "alice"


def test_all_kinds_together_hold_no_more_than_the_program_allows():
    around = field_of(addresses=(ATTACKER, *OTHERS))
    here = around.here
    for address in OTHERS[:4]:
        here.blocked(address)
    change(here, "drop-ip", blast_radius=5)
    fifth = here.blocked(OTHERS[4], kind="drop-ip")
    assert fifth.state is ActionState.EXECUTING
    here.blocked(OTHERS[0], kind="drop-ip")  # held already: it grows by nothing
    sixth = here.propose(OTHERS[5], kind="drop-ip")
    here.vote(sixth.id)
    assert refusal(here.run, sixth.id) == "response-blast-radius"
    around.settle()
    here.roll_back(fifth.id)
    assert refusal(here.run, sixth.id) == "response-blast-radius"  # until it is undone everywhere
    around.settle()
    assert here.run(sixth.id).state is ActionState.EXECUTING


def test_points_that_the_program_dropped_are_not_told():
    around = field_of()
    action = around.here.propose(kind="drop-ip")
    around.here.vote(action.id)
    change(around.here, "drop-ip", points=("edge-1",))
    assert refusal(around.here.run, action.id) == "points-changed"


def test_the_points_are_what_is_voted_on():
    two, one = field_of(), field_of(points=("edge-1",))
    assert "edge-2" in two.here.propose(kind="drop-ip").text
    assert "edge-2" not in one.here.propose(kind="drop-ip").text


@pytest.fixture
def booked():
    """A desk whose incident is open in the log, and whose blocks need no vote where the technique was shown."""
    here = desk((ATTACKER, *OTHERS))
    here.writer.projections = {**here.writer.projections, **INCIDENTS}
    here.writer.run(lambda tx: record_incident(tx, here.writer.entries[-1].origin, here.world.incident))
    change(here, "block-ip", playbook=ResponsePlaybook(techniques=("T1110.001",), per_hour=2))
    return here


def test_a_playbook_stands_for_the_vote_so_many_times_an_hour(booked):
    first = booked.propose()
    assert (first.state, first.approval, first.playbook) == (ActionState.APPROVED, "", "responses.block-ip.playbook")
    assert booked.run(first.id).state is ActionState.DONE
    second, third = booked.propose(OTHERS[0]), booked.propose(OTHERS[1])
    assert booked.run(second.id).state is ActionState.DONE
    assert refusal(booked.run, third.id) == "response-playbook-rate"
    fourth = booked.propose(OTHERS[2])
    assert fourth.state is ActionState.PROPOSED  # the hour's are used: people are asked
    booked.vote(fourth.id)
    assert booked.run(fourth.id).state is ActionState.DONE
    booked.writer.now = Instant(booked.writer.now + seconds(3600))
    assert booked.run(third.id).state is ActionState.DONE


def test_without_the_technique_people_are_asked(booked):
    change(booked, "block-ip", playbook=ResponsePlaybook(techniques=("T1059",), per_hour=2))
    assert booked.propose().state is ActionState.PROPOSED


def test_what_a_model_claims_stands_for_no_vote_where_its_path_triages(booked):
    claim = observed(booked.writer, booked.world, model=True)[0].id
    assert booked.propose(ATTACKER, claim).state is ActionState.PROPOSED


def test_a_playbook_that_is_gone_when_it_runs_counts_no_more(booked):
    action = booked.propose()
    change(booked, "block-ip", playbook=None)
    assert refusal(booked.run, action.id) == "response-playbook-rate"


def test_never_act_wins_over_a_playbook(booked):
    change(booked, "block-ip", never=(ATTACKER,))
    assert refusal(booked.propose) == "never-act"


def test_candidates_are_of_every_kind_that_the_program_has():
    here = desk(program=program(("drop-ip", "points: [edge-1]"), ("isolate-host", "points: [edr]")))
    hosts_claim(here)
    claims = list(claims_of(here.writer.state, here.world.incident.id))
    found = candidates(here.writer.state, here.world.incident.id, claims, here.world.events)
    assert [(one.kind, one.target) for one in found] == [
        ("block-ip", ATTACKER), ("drop-ip", ATTACKER), ("isolate-host", "web-01"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("", "points"), ("points: [a], hosts: [web-01]", "hosts"), ("points: [a], never: []", "stands twice"),
        ("points: [a], playbook: {techniques: [], per_hour: 1}", "items"),
        ("points: [a], playbook: {per_hour: 1}", "missing"),
    ],
)  # fmt: skip
def test_a_program_that_leaves_a_kind_unbounded_is_refused(more, problem):
    with pytest.raises(ProgramInvalidError) as caught:
        parse_program(program(("drop-ip", more)))
    assert problem in str(caught.value)


def test_a_kind_at_points_needs_a_blast_radius():
    source = program(("drop-ip", "points: [a]"))
    assert parse_program(source).responses
    with pytest.raises(ProgramInvalidError) as caught:
        parse_program(source.replace(BOUNDS.encode(), BOUNDS.replace(", blast_radius: 5", "").encode()))
    assert "blast_radius" in str(caught.value)
