from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.approvals.model import (
    TRANSITIONS,
    Approval,
    Group,
    Proposal,
    State,
    Step,
    Verdict,
    Vote,
    draft_digest,
    seated,
)
from safeconduct.kernel.errors import ConflictError

PROPOSAL = Proposal(
    kind="response",
    content="ab" * 32,
    proposer="ana",
    groups=(Group(organization="northwind", role="responder", count=2),),
    expires_at=1_000,
)
APPROVAL = Approval(id="01A", origin="log", digest="d", proposal=PROPOSAL)


def ballot(voter, verdict=Verdict.APPROVE, seats=(0,)):
    return Vote(voter=voter, verdict=verdict, seats=seats, entry="01E")


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("step", list(Step))
def test_only_the_steps_of_the_table_are_taken(state, step):
    approval = replace(APPROVAL, state=state)
    if (state, step) in TRANSITIONS:
        assert approval.step(step) == replace(approval, state=TRANSITIONS[state, step])
    else:
        with pytest.raises(ConflictError) as caught:
            approval.step(step)
        assert caught.value.code == f"approval-{state}"
        assert approval.state is state


def test_what_is_decided_or_used_stays_so():
    ends = {State.REJECTED, State.EXPIRED, State.CONSUMED, State.WITHDRAWN}
    assert not any(state in ends for state, _ in TRANSITIONS)


def test_the_last_vote_that_was_needed_approves():
    once = APPROVAL.with_vote(ballot("bo"))
    assert once.state is State.PROPOSED
    assert once.with_vote(ballot("cy")).state is State.APPROVED


def test_one_vote_against_rejects():
    assert APPROVAL.with_vote(ballot("bo", Verdict.REJECT)).state is State.REJECTED


def test_a_person_votes_once():
    once = APPROVAL.with_vote(ballot("bo"))
    for verdict in Verdict:
        with pytest.raises(ConflictError) as caught:
            once.with_vote(ballot("bo", verdict))
        assert caught.value.code == "already-voted"


@pytest.mark.parametrize("state", [state for state in State if state is not State.PROPOSED])
def test_voting_is_over_once_it_is_decided(state):
    with pytest.raises(ConflictError):
        replace(APPROVAL, state=state).with_vote(ballot("bo"))


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "export"},
        {"content": "cd" * 32},
        {"proposer": "bo"},
        {"recused": ("cy",)},
        {"expires_at": 1_001},
        {"groups": (Group(organization="northwind", role="responder", count=1),)},
        {"groups": (Group(organization="meridian", role="responder", count=2),)},
    ],
)
def test_the_digest_covers_every_part_of_what_is_approved(other):
    own = draft_digest("01A", "log", PROPOSAL)
    assert draft_digest("01A", "log", replace(PROPOSAL, **other)) != own
    assert draft_digest("01A", "log", replace(PROPOSAL)) == own


def test_the_digest_covers_which_proposal_in_which_log():
    own = draft_digest("01A", "log", PROPOSAL)
    assert own not in (draft_digest("01B", "log", PROPOSAL), draft_digest("01A", "gol", PROPOSAL))


groups = st.lists(st.integers(1, 2), max_size=3)
voters = st.lists(st.sets(st.integers(0, 2)).map(sorted), max_size=5)


@given(voters, groups)
def test_seats_are_filled_exactly_if_some_assignment_fills_them(voters, counts):
    seats = [index for index, count in enumerate(counts) for _ in range(count)]
    expected = bool(seats) and any(
        all(seat in voter for seat, voter in zip(seats, chosen, strict=True))
        for chosen in permutations(voters, len(seats))
    )
    made = [Group(organization="o", role="r", count=count) for count in counts]
    assert seated(voters, made) == expected


def test_a_person_with_two_roles_is_one_pair_of_eyes():
    both = [Group(organization="o", role="a", count=1), Group(organization="o", role="b", count=1)]
    assert not seated([(0, 1)], both)
    assert seated([(0, 1), (0,)], both)


def test_no_group_is_never_filled():
    assert not seated([(0,)], [])
