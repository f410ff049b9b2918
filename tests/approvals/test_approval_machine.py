"""Approvals against a model of a few dictionaries, step by step."""

import hashlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from safeconduct.approvals import Group, Proposal, State, Verdict, ballot, consume, expire, find, propose, vote
from safeconduct.approvals.events import APPROVALS, PROJECTIONS
from safeconduct.approvals.ports import Voter
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.acts import Act, sign_act
from safeconduct.ledger.keys import SecretKey
from support.immediate import ImmediateWriter

CONTENT = "ab" * 32
ROLES = {"ana": {"analyst"}, "bo": {"responder"}, "cy": {"responder", "analyst"}, "di": {"responder"}}
KEY = SecretKey(bytes(32))


class Anyone:
    def authenticate(self, records, signed, *, operation, content, now):
        name = signed.act.actor
        return Voter(principal=name, organization="northwind", roles=frozenset(ROLES[name]), accounts=frozenset({name}))


def group(role, count):
    return Group(organization="northwind", role=role, count=count)


class Approvals(RuleBasedStateMachine):
    drafts = Bundle("drafts")

    def __init__(self):
        super().__init__()
        self.writer = ImmediateWriter(PROJECTIONS)
        self.model = {}

    @rule(
        target=drafts,
        proposer=st.sampled_from(sorted(ROLES)),
        responders=st.integers(1, 2),
        lifetime=st.integers(1, 50),
    )
    def propose(self, proposer, responders, lifetime):
        expires_at = self.writer.now + lifetime
        proposal = Proposal(
            kind="response",
            content=CONTENT,
            proposer=proposer,
            groups=(group("responder", responders),),
            expires_at=expires_at,
        )
        approval = self.writer.run(lambda tx: propose(tx, "log", proposal))
        self.model[approval.id] = {
            "state": "proposed",
            "proposer": proposer,
            "needed": responders,
            "for": set(),
            "expires_at": expires_at,
        }
        return approval.id

    @rule(draft=drafts, voter=st.sampled_from(sorted(ROLES)), verdict=st.sampled_from(Verdict))
    def vote(self, draft, voter, verdict):
        one = self.model[draft]
        allowed = (
            one["state"] == "proposed"
            and self.writer.now < one["expires_at"]
            and voter != one["proposer"]
            and "responder" in ROLES[voter]
            and voter not in one["for"]
        )
        digest = find(self.writer.state, draft).digest
        content = hashlib.sha256(ballot(digest, verdict)).hexdigest()
        act = Act(actor=voter, operation="vote", content=content, at=rfc3339(self.writer.now), nonce="n")
        signed = sign_act(act, KEY)
        self.attempt(lambda tx: vote(tx, Anyone(), draft, verdict, signed, operation="vote"), allowed=allowed)
        if allowed and verdict is Verdict.REJECT:
            one["state"] = "rejected"
        elif allowed:
            one["for"].add(voter)
            if len(one["for"]) == one["needed"]:
                one["state"] = "approved"

    @rule(draft=drafts, right=st.booleans())
    def consume(self, draft, right):
        one = self.model[draft]
        allowed = right and one["state"] == "approved" and self.writer.now < one["expires_at"]
        content = CONTENT if right else "00" * 32
        self.attempt(lambda tx: consume(tx, draft, content=content, by="x"), allowed=allowed)
        if allowed:
            one["state"] = "consumed"

    @rule(draft=drafts)
    def expire(self, draft):
        one = self.model[draft]
        due = self.writer.now >= one["expires_at"]
        self.attempt(lambda tx: expire(tx, draft), allowed=due)
        if due and one["state"] in ("proposed", "approved"):
            one["state"] = "expired"

    @rule(by=st.integers(1, 30))
    def wait(self, by):
        self.writer.now += by

    def attempt(self, command, *, allowed):
        before = self.writer.state.copy().rows
        try:
            self.writer.run(command)
        except SafeconductError:
            assert not allowed
            assert self.writer.state.rows == before
        else:
            assert allowed

    @invariant()
    def states_agree(self):
        found = {key: approval.state for key, approval in self.writer.state.scan(APPROVALS)}
        assert found == {key: State(one["state"]) for key, one in self.model.items()}


TestApprovals = Approvals.TestCase
TestApprovals.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
