"""The life of a response: from verified claims, through another person's vote, onto the list and off it."""

import hashlib

import pytest

from safeconduct import approvals
from safeconduct.access.model.rules import ResponseRule
from safeconduct.adapters.memory.records import MemoryState
from safeconduct.approvals import Verdict
from safeconduct.kernel.effects import OUTBOX, TIMERS
from safeconduct.kernel.errors import (
    AbsentError,
    ConflictError,
    InvalidInputError,
    LimitedError,
    RefusedError,
    SafeconductError,
)
from safeconduct.kernel.ids import ActionId, EntryId
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.actions.edl import render
from safeconduct.soc.actions.grounds import candidates
from safeconduct.soc.actions.model import PointReport, PointState, Presence
from safeconduct.soc.actions.outcomes import record_look
from safeconduct.soc.actions.proposing import DECISION_TIME
from safeconduct.soc.actions.reading import find
from safeconduct.soc.actions.states import TRANSITIONS, ActionState, Step
from safeconduct.soc.actions.targets import read_target, refuse_never
from safeconduct.soc.claim_events import claims_of
from support.immediate import START
from support.programs import demo_program
from support.responses import ATTACKER, Desk, desk, observed

OTHERS = tuple(f"203.0.113.{number}" for number in range(1, 14))


def later(here: Desk, count: float) -> None:
    here.writer.now = Instant(here.writer.now + seconds(count))


def listed(here: Desk) -> str:
    return render(here.writer.state, "block-ip", here.writer.now).text


def refusal(call, *arguments, **named) -> str:
    with pytest.raises(SafeconductError) as caught:
        call(*arguments, **named)
    return caught.value.code


def report(expect: Presence, problem: str = "") -> PointReport:
    state = PointState.SEEN if expect is Presence.PRESENT else PointState.UNDONE
    return PointReport(point="block-ip", state=PointState.UNKNOWN if problem else state, detail=problem)


def probe(here: Desk, problem: str = "") -> ActionState:
    [(key, effect)] = here.writer.state.scan(OUTBOX)
    assert key == f"{effect.key}/response.verify"
    expect = Presence(effect.body["expect"])
    action = here.writer.run(
        lambda tx: record_look(
            tx, EntryId(effect.key), ActionId(effect.body["action"]), expect, [report(expect, problem)]
        )
    )
    return action.state


def test_what_a_voter_reads_is_what_is_voted_on():
    here = desk()
    action = here.propose()
    content = approvals.find(here.writer.state, action.approval).proposal.content
    assert hashlib.sha256(action.text.encode()).hexdigest() == content


def test_from_proposal_to_rollback():
    here = desk()
    action = here.propose()
    assert (action.state, listed(here)) == (ActionState.PROPOSED, "")
    assert here.vote(action.id).state is ActionState.APPROVED
    assert listed(here) == ""
    assert here.run(action.id).state is ActionState.DONE
    assert listed(here) == f"{ATTACKER}\n"
    assert probe(here) is ActionState.VERIFIED
    assert here.roll_back(action.id).state is ActionState.ROLLED_BACK
    assert listed(here) == ""
    assert probe(here) is ActionState.ROLLED_BACK
    found = find(here.writer.state, action.id)
    assert [state.value for state in found.states] == [
        "proposed", "approved", "executing", "done", "verified", "rolled-back",
    ]  # fmt: skip
    assert found.absence is ActionState.VERIFIED
    assert here.types() == [
        f"soc.action.{name}/1"
        for name in ("proposed", "approved", "executing", "done", "verified", "rolled-back", "verified")
    ]
    assert list(here.writer.state.scan(TIMERS)) == []
    assert list(here.writer.state.scan(OUTBOX)) == []


def test_entries_rebuild_the_state():
    here = desk(OTHERS[:3])
    first = here.blocked(OTHERS[0])
    probe(here)
    here.roll_back(first.id)
    probe(here, "list-unreachable")
    later(here, 5)
    here.blocked(OTHERS[1])
    here.vote(here.propose(OTHERS[2]).id, Verdict.REJECT)
    again = MemoryState()
    for entry in here.writer.entries:
        here.writer.projections[entry.type](again, entry)
    assert again.rows == here.writer.state.rows


def test_nobody_approves_their_own_proposal():
    here = desk()
    action = here.propose(actor="bo")
    assert refusal(here.vote, action.id, actor="bo") == "own-proposal"
    assert refusal(here.vote, action.id, actor="ana") == "not-an-approver"
    assert refusal(here.run, action.id) == "action-proposed"
    assert listed(here) == ""


def test_one_vote_against_ends_it():
    here = desk()
    action = here.propose()
    assert here.vote(action.id, Verdict.REJECT).state is ActionState.REJECTED
    assert refusal(here.run, action.id) == "action-rejected"
    assert here.propose().state is ActionState.PROPOSED


def test_it_runs_once():
    here = desk()
    action = here.blocked()
    assert refusal(here.run, action.id) == "action-done"
    assert refusal(here.propose) == "already-blocked"


def test_two_proposals_for_one_address_do_not_stand_beside_each_other():
    here = desk()
    here.propose()
    assert refusal(here.propose) == "already-proposed"


@pytest.mark.parametrize("actor", ["ops"])
def test_a_role_is_needed_to_propose(actor):
    assert refusal(desk().propose, actor=actor) == "role-missing"


def test_only_verified_claims_carry_a_response():
    here = desk()
    observed(here.writer, here.world, quote="203.0.113.9")
    assert refusal(here.propose) == "claim-not-verified"
    assert refusal(here.propose, ATTACKER, "0" * 32) == "claim-not-verified"


def test_a_claim_rejected_since_the_proposal_stops_the_execution():
    here = desk()
    action = here.propose()
    here.vote(action.id)
    observed(here.writer, here.world, quote="203.0.113.9")
    assert refusal(here.run, action.id) == "claim-not-verified"
    assert listed(here) == ""


def test_the_target_must_stand_in_a_verified_claim_as_an_address():
    here = desk((ATTACKER, OTHERS[0]))
    theirs = here.claims[OTHERS[0]]
    assert refusal(here.propose, ATTACKER, theirs) == "target-not-in-claims"
    assert refusal(here.propose, "203.0.113.111", theirs) == "target-not-in-claims"
    assert here.propose(ATTACKER, theirs, here.claims[ATTACKER]).target == ATTACKER


def test_claims_are_named_and_different():
    here = desk()
    claim = here.claims[ATTACKER]
    assert refusal(here.propose, ATTACKER, claim, claim) == "no-claims"


@pytest.mark.parametrize(
    "target",
    [
        "192.0.2.10", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "0.1.2.3",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:192.0.2.10",
        "::ffff:10.0.0.1", "2002:c000:20a::1", "64:ff9b::192.0.2.10", "::192.0.2.10", "192.0.0.8",
    ],
)  # fmt: skip
def test_what_must_never_be_blocked(target):
    rule = ResponseRule(kind="block-ip", never=("192.0.2.0/24", "dns.example"))
    with pytest.raises(RefusedError) as caught:
        refuse_never(target, rule)
    assert caught.value.code == "never-act"


@pytest.mark.parametrize("target", ["192.0.1.255", "192.0.3.0", "203.0.113.66", "2001:db8::7", "172.32.0.1", "1.0.0.0"])
def test_what_lies_just_outside_may_be_blocked(target):
    refuse_never(target, ResponseRule(kind="block-ip", never=("192.0.2.0/24", "dns.example")))


@pytest.mark.parametrize(
    "target",
    ["203.0.113.0/24", "203.0.113.66/32", "0.0.0.0/0", "evil.example", "", "fe80::1%eth0", "203.0.113.66 ", "1.2.3"],
)
def test_a_target_is_one_address(target):
    with pytest.raises(InvalidInputError) as caught:
        read_target("block-ip", target)
    assert caught.value.code == "not-an-address"


def test_spellings_of_one_address_are_one_target():
    assert read_target("block-ip", "::ffff:203.0.113.66") == "203.0.113.66"
    assert read_target("block-ip", "2001:DB8:0::7") == "2001:db8::7"


def test_the_never_act_list_is_read_again_at_execution():
    here = desk()
    action = here.propose()
    here.vote(action.id)
    protect(here, ATTACKER)
    assert refusal(here.run, action.id) == "never-act"
    assert listed(here) == ""


def protect(here: Desk, address: str) -> None:
    from safeconduct.access import records as kept

    rule = here.writer.state.get(kept.RESPONSE_RULES, "block-ip")
    changed = ResponseRule(
        kind="block-ip",
        never=(*rule.never, address),
        rate_per_hour=rule.rate_per_hour,
        active_max=rule.active_max,
        expires_s=rule.expires_s,
    )
    here.writer.state.put(kept.RESPONSE_RULES, "block-ip", changed)


def test_no_more_than_the_rate_within_an_hour():
    here = desk(OTHERS)
    for address in OTHERS[:10]:
        here.blocked(address)
        later(here, 1)
    over = here.propose(OTHERS[10])
    here.vote(over.id)
    later(here, 3600 - 10 - 0.000001)
    assert refusal(here.run, over.id) == "response-rate"
    later(here, 0.000001)  # the first of the ten is exactly an hour old
    assert here.run(over.id).state is ActionState.DONE


def test_no_more_than_the_maximum_at_once():
    program = demo_program().replace(b"active_max: 100", b"active_max: 2")
    here = desk(OTHERS, program)
    first = here.blocked(OTHERS[0])
    here.blocked(OTHERS[1])
    third = here.propose(OTHERS[2])
    here.vote(third.id)
    with pytest.raises(LimitedError) as caught:
        here.run(third.id)
    assert caught.value.code == "response-active"
    here.roll_back(first.id)
    assert here.run(third.id).state is ActionState.DONE


def test_it_expires_by_itself():
    here = desk()
    action = here.blocked()
    later(here, 3600 - 0.000001)
    assert refusal(here.expire, action.id) == "action-in-force"
    assert listed(here) == f"{ATTACKER}\n"
    later(here, 0.000001)
    # Nothing has fired yet, as after a time when nothing ran: the list leaves it out all the same.
    assert listed(here) == ""
    assert here.expire(action.id).state is ActionState.EXPIRED
    assert here.expire(action.id).state is ActionState.EXPIRED
    assert here.types().count("soc.action.expired/1") == 1
    assert refusal(here.roll_back, action.id) == "action-expired"


def test_its_timer_is_set_for_its_end():
    here = desk()
    action = here.propose()
    due = [timer.due_at for _, timer in here.writer.state.scan(TIMERS) if timer.kind == "action.expire"]
    assert due == [START + DECISION_TIME]
    here.vote(action.id)
    later(here, 10)
    here.run(action.id)
    due = [timer.due_at for _, timer in here.writer.state.scan(TIMERS) if timer.kind == "action.expire"]
    assert due == [START + seconds(3610)]


def test_a_proposal_that_nobody_decides_expires():
    here = desk()
    action = here.propose()
    here.vote(action.id)
    later(here, 24 * 3600)
    assert refusal(here.run, action.id) == "approval-expired"
    assert here.expire(action.id).state is ActionState.EXPIRED
    assert here.propose().state is ActionState.PROPOSED


def test_a_list_that_could_not_be_fetched_fails_the_action_and_leaves_the_way_back():
    here = desk()
    action = here.blocked()
    assert probe(here, "list-unreachable") is ActionState.FAILED
    assert listed(here) == f"{ATTACKER}\n"
    assert here.roll_back(action.id).state is ActionState.ROLLED_BACK
    assert listed(here) == ""


def test_a_probe_overtaken_by_a_rollback_says_nothing_about_the_action():
    here = desk()
    action = here.blocked()
    here.roll_back(action.id)
    order = [effect for _, effect in here.writer.state.scan(OUTBOX)]
    for effect in order:
        expect = Presence(effect.body["expect"])
        found = here.writer.run(
            lambda tx, effect=effect, expect=expect: record_look(
                tx,
                EntryId(effect.key),
                action.id,
                expect,
                [report(expect, "list-unreachable" if expect is Presence.PRESENT else "")],
            )
        )
    assert found.state is ActionState.ROLLED_BACK
    assert here.types()[-2:] == ["soc.action.probe-superseded/1", "soc.action.verified/1"]
    assert list(here.writer.state.scan(OUTBOX)) == []


def test_a_probe_reported_twice_counts_once():
    here = desk()
    action = here.blocked()
    [(_, effect)] = here.writer.state.scan(OUTBOX)
    for problem in ("", "list-unreachable", ""):
        found = here.writer.run(
            lambda tx, problem=problem: record_look(
                tx, EntryId(effect.key), action.id, Presence.PRESENT, [report(Presence.PRESENT, problem)]
            )
        )
        assert found.state is ActionState.VERIFIED
    assert here.types().count("soc.action.verified/1") == 1


def test_an_unknown_action_is_named():
    here = desk()
    for call in (here.run, here.roll_back, here.expire):
        with pytest.raises(AbsentError) as caught:
            call(ActionId("01JD0000000000000000000000"))
        assert caught.value.code == "action-unknown"


def test_without_a_response_rule_nothing_is_proposed():
    source = demo_program()
    start = source.index(b"responses:")
    assert refusal(desk(program=source[:start] + b"responses: {}\n").propose) == "no-response-rule"


def test_without_approvers_nothing_is_proposed():
    source = demo_program()
    start, end = source.index(b"approvals:"), source.index(b"responses:")
    assert refusal(desk(program=source[:start] + b"approvals: {}\n" + source[end:]).propose) == "no-approvers"


def test_every_step_not_in_the_table_is_refused():
    here = desk()
    action = here.propose()
    from dataclasses import replace

    for state in ActionState:
        for step in Step:
            held = replace(action, state=state)
            if (state, step) in TRANSITIONS:
                assert held.step(step).state is TRANSITIONS[state, step]
            else:
                with pytest.raises(ConflictError):
                    held.step(step)


def test_what_is_undone_and_how_it_is_seen_are_said_before():
    here = desk()
    here.propose()
    body = here.writer.entries[-1].body
    assert body["inverse"] == {"kind": "unblock-ip", "list": "block-ip", "target": ATTACKER, "lost": ""}
    assert body["probe"] == {"list": "block-ip", "target": ATTACKER, "expect": "present"}
    assert body["precondition"] == {"listed": False, "active": 0, "revision": 0}


def test_candidates_are_addresses_in_verified_claims_that_nothing_protects():
    here = desk((ATTACKER, "192.0.2.77", OTHERS[0]))
    claims = list(claims_of(here.writer.state, here.world.incident.id))
    found = candidates(here.writer.state, here.world.incident.id, claims, here.world.events)
    assert [one.target for one in found] == [OTHERS[0], ATTACKER]
    assert refusal(here.propose, "192.0.2.77") == "never-act"
    observed(here.writer, here.world, quote="203.0.113.200")
    claims = list(claims_of(here.writer.state, here.world.incident.id))
    assert candidates(here.writer.state, here.world.incident.id, claims, here.world.events) == ()
