"""A call that is held for a person: exactly the approved bytes pass, once, in time, and nobody approves their own."""

import concurrent.futures
import json
from contextlib import contextmanager

import pytest

from safeconduct import approvals
from safeconduct.access.acts import ProgramElectorate
from safeconduct.gateway.events import CALL_INTENT
from safeconduct.gateway.holding import APPROVAL_LIFETIME, CALL_HELD, SUBJECT, vote_on_call
from safeconduct.kernel.errors import AbsentError, ConflictError, RefusedError
from safeconduct.kernel.instants import Instant, seconds
from support.call_ends import request
from support.programs import demo_program, signed
from support.restricting import setting
from support.wire import ask, post, wire

RULE = b"approvals:\n  call:\n    groups:\n      - {organization: northwind, role: responder, count: 1}\n"
PROGRAM = demo_program().replace(b"approvals:\n", RULE).replace(b"roles: [analyst]", b"roles: [analyst, responder]")


@contextmanager
def holding():
    with wire(program=PROGRAM) as served:
        served.world.run(setting("principal:ana", "hold", now=served.world.clock.now()))
        yield served


@pytest.fixture(scope="module")
def gate():
    with holding() as served:
        yield served


def call(gate, text, **body):
    raw = ask(gate.port, post(gate.world.tokens["ana"], request(text=text, **body), headers=["connection: close"]))
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def held(gate, text, **body):
    """Makes a call that is held; returns its approval as it stands."""
    status, told = call(gate, text, **body)
    assert (status, told["error"]["code"]) == (403, "approval-required")
    with gate.world.store.snapshot() as records:
        found = [approvals.find(records, one.body["approval"]) for one in gate.world.entries("gateway.call.held")]
        (approval,) = [one for one in found if one.id in told["error"]["remedy"]]
    return approval


def vote(gate, approval, by="bo", verdict=approvals.Verdict.APPROVE):
    operation = f"POST /api/v1/calls/held/{approval.id}/vote"
    act = signed(by, operation, approvals.ballot(approval.digest, verdict), gate.world.clock.now())
    return gate.world.run(
        lambda tx: vote_on_call(tx, ProgramElectorate(), approval.id, verdict, act, operation=operation)
    ).value


def test_the_same_bytes_pass_once_when_approved_and_are_held_again_after(gate):
    approval = held(gate, "one")
    assert held(gate, "one").id == approval.id  # asking on puts nothing more to the vote
    assert vote(gate, approval).state is approvals.State.APPROVED
    assert call(gate, "one")[0] == 200
    intent = CALL_INTENT.read([one for one in gate.world.entries() if one.type == CALL_INTENT.name][-1])
    assert intent.approval == approval.id
    assert intent.restrictions[0].startswith("hold:")
    assert held(gate, "one").id != approval.id


@pytest.mark.parametrize("other", [{"text": "twO"}, {"text": "two", "temperature": 0.5}])
def test_one_changed_byte_is_another_call(gate, other):
    approval = held(gate, "two")
    vote(gate, approval)
    assert held(gate, **other).id != approval.id
    assert call(gate, "two")[0] == 200


def test_what_is_put_to_the_vote_is_the_request_sealed(gate):
    approval = held(gate, "three")
    (entry,) = [one for one in gate.world.entries("gateway.call.held") if one.body["approval"] == approval.id]
    assert CALL_HELD.read(entry).content == approval.proposal.content
    leaf = gate.world.reader.evidence(entry.id).leaf
    assert b"three" not in leaf
    assert b'"request"' in leaf
    assert approval.proposal.kind == SUBJECT


def test_nobody_approves_their_own_call(gate):
    approval = held(gate, "four")
    with pytest.raises(RefusedError) as caught:
        vote(gate, approval, by="ana")
    assert caught.value.code == "own-proposal"
    assert held(gate, "four").state is approvals.State.PROPOSED


def test_a_rejected_call_is_put_to_the_vote_anew(gate):
    approval = held(gate, "five")
    vote(gate, approval, verdict=approvals.Verdict.REJECT)
    assert held(gate, "five").id != approval.id


def test_two_equal_requests_at_once_use_one_approval(gate):
    vote(gate, held(gate, "six"))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = [status for status, _ in pool.map(lambda _: call(gate, "six"), range(4))]
    assert sorted(statuses) == [200, 403, 403, 403]


def test_an_approval_of_something_else_is_no_approval_of_a_call(gate):
    proposal = approvals.Proposal(
        kind="response",
        content="11" * 32,
        proposer="ana",
        groups=held(gate, "seven").proposal.groups,
        expires_at=Instant(gate.world.clock.now() + seconds(60)),
    )
    other = gate.world.run(lambda tx: approvals.propose(tx, "safeconduct.example/demo/ag-2026-01", proposal)).value
    with pytest.raises(AbsentError):
        vote(gate, other)


@pytest.mark.parametrize(("late", "passes"), [(-1, True), (0, False)])
def test_an_approval_lasts_an_hour(late, passes):
    with holding() as gate:
        approval = held(gate, "in time")
        vote(gate, approval)
        assert approval.proposal.expires_at - gate.world.clock.at == APPROVAL_LIFETIME
        gate.world.clock.at = Instant(approval.proposal.expires_at - seconds(2))
        gate.world.tokens["ana"] = gate.world.token("ana")
        gate.world.clock.at = Instant(approval.proposal.expires_at + late)
        if passes:
            assert call(gate, "in time")[0] == 200
        else:
            assert held(gate, "in time").id != approval.id


def test_a_late_vote_counts_no_more():
    with holding() as gate:
        approval = held(gate, "eight")
        gate.world.clock.at = approval.proposal.expires_at
        with pytest.raises(ConflictError) as caught:
            vote(gate, approval)
        assert caught.value.code == "approval-expired"


def test_without_a_rule_nobody_can_approve():
    with wire() as served:
        served.world.run(setting("path:soc-triage", "hold", now=served.world.clock.now()))
        status, told = call(served, "hello")
        assert (status, told["error"]["code"], told["error"]["clause"]) == (403, "no-approvers", "approvals.call")
        assert served.world.entries("gateway.call.held") == []
