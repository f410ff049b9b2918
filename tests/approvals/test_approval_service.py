import hashlib

import pytest

from safeconduct.approvals import Group, Proposal, State, Verdict, ballot, consume, expire, find, propose, vote
from safeconduct.approvals.events import EXPIRY_TIMER, PROJECTIONS
from safeconduct.approvals.ports import Voter
from safeconduct.approvals.service import LIFETIME_MAX, SEATS_MAX
from safeconduct.kernel.effects import TIMERS
from safeconduct.kernel.errors import (
    AbsentError,
    ConflictError,
    InvalidInputError,
    RefusedError,
    UnauthenticatedError,
    UnavailableError,
)
from safeconduct.kernel.instants import rfc3339, seconds
from safeconduct.ledger.acts import Act, sign_act
from safeconduct.ledger.keys import SecretKey
from support.immediate import START, ImmediateWriter

LOG = "safeconduct.example/test/ag"
VOTE = "POST /vote"
CONTENT = hashlib.sha256(b"block 203.0.113.66").hexdigest()
PEOPLE = {
    "ana": ("northwind", "analyst"),
    "bo": ("northwind", "responder"),
    "cy": ("northwind", "responder"),
    "ops": ("meridian", "administrator"),
    "kim": ("meridian", "responder"),
    "kay": ("meridian", "responder"),
}
ONE_HUMAN = frozenset({"kim", "kay"})


def key(name):
    return SecretKey(hashlib.sha256(name.encode()).digest())


class People:
    """An electorate of PEOPLE, which checks signatures and nothing else."""

    def authenticate(self, records, signed, *, operation, content, now):
        if (signed.act.operation, signed.act.content) != (operation, content):
            raise UnauthenticatedError("another request", code="act-for-another-request")
        signed.verify(key(signed.act.actor).public)
        voter = signed.act.actor
        organization, role = PEOPLE[voter]
        accounts = ONE_HUMAN if voter in ONE_HUMAN else frozenset({voter})
        return Voter(principal=voter, organization=organization, roles=frozenset({role}), accounts=accounts)


def proposal(**other):
    given = {
        "kind": "response",
        "content": CONTENT,
        "proposer": "ana",
        "groups": (Group(organization="northwind", role="responder", count=1),),
        "expires_at": START + seconds(3600),
    }
    return Proposal(**given | other)


@pytest.fixture
def writer():
    return ImmediateWriter(PROJECTIONS)


def proposed(writer, **other):
    return writer.run(lambda tx: propose(tx, LOG, proposal(**other)))


def cast(writer, approval, voter, verdict=Verdict.APPROVE, *, over=None, signer=None):
    content = hashlib.sha256(ballot(over or approval.digest, verdict)).hexdigest()
    act = Act(actor=voter, operation=VOTE, content=content, at=rfc3339(writer.now), nonce="0" * 16)
    signed = sign_act(act, key(signer or voter))
    return writer.run(lambda tx: vote(tx, People(), approval.id, verdict, signed, operation=VOTE))


def unchanged(writer, do, error, code):
    before, count = writer.state.copy().rows, len(writer.entries)
    with pytest.raises(error) as caught:
        do()
    assert caught.value.code == code
    assert (writer.state.rows, len(writer.entries)) == (before, count)


def test_a_vote_approves_and_the_entry_keeps_what_was_signed(writer):
    approval = proposed(writer)
    assert cast(writer, approval, "bo").state is State.APPROVED
    entry = writer.entries[-1]
    assert entry.type == "approval.vote.cast/1"
    assert entry.act["actor"] == "bo"
    assert entry.act["content"] == hashlib.sha256(ballot(approval.digest, Verdict.APPROVE)).hexdigest()


def test_the_proposer_can_not_vote_even_with_the_role(writer):
    approval = proposed(writer, proposer="bo")
    unchanged(writer, lambda: cast(writer, approval, "bo"), RefusedError, "own-proposal")
    assert cast(writer, approval, "cy").state is State.APPROVED


def test_who_had_a_hand_in_it_can_not_vote(writer):
    approval = proposed(writer, recused=("bo",))
    unchanged(writer, lambda: cast(writer, approval, "bo"), RefusedError, "own-proposal")


def test_another_account_of_the_proposer_s_or_of_a_voter_s_human_has_no_vote(writer):
    groups = (Group(organization="meridian", role="responder", count=2),)
    for about in ({"proposer": "kim"}, {"recused": ("kim",)}):
        approval = proposed(writer, groups=groups, **about)
        unchanged(writer, lambda approval=approval: cast(writer, approval, "kay"), RefusedError, "own-proposal")
    approval = proposed(writer, groups=(*groups, Group(organization="northwind", role="responder", count=1)))
    cast(writer, approval, "kim")
    unchanged(writer, lambda: cast(writer, approval, "kay"), ConflictError, "already-voted")
    assert cast(writer, approval, "bo").state is State.PROPOSED


@pytest.mark.parametrize("voter", ["ana", "ops", "kim"])
def test_role_and_organization_must_both_fit(writer, voter):
    approval = proposed(writer, proposer="service")
    unchanged(writer, lambda: cast(writer, approval, voter), RefusedError, "not-an-approver")


def test_all_groups_must_approve(writer):
    groups = tuple(Group(organization=name, role="responder", count=1) for name in ("northwind", "meridian"))
    approval = proposed(writer, groups=groups)
    assert cast(writer, approval, "bo").state is State.PROPOSED
    assert cast(writer, approval, "cy").state is State.PROPOSED
    assert cast(writer, approval, "kim").state is State.APPROVED


def test_a_vote_over_another_draft_verdict_or_by_another_key_is_none(writer):
    approval, other = proposed(writer), proposed(writer)
    for do in (
        lambda: cast(writer, approval, "bo", over=other.digest),
        lambda: cast(writer, approval, "bo", over="00" * 32),
    ):
        unchanged(writer, do, UnauthenticatedError, "act-for-another-request")
    unchanged(writer, lambda: cast(writer, approval, "bo", signer="cy"), UnauthenticatedError, "wrong-key")
    reject = hashlib.sha256(ballot(approval.digest, Verdict.REJECT)).hexdigest()
    signed = sign_act(Act(actor="bo", operation=VOTE, content=reject, at="", nonce=""), key("bo"))
    unchanged(
        writer,
        lambda: writer.run(lambda tx: vote(tx, People(), approval.id, Verdict.APPROVE, signed, operation=VOTE)),
        UnauthenticatedError,
        "act-for-another-request",
    )


def test_a_second_vote_and_a_late_vote_change_nothing(writer):
    approval = proposed(writer, groups=(Group(organization="northwind", role="responder", count=2),))
    cast(writer, approval, "bo")
    unchanged(writer, lambda: cast(writer, approval, "bo"), ConflictError, "already-voted")
    writer.now = approval.proposal.expires_at
    unchanged(writer, lambda: cast(writer, approval, "cy"), ConflictError, "approval-expired")
    writer.now = approval.proposal.expires_at - 1
    assert cast(writer, approval, "cy").state is State.APPROVED


def test_nobody_to_approve_is_refused(writer):
    for groups in ((), (Group(organization="northwind", role="responder", count=0),)):
        unchanged(writer, lambda groups=groups: proposed(writer, groups=groups), RefusedError, "no-approvers")


def test_the_limits_of_a_proposal(writer):
    proposed(writer, expires_at=START + LIFETIME_MAX)
    for at in (START, START + LIFETIME_MAX + 1):
        unchanged(writer, lambda at=at: proposed(writer, expires_at=at), InvalidInputError, "invalid-input")
    crowd = Group(organization="northwind", role="responder", count=SEATS_MAX)
    proposed(writer, groups=(crowd,))
    more = (crowd, Group(organization="northwind", role="analyst", count=1))
    unchanged(writer, lambda: proposed(writer, groups=more), InvalidInputError, "invalid-input")
    for content in ("", "AB" * 32, "ab" * 31):
        unchanged(writer, lambda text=content: proposed(writer, content=text), InvalidInputError, "invalid-input")


def used(writer, approval, content=CONTENT):
    return writer.run(lambda tx: consume(tx, approval.id, content=content, by="01ACTION"))


def test_an_approval_is_used_once_for_exactly_what_was_approved(writer):
    approval = proposed(writer)
    unchanged(writer, lambda: used(writer, approval), ConflictError, "approval-proposed")
    cast(writer, approval, "bo")
    unchanged(writer, lambda: used(writer, approval, "00" * 32), RefusedError, "approved-otherwise")
    assert (used(writer, approval).state, used_by(writer, approval)) == (State.CONSUMED, "01ACTION")
    unchanged(writer, lambda: used(writer, approval), ConflictError, "approval-consumed")


def used_by(writer, approval):
    return find(writer.state, approval.id).consumed_by


def test_an_approval_can_not_be_used_after_its_time(writer):
    approval = proposed(writer)
    cast(writer, approval, "bo")
    writer.now = approval.proposal.expires_at
    unchanged(writer, lambda: used(writer, approval), ConflictError, "approval-expired")


def test_its_timer_expires_it_and_is_gone_when_it_is_closed(writer):
    first, second = proposed(writer), proposed(writer)
    assert [(timer.kind, timer.key) for _, timer in writer.state.scan(TIMERS)] == [
        (EXPIRY_TIMER, first.id),
        (EXPIRY_TIMER, second.id),
    ]
    cast(writer, second, "bo", Verdict.REJECT)
    assert [timer.key for _, timer in writer.state.scan(TIMERS)] == [first.id]
    unchanged(writer, lambda: writer.run(lambda tx: expire(tx, first.id)), ConflictError, "approval-open")
    writer.now = first.proposal.expires_at
    assert writer.run(lambda tx: expire(tx, first.id)).state is State.EXPIRED
    assert list(writer.state.scan(TIMERS)) == []


def test_expiring_twice_or_after_a_decision_appends_nothing(writer):
    approval = proposed(writer)
    cast(writer, approval, "bo", Verdict.REJECT)
    writer.now = approval.proposal.expires_at
    count = len(writer.entries)
    assert writer.run(lambda tx: expire(tx, approval.id)).state is State.REJECTED
    assert len(writer.entries) == count


def test_an_unknown_approval_is_absent(writer):
    with pytest.raises(AbsentError, match="no approval 'x'"):
        find(writer.state, "x")


def test_the_entries_alone_rebuild_the_state(writer):
    approval = proposed(writer)
    cast(writer, approval, "bo")
    used(writer, approval)
    twin = ImmediateWriter(PROJECTIONS)
    for entry in writer.entries:
        PROJECTIONS[entry.type](twin.state, entry)
    assert twin.state.rows == writer.state.rows


def test_an_entry_about_an_approval_that_nobody_proposed_is_damage(writer):
    approval = proposed(writer)
    cast(writer, approval, "bo")
    with pytest.raises(UnavailableError) as caught:
        PROJECTIONS["approval.vote.cast/1"](ImmediateWriter(PROJECTIONS).state, writer.entries[-1])
    assert caught.value.code == "log-damaged"
