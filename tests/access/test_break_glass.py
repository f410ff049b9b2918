"""Break-glass: one party opens alone, the other is told with it, an hour at most, and both owe a review."""

import pytest

from safeconduct.access import records as kept
from safeconduct.access.break_glass import find_review, review_digest, vote_on_review
from safeconduct.access.compiling import compile_standing
from safeconduct.access.freezes import freeze
from safeconduct.access.grant_model import MINUTES_MAX, Finding, GrantState
from safeconduct.access.grant_requests import find
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.program import parse_program
from safeconduct.approvals import Verdict
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import InvalidInputError, SafeconductError
from safeconduct.kernel.instants import seconds
from safeconduct.kernel.notices import NOTICE
from support.freezing import ordered
from support.granting import HOUR, Granting, granting_program


@pytest.fixture
def house():
    return Granting()


def code_of(function, *args, **kwargs):
    with pytest.raises(SafeconductError) as caught:
        function(*args, **kwargs)
    return caught.value.code


def allowed(house, case, principal="bo", **other):
    request = CallRequest(
        principal=principal,
        path="soc-triage",
        purpose="incident-triage",
        model="strong",
        now=house.now,
        grant=case.id,
    )
    return compile_standing(house.state).authorize(request)[0].allowed


def review(house, case, by, finding=Finding.JUSTIFIED, seen=None):
    act, said = house.act(by, f"POST /api/v1/break-glass/reviews/{case.id}/vote")
    over = find(house.state, case.id)
    digest = seen or review_digest(over, find_review(house.state, case.id))
    return house.writer.run(lambda tx: vote_on_review(tx, act, over, finding, "as it was", seen=digest, **said))


def over(house, case, minutes=30):
    house.pass_time(seconds(60 * minutes))
    return house.close_due(case)


def notices(house):
    return [effect for _, effect in house.state.scan(OUTBOX) if effect.kind == NOTICE]


def test_one_person_opens_it_at_once_and_the_other_party_is_told_in_the_same_transaction(house):
    before = len(house.writer.entries)
    case = house.break_glass()
    assert (case.state, case.draft.elevated) == (GrantState.IN_FORCE, True)  # an elevation that waits for nobody
    assert allowed(house, case)
    assert [entry.type for entry in house.writer.entries[before:]] == [
        "access.grant.requested/1",
        "access.grant.issued/1",
        "access.break-glass.opened/1",
    ]
    (notice,) = notices(house)
    assert (notice.body["to"], notice.body["lines"][0]["name"]) == ("meridian", case.id)
    assert notice.body["subject"] == "northwind broke glass: night"
    owed = find_review(house.state, case.id)
    assert (owed.missing, owed.due_at) == (("northwind", "meridian"), house.now + 72 * HOUR)
    assert not list(house.state.scan(kept.PENDING))


def test_it_ends_by_itself_after_its_minutes_and_is_never_renewed(house):
    case = house.break_glass()
    house.pass_time(seconds(30 * 60) - 1)
    assert allowed(house, case)
    house.pass_time(1)
    assert not allowed(house, case)
    assert house.close_due(case).state is GrantState.ENDED
    assert code_of(house.reissue, case, by="bo") == "break-glass-once"


@pytest.mark.parametrize(("minutes", "taken"), [(MINUTES_MAX, True), (MINUTES_MAX + 1, False)])
def test_an_hour_is_the_most_that_a_template_says(minutes, taken):
    source = granting_program().replace(b"minutes: 30", f"minutes: {minutes}".encode())
    if taken:
        assert parse_program(source).grants_policy.break_glass[0].minutes == minutes
    else:
        with pytest.raises(InvalidInputError, match="1 to 60"):
            parse_program(source)


@pytest.mark.parametrize(("by", "code"), [("ana", "not-an-opener"), ("ops", "not-an-opener")])
def test_only_people_of_the_template_open_it(house, by, code):
    assert code_of(house.break_glass, by) == code
    assert code_of(house.break_glass, "bo", "no-template") == "template-unknown"
    assert code_of(house.break_glass, "bo", "night", "ana") == "not-yours-to-request"


def test_several_people_of_one_party_open_it_together(house):
    case = house.break_glass(template="pair")
    assert (case.state, notices(house)) == (GrantState.ASKED, [])
    assert code_of(house.vote, case, "bo") == "own-proposal"
    assert code_of(house.vote, case, "dee") == "not-an-approver"
    assert house.vote(case, "eve").state is GrantState.IN_FORCE
    assert len(notices(house)) == 1
    assert find_review(house.state, case.id).recused == ("bo", "eve")


def test_a_pair_of_whom_one_says_no_opens_nothing(house):
    case = house.break_glass(template="pair")
    assert house.vote(case, "eve", Verdict.REJECT).state is GrantState.DENIED
    assert notices(house) == []


def test_the_floor_holds_in_break_glass_too(house):
    case = house.break_glass()
    standing = compile_standing(house.state)
    request = CallRequest(
        principal="bo", path="soc-triage", purpose="hunting", model="strong", now=house.now, grant=case.id
    )
    assert not standing.authorize(request)[0].allowed
    act, said = house.act("ops", "POST /api/v1/freezes/start")
    house.writer.run(lambda tx: freeze(tx, act, ordered("all"), **said))
    assert not allowed(house, case)


def test_both_parties_review_it_when_it_is_over_and_nobody_who_opened_it(house):
    case = house.break_glass()
    assert code_of(review, house, case, "dee") == "review-early"
    over(house, case)
    assert code_of(review, house, case, "bo") == "role-missing"
    assert code_of(review, house, case, "dee", seen="0" * 64) == "review-changed"
    assert review(house, case, "dee").missing == ("northwind",)
    assert len(notices(house)) == 1  # that somebody answered is not that somebody was told
    assert code_of(review, house, case, "ops") == "already-voted"
    assert review(house, case, "cy", Finding.UNJUSTIFIED).finding is Finding.UNJUSTIFIED


def test_an_opener_with_the_role_of_a_reviewer_has_no_vote():
    house = Granting(
        granting_program().replace(b"roles: [responder]}\n  ops", b"roles: [responder, administrator]}\n  ops")
    )
    case = house.break_glass()
    over(house, case)
    assert code_of(review, house, case, "bo") == "own-break-glass"
    assert review(house, case, "cy").missing == ("meridian",)


def test_while_a_review_is_overdue_no_glass_is_broken(house):
    case = house.break_glass()
    over(house, case)
    review(house, case, "cy")
    house.pass_time(72 * HOUR - seconds(30 * 60) - 1)
    over(house, house.break_glass("eve"))  # it is due, not overdue
    house.pass_time(1)
    assert code_of(house.break_glass) == "review-overdue"
    review(house, case, "dee")
    assert house.break_glass().state is GrantState.IN_FORCE


def test_glass_that_was_broken_is_reviewed_before_the_same_holder_breaks_it_again(house):
    case = house.break_glass()
    before = len(house.writer.entries)
    assert code_of(house.break_glass) == "glass-broken"
    over(house, case)
    review(house, case, "cy")
    assert (code_of(house.break_glass), len(house.writer.entries)) == ("glass-broken", before + 2)
    assert house.break_glass("eve").state is GrantState.IN_FORCE  # another holder
    assert house.break_glass(template="pair").state is GrantState.ASKED  # another template
    assert code_of(house.break_glass, "bo", "pair") == "glass-broken"
    review(house, case, "dee")
    assert house.break_glass().state is GrantState.IN_FORCE


@pytest.mark.parametrize(
    ("old", "new", "code", "told"),
    [
        (b"night:\n      {organization: northwind", b"night:\n      {organization: nobody",
         "reference-unknown", "party"),
        (b"count: 2, path", b"count: 3, path", "no-approvers", "has 2 of that role"),
        (b"role: responder, path", b"role: administrator, path", "approval-lockout", "nobody of northwind"),
        (b"tier: 2, minutes", b"tier: 3, minutes", "program-invalid", "tier 3"),
        (b"perimeter, tier: 2, minutes", b"other, tier: 2, minutes", "program-invalid", "could never be used"),
        (b"role: administrator, count: 1}\n      - {org", b"role: trust-and-safety, count: 1}\n      - {org",
         "approval-lockout", "has 0 with role"),
    ],
)  # fmt: skip
def test_what_nobody_could_open_approve_or_review_is_refused_when_it_is_planned(old, new, code, told):
    source = granting_program()
    assert source.count(old) == 1
    with pytest.raises(InvalidInputError) as caught:
        parse_program(source.replace(old, new))
    assert (caught.value.code, told in caught.value.message) == (code, True)


def test_a_rule_for_grants_without_one_of_the_parties_is_refused():
    source = granting_program().replace(b"      - {organization: meridian, role: trust-and-safety, count: 1}\n", b"")
    with pytest.raises(InvalidInputError) as caught:
        parse_program(source)
    assert caught.value.code == "no-approvers"


def test_a_rule_that_whoever_asks_would_have_to_approve_is_refused():
    source = granting_program().decode()
    first = source.index("principals:\n")
    people = "principals:\n" + "".join(
        line + "\n" for line in source[first:].split("\n\n")[0].splitlines()[1:] if line.startswith(("  cy:", "  ops:"))
    )
    only_two = source[:first] + people + source[first:].split("\n\n", 1)[1].join(["\n", ""])
    only_two = only_two.replace("roles: [administrator]", "roles: [administrator, trust-and-safety, responder]")
    only_two = only_two.replace("principal: ana", "principal: cy").replace(
        "principal: triage-service", "principal: ops"
    )
    only_two = only_two[: only_two.index("  break_glass:")] + only_two[only_two.index("approvals:") :]
    with pytest.raises(InvalidInputError) as caught:
        parse_program(only_two.encode())
    assert caught.value.code == "approval-lockout"
