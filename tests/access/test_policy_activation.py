"""Policies change only as both parties voted for them: exactly this text, by both, in time, once."""

import pytest

from safeconduct.access import records as kept
from safeconduct.access.activation import DECISION_TIME, TEXT_BYTES_MAX, voted_on
from safeconduct.access.program import parse_program
from safeconduct.approvals import Verdict, ballot
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.inprocess import Ask
from safeconduct.kernel.errors import InvalidInputError
from support.access_house import House
from support.policy_votes import BYTE, RULE, STRICTER, TESS, VOTED, with_rule
from support.programs import demo_program, in_force, signed, signed_by_both


class Desk(House):
    """The installation, and votes on what is proposed in it."""

    def act(self, by, path, body):
        key = "stranger" if by == "tess" else by
        act = encode_act(signed(by, f"POST /api/v1/{path}", body, self.now(), key=key))
        return self.send(Ask(method="POST", path=f"/api/v1/{path}", headers={HEADER: act}, body=body))

    def propose(self, source, by="ops"):
        status, told = self.act(by, "policies/proposals/new", source)
        assert status == 200, told
        return told

    def vote(self, proposed, by, verdict="approve", draft=None):
        body = ballot(draft or proposed["draft"], Verdict(verdict))
        return self.act(by, f"policies/proposals/{proposed['id']}/vote", body)

    def agreed(self, source):
        proposed = self.propose(source)
        assert [self.vote(proposed, by)[1]["state"] for by in ("tess", "bo")] == ["proposed", "approved"]
        return proposed

    def apply(self, source):
        status, told = self.act("ops", "programs/apply", source)
        return status, told.get("code", told.get("state"))

    @property
    def in_force(self):
        return self.writer.state.get(kept.POLICIES, kept.POLICIES_KEY).text


@pytest.fixture
def desk():
    return Desk(in_force(VOTED))


REFUSED = (403, "policy-not-approved")


def test_without_votes_no_other_policies_are_applied_and_with_them_once(desk):
    assert desk.apply(STRICTER) == REFUSED
    desk.agreed(STRICTER)
    assert desk.apply(STRICTER) == (200, "in-force")
    assert "|| false" in desk.in_force
    desk.agreed(VOTED)
    assert desk.apply(VOTED) == (200, "in-force")
    assert desk.apply(STRICTER) == REFUSED  # those votes were used


def test_votes_for_another_text_or_one_byte_of_it_count_for_nothing(desk):
    desk.agreed(STRICTER)
    assert desk.apply(BYTE) == REFUSED
    assert voted_on(parse_program(BYTE)) != voted_on(parse_program(STRICTER))


def test_one_party_s_votes_are_not_enough_and_one_against_ends_it(desk):
    proposed = desk.propose(STRICTER)
    assert desk.vote(proposed, "tess")[1]["state"] == "proposed"
    assert desk.apply(STRICTER) == REFUSED
    assert desk.vote(proposed, "bo", "reject")[1]["state"] == "rejected"
    assert desk.apply(STRICTER) == REFUSED


def test_a_vote_is_over_what_was_shown_by_somebody_of_a_group_who_did_not_propose_it(desk):
    proposed, other = desk.propose(STRICTER), desk.propose(BYTE)
    assert desk.vote(proposed, "bo", draft=other["draft"])[0] == 401
    assert desk.vote(proposed, "ana")[1]["code"] == "not-an-approver"
    assert desk.vote(proposed, "ops")[1]["code"] == "own-proposal"
    assert desk.vote(proposed, "bo")[0] == 200
    assert desk.vote(proposed, "bo")[1]["code"] == "already-voted"
    assert desk.vote({"id": "0" * 26, "draft": proposed["draft"]}, "bo")[1]["code"] == "proposal-unknown"


def test_approved_policies_are_applied_in_time_or_not_at_all(desk):
    desk.agreed(STRICTER)
    desk.writer.now += DECISION_TIME
    assert desk.apply(STRICTER) == REFUSED


WITHOUT = signed_by_both(demo_program().replace(b"\nprincipals:\n", b"\nprincipals:\n" + TESS))
WEAKER = with_rule(RULE.replace(b"role: trust-and-safety", b"role: administrator"))


@pytest.mark.parametrize("source", [WITHOUT, WEAKER])
def test_the_rule_is_not_dropped_nor_its_voters_changed_without_votes(desk, source):
    assert desk.apply(source) == REFUSED
    desk.agreed(source)
    assert desk.apply(source) == (200, "in-force")


def test_what_leaves_the_policies_as_they_are_needs_no_votes(desk):
    source = VOTED.replace(b"deadline_s: 120", b"deadline_s: 60")
    assert desk.act("ops", "policies/proposals/new", source)[1]["code"] == "votes-not-needed"
    assert desk.apply(source) == (200, "in-force")


def test_only_an_administrator_proposes_and_voters_see_the_whole_text(desk):
    assert desk.act("ana", "policies/proposals/new", STRICTER)[1]["code"] == "role-missing"
    desk.propose(STRICTER)
    (listed,) = desk.get("policies/proposals")[1]
    assert listed["text"] == parse_program(STRICTER).policies.text
    assert (listed["by"], listed["approval"]["state"]) == ("ops", "proposed")


def test_applied_policies_still_wait_for_the_witness(desk):
    desk.agreed(STRICTER)
    desk.witness_answers = False
    assert desk.apply(STRICTER) == (200, "waiting")
    assert "|| false" not in desk.in_force


def test_a_rule_needs_groups_of_both_parties():
    with pytest.raises(InvalidInputError, match="no group of northwind") as caught:
        with_rule(RULE.rpartition(b"      - ")[0])
    assert caught.value.code == "no-approvers"


def test_the_limit_on_policies_that_can_be_voted_on(desk):
    def padded(count):
        return STRICTER.replace(b"context.frozen || false", b"context.frozen || false" + b" " * count)

    text = parse_program(STRICTER).policies.text
    room = TEXT_BYTES_MAX - len(text) - text.count("\n") - text.count('"') - 2
    assert desk.act("ops", "policies/proposals/new", padded(room))[0] == 200
    assert desk.act("ops", "policies/proposals/new", padded(room + 1))[1]["code"] == "too-large"
