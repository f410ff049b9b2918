"""Grants by request: what may be asked for, who approves it, when it counts and when it ends."""

from dataclasses import replace

import pytest

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.budgets import Budget
from safeconduct.access.compiling import compile_standing
from safeconduct.access.freezes import call_facts, freeze
from safeconduct.access.grant_events import GRANT_TIMER
from safeconduct.access.grant_model import GrantState
from safeconduct.access.grant_requests import Wanted, find, request_grant
from safeconduct.access.grant_rules import START_AHEAD_MAX
from safeconduct.access.model.calls import CallRequest
from safeconduct.approvals import Verdict
from safeconduct.kernel.effects import TIMERS
from safeconduct.kernel.errors import AbsentError, ConflictError, SafeconductError, UnauthenticatedError
from safeconduct.kernel.instants import parse_rfc3339, seconds
from safeconduct.runtime.freeze import fallen
from support.freezing import ordered
from support.granting import HOUR, Granting, granting_program
from support.programs import bring_into_force, signed


@pytest.fixture
def house():
    return Granting()


def decision(house, case=None, **other):
    request = CallRequest(
        principal="ana",
        path="soc-triage",
        purpose="incident-triage",
        model="smollm2-135m",
        now=house.now,
        grant=case.id if case else None,
    )
    return compile_standing(house.state).authorize(replace(request, **other))[0]


def code_of(function, *args, **kwargs):
    with pytest.raises(SafeconductError) as caught:
        function(*args, **kwargs)
    return caught.value.code


def test_the_last_vote_that_was_needed_issues_the_grant_in_its_own_transaction(house):
    case = house.ask()
    assert (case.state, decision(house, case).allowed) == (GrantState.ASKED, False)
    assert house.vote(case, "cy").state is GrantState.ASKED
    assert house.vote(case, "dee").state is GrantState.IN_FORCE
    assert decision(house, case).allowed
    assert [entry.type for entry in house.writer.entries[-3:]] == [
        "approval.vote.cast/1",
        "access.grant.issued/1",
        "approval.draft.consumed/1",
    ]
    assert approvals.find(house.state, case.approval).state is approvals.State.CONSUMED


def test_what_is_issued_is_what_was_drafted_and_nothing_else(house):
    wanted = {"hours": 3, "tier": 0, "conditions": {"hours": "07:00-19:00", "session": "case-7"}}
    case = house.granted(**wanted)
    grant = kept.grant(house.state, case.id)
    draft = case.draft
    for field in ("principal", "path", "purpose", "scope", "tier", "elevated", "window", "budget", "conditions"):
        assert getattr(grant, field) == getattr(draft, field), field
    assert (grant.origin, grant.request) == ("request", case.id)
    assert '"conditions":{"hours":"07:00-19:00","session":"case-7"}' in draft.text


def test_both_organizations_must_approve(house):
    case = house.ask()
    house.vote(case, "cy")
    assert code_of(house.vote, case, "eve") == "not-an-approver"
    assert find(house.state, case.id).state is GrantState.ASKED


def test_one_vote_against_ends_it(house):
    case = house.ask()
    house.vote(case, "cy")
    denied = house.vote(case, "dee", Verdict.REJECT)
    assert (denied.state, denied.why) == (GrantState.DENIED, "dee voted against it")
    assert not [one for _, one in house.state.scan(TIMERS) if one.kind == GRANT_TIMER]
    assert code_of(house.vote, case, "cy") == "approval-rejected"


def test_who_made_a_request_takes_it_back_and_nobody_votes_on_it_any_more(house):
    case = house.ask("ana", principal="triage-service")
    for by, code in (
        ("cy", "not-yours-to-withdraw"),
        ("dee", "not-yours-to-withdraw"),
        ("ops", "not-yours-to-withdraw"),
    ):
        assert code_of(house.withdraw, case, by) == code
    house.vote(case, "cy")
    taken_back = house.withdraw(case)
    assert (taken_back.state, taken_back.ended_at) == (GrantState.WITHDRAWN, house.now)
    assert approvals.find(house.state, case.approval).state is approvals.State.WITHDRAWN
    assert [entry.type for entry in house.writer.entries[-2:]] == [
        "approval.draft.withdrawn/1",
        "access.grant.closed/1",
    ]
    assert code_of(house.vote, case, "dee") == "approval-withdrawn"
    assert code_of(house.withdraw, case) == "grant-withdrawn"
    assert not [one for _, one in house.state.scan(TIMERS) if one.kind == GRANT_TIMER]


def test_what_is_granted_is_revoked_and_not_taken_back(house):
    assert code_of(house.withdraw, house.granted()) == "grant-in-force"


@pytest.mark.parametrize(("by", "principal", "refused"), [
    ("ana", "ana", None),
    ("ana", "triage-service", None),  # its sponsor
    ("cy", "bo", None),  # an administrator of the same organization; nobody else could approve it then
    ("bo", "ana", "not-yours-to-request"),
    ("ops", "ana", "not-yours-to-request"),  # an administrator of the other
])  # fmt: skip
def test_the_principal_its_sponsor_or_its_administrator_asks(house, by, principal, refused):
    if by == "cy":
        assert code_of(house.ask, by, principal=principal) == "approval-lockout"
    elif refused:
        assert code_of(house.ask, by, principal=principal) == refused
    else:
        assert house.ask(by, principal=principal).by == by


def test_who_asks_holds_or_sponsors_has_no_vote():
    source = granting_program().replace(b"roles: [analyst]", b"roles: [analyst, administrator]")
    house = Granting(source.replace(b"roles: [responder]}\n\nscopes", b"roles: [administrator, responder]}\n\nscopes"))
    for principal in ("ana", "triage-service"):
        assert code_of(house.vote, house.ask("ana", principal=principal), "ana") == "own-proposal"
        asked_for_another = house.ask("cy", principal=principal)
        for by in ("cy", "ana"):  # ana holds the one and sponsors the other
            assert code_of(house.vote, asked_for_another, by) == "own-proposal"
        assert house.vote(asked_for_another, "eve").state is GrantState.ASKED


def test_a_rule_that_only_the_asker_could_meet_is_told_at_once(house):
    assert code_of(house.ask, "cy", principal="cy") == "approval-lockout"


@pytest.mark.parametrize(("wanted", "code"), [
    ({"principal": "nobody"}, "principal-unknown"),
    ({"path": "no-path"}, "path-unknown"),
    ({"purpose": "hunting"}, "purpose-mismatch"),
    ({"scope": "elsewhere"}, "scope-mismatch"),
    ({"tier": 1}, "tier-not-grantable"),
    ({"tier": 3}, "tier-over-path"),
    ({"reason": " "}, "reason-missing"),
    ({"hours": 0}, "window-past"),
    ({"conditions": {"network": "10.0.0.0/8"}}, "not-built-yet"),
    ({"conditions": {"hours": "8-18"}}, "condition-invalid"),
    ({"conditions": {"hours": "08:00-08:00"}}, "condition-invalid"),
    ({"conditions": {"approval": "sometimes"}}, "condition-invalid"),
])  # fmt: skip
def test_what_could_not_be_granted_is_refused_when_it_is_asked_for(house, wanted, code):
    count = len(house.writer.entries)
    assert code_of(house.ask, **wanted) == code
    assert len(house.writer.entries) == count


@pytest.mark.parametrize(("tier", "hours"), [(0, 48), (2, 4)])
def test_a_lifetime_is_bounded_by_tier(house, tier, hours):
    edge = house.now + hours * HOUR
    assert house.ask(tier=tier, closes_at=edge).state is GrantState.ASKED
    assert code_of(house.ask, tier=tier, closes_at=edge + 1) == "lifetime-over-limit"


def test_a_grant_begins_within_a_month(house):
    begins = house.now + START_AHEAD_MAX
    assert house.ask(opens_at=begins, closes_at=begins + HOUR).state is GrantState.ASKED
    assert code_of(house.ask, opens_at=begins + 1, closes_at=begins + HOUR) == "window-far"


def test_a_tier_above_the_organizations_is_refused():
    house = Granting(granting_program().replace(b"Northwind Bank, tier: 2,", b"Northwind Bank,")
                     .replace(b"tier: 2, minutes", b"minutes"))  # fmt: skip
    assert code_of(house.ask, tier=2) == "tier-over-ceiling"


def test_without_a_rule_or_a_lifetime_nothing_can_be_approved():
    source = granting_program().decode()
    without_rule = source[: source.index("  grant:\n    groups")] + source[source.index("  call:\n") :]
    assert code_of(Granting(without_rule.encode()).ask) == "no-approvers"
    without_policy = source[: source.index("grants_policy:")] + source[source.index("approvals:") :]
    assert code_of(Granting(without_policy.encode()).ask) == "tier-not-grantable"


def test_a_tier_may_have_a_rule_of_its_own(house):
    rule = b"  grant-tier-2:\n    groups:\n      - {organization: northwind, role: responder, count: 2}\n"
    rule += b"      - {organization: meridian, role: administrator, count: 1}\n  grant:\n"
    house = Granting(granting_program().replace(b"  grant:\n", rule))
    high, low = house.ask(tier=2), house.ask(tier=0)
    assert [group.role for group in approvals.find(house.state, high.approval).proposal.groups] == [
        "responder",
        "administrator",
    ]
    assert approvals.find(house.state, low.approval).proposal.kind == "grant"


# Elevation


def test_an_elevation_counts_only_when_the_partner_cosigned_it(house):
    case = house.granted(tier=2)
    assert (case.state, case.draft.elevated) == (GrantState.WAITING, True)
    assert not decision(house, case, model="strong").allowed
    house.cosign()
    assert find(house.state, case.id).state is GrantState.IN_FORCE
    assert decision(house, case, model="strong").allowed
    assert not decision(house, model="strong", grant="ana-triage").allowed


def test_an_elevation_that_ends_before_it_is_cosigned_never_counts(house):
    for end in (house.revoke, lambda case: (house.pass_time(5 * HOUR), house.close_due(case))):
        case = house.granted(tier=2)
        end(case)
        house.cosign()
        assert kept.grant(house.state, case.id) is None
        assert not list(house.state.scan(kept.PENDING))


def test_a_lower_tier_of_the_organization_takes_an_elevation_back(house):
    case = house.granted(tier=2)
    house.cosign()
    standing = compile_standing(house.state)
    facts = replace(call_facts(standing.principals["ana"], standing.paths["soc-triage"], case.id), tier=2)
    assert fallen(standing, facts) is None
    lower = granting_program().replace(b"Northwind Bank, tier: 2,", b"Northwind Bank, tier: 1,")
    bring_into_force(house.writer, lower.replace(b"tier: 2, minutes", b"tier: 1, minutes"))
    assert fallen(compile_standing(house.state, standing), facts) is not None


# The end


def test_a_grant_ends_by_itself_and_what_runs_under_it_is_cut(house):
    case = house.granted(hours=2)
    (timer,) = [one for _, one in house.state.scan(TIMERS) if one.kind == GRANT_TIMER]
    assert timer.due_at == case.draft.window.closes_at
    standing = compile_standing(house.state)
    facts = call_facts(standing.principals["ana"], standing.paths["soc-triage"], case.id)
    house.pass_time(2 * HOUR - 1)
    assert decision(house, case).allowed
    assert code_of(house.close_due, case) == "grant-open"
    house.pass_time(1)
    assert not decision(house, case).allowed  # also before the timer fires
    ended = house.close_due(case)
    assert (ended.state, ended.ended_at) == (GrantState.ENDED, house.now)
    assert fallen(compile_standing(house.state, standing), facts) == ("revoked", f"grant:{case.id}")
    assert not [one for _, one in house.state.scan(TIMERS) if one.kind == GRANT_TIMER]


def test_a_request_that_nobody_decides_lapses_and_stays_on_record(house):
    case = house.ask(hours=48)
    house.vote(case, "cy")
    house.pass_time(48 * HOUR)
    assert code_of(house.vote, case, "dee") in ("approval-expired", "window-past")
    assert house.close_due(case).state is GrantState.LAPSED
    assert find(house.state, case.id).draft == case.draft


def test_a_revocation_is_in_force_in_its_own_transaction(house):
    case = house.granted()
    standing = compile_standing(house.state)
    revoked = house.revoke(case, by="bo")
    assert (revoked.state, revoked.why) == (GrantState.REVOKED, "no longer needed")
    facts = call_facts(standing.principals["ana"], standing.paths["soc-triage"], case.id)
    assert fallen(compile_standing(house.state, standing), facts) == ("revoked", f"grant:{case.id}")
    assert code_of(house.revoke, case) == "grant-revoked"


@pytest.mark.parametrize(("by", "refused"), [("ana", None), ("bo", None), ("dee", None)])
def test_who_holds_it_gives_it_back_and_those_who_freeze_take_it(house, by, refused):
    assert house.revoke(house.granted(), by=by).state is GrantState.REVOKED
    other = house.granted(principal="triage-service")
    assert house.revoke(other, by="ana").state is GrantState.REVOKED  # its sponsor


def test_another_analyst_may_not_revoke():
    source = granting_program().replace(b"roles: [responder]}\n\nscopes", b"roles: [analyst]}\n\nscopes")
    source = source.replace(b"count: 2, path", b"count: 1, path")
    house = Granting(source)
    assert code_of(house.revoke, house.granted(), by="eve") == "grant-unknown"


def test_the_programs_own_grants_are_not_revoked_here(house):
    with pytest.raises(AbsentError) as caught:
        house.revoke(type("Case", (), {"id": "ana-triage"}))
    assert caught.value.code == "grant-unknown"


# Re-issued, never renewed


def test_a_reissue_is_another_request_that_names_the_old_and_follows_it(house):
    old = house.granted(hours=2)
    again = house.reissue(old)
    assert (again.draft.replaces, again.state) == (old.id, GrantState.ASKED)
    window = old.draft.window
    assert again.draft.window.opens_at == window.closes_at
    assert again.draft.window.closes_at - again.draft.window.opens_at == window.closes_at - window.opens_at
    house.pass_time(3 * HOUR)
    house.close_due(old)
    late = house.reissue(old)
    assert late.draft.window.opens_at == house.now


def test_what_is_not_in_force_yet_has_nothing_to_follow(house):
    asked = house.ask()
    assert code_of(house.reissue, asked) == "grant-asked"
    assert code_of(house.reissue, house.granted(tier=2)) == "grant-waiting"


# Conditions


@pytest.mark.parametrize(("hours", "at", "within"), [
    ("08:00-18:00", "08:00:00Z", True), ("08:00-18:00", "07:59:59.999999Z", False),
    ("08:00-18:00", "17:59:59.999999Z", True), ("08:00-18:00", "18:00:00Z", False),
    ("22:00-06:00", "23:00:00Z", True), ("22:00-06:00", "05:59:59Z", True), ("22:00-06:00", "06:00:00Z", False),
])  # fmt: skip
def test_calls_outside_of_the_hours_are_refused(house, hours, at, within):
    case = house.granted(hours=24, conditions={"hours": hours})
    day = "2026-11-21" if at >= "08:00:00Z" else "2026-11-22"
    found = decision(house, case, now=parse_rfc3339(f"{day}T{at}"))
    assert found.allowed is within
    if not within:
        assert (found.reasons[0].code, found.reasons[0].clause) == (
            "outside-hours",
            f"grant:{case.id}/conditions/hours",
        )


def test_calls_of_another_session_are_refused(house):
    case = house.granted(conditions={"session": "case-7"})
    assert decision(house, case, session="case-7").allowed
    for other in ("", "case-8"):
        assert decision(house, case, session=other).reasons[0].code == "session-mismatch"


def test_approval_per_call_needs_somebody_to_approve_calls(house):
    assert house.granted(conditions={"approval": "per-call"}).grant().conditions.hold
    source = granting_program().decode()
    nobody = Granting((source[: source.index("  call:\n")] + source[source.index("  response:\n") :]).encode())
    assert code_of(nobody.ask, conditions={"approval": "per-call"}) == "no-approvers"


# Attacks


def test_a_draft_changed_by_one_byte_is_another_draft(house):
    case = house.ask()
    body = house.ballot(case)
    for place in (11, len(body) // 2, 70):
        changed = bytearray(body)
        changed[place] ^= 1
        with pytest.raises(UnauthenticatedError) as caught:
            house.vote(case, "cy", body=bytes(changed))
        assert caught.value.code == "act-for-another-request"
    assert replace(case.draft, reason=case.draft.reason + " ").digest != case.draft.digest
    assert approvals.find(house.state, case.approval).votes == ()


def test_a_vote_counts_once_and_for_no_other_request(house):
    first, second = house.ask(), house.ask()
    operation = f"POST /api/v1/grants/{first.id}/vote"
    act = signed("cy", operation, house.ballot(first), house.now)
    house.cast(first, act, Verdict.APPROVE, operation)
    with pytest.raises(ConflictError):
        house.cast(first, act, Verdict.APPROVE, operation)
    for case, path in ((second, operation), (second, f"POST /api/v1/grants/{second.id}/vote")):
        with pytest.raises(UnauthenticatedError) as caught:
            house.cast(case, act, Verdict.APPROVE, path)
        assert caught.value.code == "act-for-another-request"
    assert approvals.find(house.state, second.approval).votes == ()


def test_a_vote_for_is_no_vote_against(house):
    case = house.ask()
    with pytest.raises(UnauthenticatedError):
        house.vote(case, "cy", Verdict.REJECT, body=house.ballot(case, Verdict.APPROVE))


def test_what_was_drafted_on_another_version_of_the_path_is_not_approved(house):
    case = house.ask()
    house.vote(case, "cy")
    bring_into_force(house.writer, granting_program().replace(b"targets: [192.0.2.0/24,", b"targets: [0.0.0.0/0, "))
    with pytest.raises(ConflictError) as caught:
        house.vote(case, "dee")
    assert caught.value.code == "draft-stale"
    assert house.vote(case, "dee", Verdict.REJECT).state is GrantState.DENIED


@pytest.mark.parametrize(
    ("wanted", "old", "new", "code"),
    [
        ({"tier": 2}, b"roles: [analyst]", b"roles: [analyst], tier: 2", "draft-stale"),  # no elevation any more
        ({"tier": 0}, b"lifetimes: {0: 48,", b"lifetimes: {0: 1,", "lifetime-over-limit"),
    ],
)
def test_what_the_program_no_longer_allows_is_not_issued(house, wanted, old, new, code):
    case = house.ask(**wanted)
    house.vote(case, "cy")
    bring_into_force(house.writer, granting_program().replace(old, new))
    assert code_of(house.vote, case, "dee") == code


def test_an_act_asks_once(house):
    act, said = house.act("ana", "POST /api/v1/grants/request")
    wanted = Wanted(principal="ana", path="soc-triage", closes_at=house.now + HOUR, reason="a case")
    house.writer.run(lambda tx: request_grant(tx, act, wanted, **said))
    assert code_of(house.writer.run, lambda tx: request_grant(tx, act, wanted, **said)) == "act-used"


def test_who_is_frozen_neither_asks_nor_votes(house):
    case = house.ask()
    for name in ("ana", "cy"):
        act, said = house.act("ops", "POST /api/v1/freezes/start")
        house.writer.run(lambda tx, act=act, said=said, one=name: freeze(tx, act, ordered(f"principal:{one}"), **said))
    assert code_of(house.ask) == "principal-frozen"
    assert code_of(house.vote, case, "cy") == "principal-frozen"


def test_clock_tricks_do_not_lengthen_a_vote(house):
    case = house.ask(hours=1)
    house.vote(case, "cy")
    early = signed("dee", f"POST /api/v1/grants/{case.id}/vote", house.ballot(case), house.now)
    house.pass_time(seconds(301))
    with pytest.raises(UnauthenticatedError) as caught:
        house.cast(case, early, Verdict.APPROVE, f"POST /api/v1/grants/{case.id}/vote")
    assert caught.value.code == "act-stale"


def test_an_empty_budget_is_none(house):
    assert code_of(house.ask, budget=Budget(per="day")) == "budget-empty"
    case = house.granted(budget=Budget(per="window", tokens=1000))
    standing = compile_standing(house.state)
    grant = kept.grant(house.state, case.id)
    (stated,) = standing.budgets_of(standing.principals["ana"], standing.paths["soc-triage"], grant)
    assert (stated.owner, stated.budget.tokens) == (f"grant:{case.id}", 1000)
