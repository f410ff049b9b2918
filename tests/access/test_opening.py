"""Opening sealed fields: who may, why, and with whom."""

import hashlib
from dataclasses import replace

import pytest

from safeconduct import approvals
from safeconduct.access.acts import ProgramElectorate
from safeconduct.access.destruction_events import KEY_FATES, KeyFate
from safeconduct.access.opening import DECISION_TIME, find, open_field, openings, show_fields, vote
from safeconduct.access.opening_rules import SealedFact, Viewer, Wanted
from safeconduct.access.reasons import REASON_LENGTH_MAX
from safeconduct.approvals import Verdict, ballot
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import (
    AbsentError,
    ConflictError,
    InvalidInputError,
    RefusedError,
    UnauthenticatedError,
)
from safeconduct.kernel.ids import ApprovalId
from support.programs import in_force, signed
from support.readers import with_readers

OPERATION, BODY = "POST /api/v1/logs/entries/E/fields/F/open", b"{}"
CONTENT = hashlib.sha256(BODY).hexdigest()
VOTE = "POST /api/v1/logs/openings/A/vote"
AGREEMENT = "safeconduct.example/demo/ag-2026-01"
REQUEST = SealedFact(
    entry="01JD0000000000000000000000",
    origin=AGREEMENT,
    type="gateway.call.intent/1",
    field="request",
    key="aa" * 16,
    readers=frozenset({Reader.PARTNER, Reader.PROVIDER}),
)
SENT = SealedFact(
    entry=REQUEST.entry,
    origin=AGREEMENT,
    type="gateway.call.intent/1",
    field="sent",
    key="bb" * 16,
    readers=frozenset({Reader.PARTNER}),
)
RELEASED = SealedFact(
    entry=REQUEST.entry,
    origin=AGREEMENT,
    type="gateway.call.outcome/1",
    field="released",
    key="cc" * 16,
    readers=frozenset({Reader.PARTNER, Reader.AUDITOR}),
)


@pytest.fixture
def writer():
    return in_force(with_readers())


def ask(writer, sealed, *, by, reason="incident 7", act=None, **more):
    act = act or signed(by, OPERATION, BODY, writer.now)
    wanted = Wanted(sealed=sealed, reason=reason, **more)
    return writer.run(lambda tx: open_field(tx, act, wanted, operation=OPERATION, content=CONTENT))


def cast(writer, approval, *, by, verdict=Verdict.APPROVE, digest=None):
    act = signed(by, VOTE, ballot(digest or approval.digest, verdict), writer.now)
    return writer.run(lambda tx: vote(tx, ProgramElectorate(), approval.id, verdict, act, operation=VOTE))


@pytest.mark.parametrize(
    ("sealed", "by", "reader"),
    [(REQUEST, "ana", "partner"), (REQUEST, "ops", "provider"), (SENT, "bo", "partner")],
)
def test_a_reader_opens_and_the_entry_says_who_and_why(writer, sealed, by, reader):
    answered = ask(writer, sealed, by=by)
    entry = writer.entries[-1]
    assert (entry.id, entry.type, entry.origin) == (answered.opened, "access.field.opened/1", AGREEMENT)
    assert entry.body == {
        "entry": sealed.entry,
        "field": sealed.field,
        "reader": reader,
        "by": by,
        "reason": "incident 7",
        "own_copy": False,
        "approval": None,
    }
    assert entry.act["actor"] == by


@pytest.mark.parametrize(("sealed", "by"), [(SENT, "ops"), (REQUEST, "eve"), (RELEASED, "ops")])
def test_who_is_not_among_the_readers_opens_nothing(writer, sealed, by):
    before = len(writer.entries)
    with pytest.raises(RefusedError) as caught:
        ask(writer, sealed, by=by)
    assert (caught.value.code, caught.value.clause) == (
        "field-not-yours",
        f"entry:{sealed.entry}/sealed/{sealed.field}",
    )
    assert len(writer.entries) == before


def test_the_leaf_says_who_reads_not_the_agreement_of_today(writer):
    """A row that was widened since does not open what was sealed before."""
    narrow = SealedFact(
        entry=REQUEST.entry, origin=AGREEMENT, type=REQUEST.type, field="request", key="dd", readers=SENT.readers
    )
    with pytest.raises(RefusedError):
        ask(writer, narrow, by="ops")


def test_what_the_house_can_not_open_is_opened_from_its_readers_own_copy_alone(writer):
    own = replace(REQUEST, readers=frozenset({Reader.PROVIDER}))
    with pytest.raises(RefusedError) as caught:
        ask(writer, own, by="ops")
    assert caught.value.code == "not-a-reader"
    assert ask(writer, own, by="ops", own_copy=True).opened
    with pytest.raises(RefusedError) as caught:
        ask(writer, own, by="ana", own_copy=True)
    assert caught.value.code == "field-not-yours"


@pytest.mark.parametrize("reason", ["", "  \n", "x" * (REASON_LENGTH_MAX + 1)])
def test_without_a_reason_nothing_opens(writer, reason):
    with pytest.raises(InvalidInputError):
        ask(writer, REQUEST, by="ana", reason=reason)
    assert ask(writer, REQUEST, by="ana", reason="x" * REASON_LENGTH_MAX).opened


def test_a_destroyed_key_opens_nothing_and_one_that_is_only_ordered_still_does(writer):
    writer.state.put(KEY_FATES, REQUEST.key, KeyFate(order="O"))
    assert ask(writer, REQUEST, by="ana").opened
    writer.state.put(KEY_FATES, REQUEST.key, KeyFate(order="O", destroyed=True))
    with pytest.raises(AbsentError) as caught:
        ask(writer, REQUEST, by="ana")
    assert caught.value.code == "destroyed"


def test_an_act_opens_once(writer):
    act = signed("ana", OPERATION, BODY, writer.now)
    assert ask(writer, REQUEST, by="ana", act=act).opened
    with pytest.raises(UnauthenticatedError) as caught:
        ask(writer, REQUEST, by="ana", act=act)
    assert caught.value.code == "act-used"


def test_a_foreign_key_opens_nothing(writer):
    act = signed("ana", OPERATION, BODY, writer.now, key="ops")
    with pytest.raises(UnauthenticatedError) as caught:
        ask(writer, REQUEST, by="ana", act=act)
    assert caught.value.code == "wrong-key"


def test_both_parties_approve_and_it_opens_once(writer):
    waiting = ask(writer, RELEASED, by="ana")
    assert waiting.opened is None
    assert [group.organization for group in waiting.waits_for.proposal.groups] == ["northwind", "meridian"]
    assert find(writer.state, waiting.waits_for.id).reason == "incident 7"
    assert ask(writer, RELEASED, by="ana").waits_for.id == waiting.waits_for.id  # not put to the vote twice
    assert len(list(openings(writer.state))) == 1
    cast(writer, waiting.waits_for, by="bo")
    assert ask(writer, RELEASED, by="ana").opened is None  # one side is not both
    cast(writer, waiting.waits_for, by="ops")
    opened = ask(writer, RELEASED, by="ana")
    assert opened.opened is not None
    said = next(entry for entry in writer.entries if entry.id == opened.opened)
    assert said.body["approval"] == waiting.waits_for.id
    again = ask(writer, RELEASED, by="ana")
    assert (again.opened, again.waits_for.state) == (None, approvals.State.PROPOSED)
    assert again.waits_for.id != waiting.waits_for.id


@pytest.mark.parametrize(
    "other", [{"by": "bo"}, {"by": "ana", "reason": "curiosity"}, {"by": "ana", "sealed": "outcome-2"}]
)
def test_what_was_approved_is_for_exactly_that(writer, other):
    approval = ask(writer, RELEASED, by="ana").waits_for
    cast(writer, approval, by="bo")
    cast(writer, approval, by="ops")
    sealed = RELEASED
    if "sealed" in other:
        sealed = SealedFact(
            entry="01JD0000000000000000000001",
            origin=AGREEMENT,
            type=RELEASED.type,
            field="released",
            key=RELEASED.key,
            readers=RELEASED.readers,
        )
    answered = ask(writer, sealed, by=other["by"], reason=other.get("reason", "incident 7"))
    assert (answered.opened, answered.waits_for.state) == (None, approvals.State.PROPOSED)


def test_a_vote_for_a_digest_that_is_not_this_proposals_is_none(writer):
    approval = ask(writer, RELEASED, by="ana").waits_for
    with pytest.raises(UnauthenticatedError):
        cast(writer, approval, by="ops", digest="0" * 64)


def test_the_opener_does_not_vote(writer):
    approval = ask(writer, RELEASED, by="bo").waits_for
    with pytest.raises(RefusedError) as caught:
        cast(writer, approval, by="bo")
    assert caught.value.code == "own-proposal"


def test_one_rejection_ends_it(writer):
    approval = ask(writer, RELEASED, by="ana").waits_for
    cast(writer, approval, by="ops", verdict=Verdict.REJECT)
    with pytest.raises(ConflictError):
        cast(writer, approval, by="bo")
    assert ask(writer, RELEASED, by="ana").waits_for.id != approval.id


def test_an_approval_expires_unused(writer):
    approval = ask(writer, RELEASED, by="ana").waits_for
    cast(writer, approval, by="bo")
    cast(writer, approval, by="ops")
    writer.now += DECISION_TIME - 1
    state = writer.state.copy()
    assert ask(writer, RELEASED, by="ana").opened
    writer.state = state
    writer.now += 1
    assert ask(writer, RELEASED, by="ana").opened is None


def test_only_openings_are_voted_on_here(writer):
    with pytest.raises(AbsentError):
        find(writer.state, ApprovalId("01JD0000000000000000000000"))


def test_what_is_shown_with_something_larger_is_recorded_too(writer):
    viewer = Viewer(by="local", reader=Reader.PARTNER)
    writer.run(lambda tx: show_fields(tx, viewer, [REQUEST, SENT], "claims of incident i-1"))
    said = [(entry.body["field"], entry.body["by"], entry.act) for entry in writer.entries[-2:]]
    assert said == [("request", "local", None), ("sent", "local", None)]


def test_what_takes_two_parties_is_not_shown_with_something_larger(writer):
    before = len(writer.entries)
    viewer = Viewer(by="local", reader=Reader.PARTNER)
    with pytest.raises(RefusedError) as caught:
        writer.run(lambda tx: show_fields(tx, viewer, [REQUEST, RELEASED], "claims of incident i-1"))
    assert (caught.value.code, len(writer.entries)) == ("both-must-approve", before)
