import hashlib
from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.compiling import compile_standing
from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.freeze_preview import preview
from safeconduct.access.freezes import freeze, freezes, pending
from safeconduct.access.marks import Freezes
from safeconduct.access.model.changes import RequestKind
from safeconduct.access.model.stops import Selection, Selector, SelectorKind
from safeconduct.access.reasons import REASON_LENGTH_MAX
from safeconduct.access.selectors import parse_selection
from safeconduct.access.unfreezing import request_unfreeze
from safeconduct.access.waiting import COSIGN
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import (
    AbsentError,
    ConflictError,
    InvalidInputError,
    RefusedError,
    UnauthenticatedError,
    UnavailableError,
)
from support.freezing import ordered
from support.immediate import ImmediateWriter
from support.programs import ACCESS, bring_into_force, cosigned, demo_program, in_force, signed

OPERATION, BODY = "POST /api/v1/freezes", b"{}"
CONTENT = hashlib.sha256(BODY).hexdigest()
AGREEMENT = "safeconduct.example/demo/ag-2026-01"


def start(writer, selector="path:soc-triage", *, by="ops", reason="suspicion"):
    act = signed(by, OPERATION, BODY, writer.now)
    return writer.run(lambda tx: freeze(tx, act, ordered(selector, reason), operation=OPERATION, content=CONTENT))


def unfreeze(writer, freeze_id, *, by="ops"):
    act = signed(by, OPERATION, BODY, writer.now)
    said = {"operation": OPERATION, "content": CONTENT, "freeze_id": freeze_id}
    return writer.run(lambda tx: request_unfreeze(tx, act, **said)).request


def test_a_freeze_is_in_force_in_its_own_transaction_and_waits_for_nothing():
    writer = in_force()
    before = compile_standing(writer.state).epoch
    made = start(writer)
    assert freezes(writer.state) == (made,)
    assert list(writer.state.scan(OUTBOX)) == []
    standing = compile_standing(writer.state)
    assert standing.epoch == before + 1
    assert standing.freezes == Freezes((made,))
    entry = writer.entries[-1]
    assert (entry.origin, entry.type, entry.id) == (AGREEMENT, "access.freeze.started/1", made.id)
    assert entry.act["actor"] == "ops"


@pytest.mark.parametrize(("by", "allowed"), [("ops", True), ("bo", True), ("ana", False)])
def test_who_may_freeze(by, allowed):
    writer = in_force()
    if allowed:
        assert start(writer, by=by).by == by
    else:
        with pytest.raises(RefusedError):
            start(writer, by=by)
        assert freezes(writer.state) == ()


@pytest.mark.parametrize("by", ["bo", "ana"])
def test_who_may_not_ask_to_unfreeze(by):
    writer = in_force()
    made = start(writer)
    with pytest.raises(RefusedError):
        unfreeze(writer, made.id, by=by)
    assert pending(writer.state) == ()


def test_a_freeze_ends_only_when_the_witness_cosigned_the_request():
    writer = in_force()
    made = start(writer)
    request = unfreeze(writer, made.id)
    assert freezes(writer.state) == (made,)
    assert [effect.kind for _, effect in writer.state.scan(OUTBOX)] == [COSIGN]
    (waiting,) = pending(writer.state, RequestKind.UNFREEZE)
    place = writer.place(request)
    assert (waiting.request, waiting.freeze, waiting.origin) == (request, made.id, AGREEMENT)
    writer.run(lambda tx: complete_cosign(tx, request, cosigned(AGREEMENT, place + 1), index=place))
    assert freezes(writer.state) == ()
    assert pending(writer.state) == ()
    assert list(writer.state.scan(OUTBOX)) == []
    assert compile_standing(writer.state).freezes == Freezes()


def test_an_unfreeze_is_asked_for_once_and_only_of_what_is_frozen():
    writer = in_force()
    made = start(writer)
    unfreeze(writer, made.id)
    with pytest.raises(ConflictError) as caught:
        unfreeze(writer, made.id)
    assert caught.value.code == "unfreeze-pending"
    with pytest.raises(AbsentError):
        unfreeze(writer, "01NOTHING")


def test_a_program_request_does_not_supersede_an_unfreeze():
    writer = in_force()
    made = start(writer)
    request = unfreeze(writer, made.id)
    bring_into_force(writer, demo_program().replace(b"deadline_s: 120", b"deadline_s: 60"))
    assert [one.request for one in pending(writer.state)] == [request]
    assert freezes(writer.state) == (made,)


def test_of_two_freezes_of_the_same_thing_ending_one_leaves_the_other():
    writer = in_force()
    first, second = start(writer), start(writer)
    request = unfreeze(writer, second.id)
    writer.run(lambda tx: complete_cosign(tx, request, cosigned(AGREEMENT, 99), index=writer.place(request)))
    assert compile_standing(writer.state).freezes == Freezes((first,))


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("principal:ana", SelectorKind.PRINCIPAL, "ana"),
        ("path:soc-triage", SelectorKind.PATH, "soc-triage"),
        ("organization:northwind", SelectorKind.ORGANIZATION, "northwind"),
        ("grant:ana-triage", SelectorKind.GRANT, "ana-triage"),
        ("agreement:ag-2026-01", SelectorKind.AGREEMENT, "ag-2026-01"),
        ("all", SelectorKind.ALL, ""),
    ],
)
def test_every_selector_reads_and_writes_the_same(text, kind, name):
    assert parse_selection(text) == Selection((Selector(kind, name),))
    assert str(parse_selection(text)) == text
    assert start(in_force(), text).selector == parse_selection(text)


@pytest.mark.parametrize("text", ["", "ana", "principal", "principal:", "all:", "all:x", "team:x", ":x", "Path:x"])
def test_what_is_no_selector_is_refused(text):
    with pytest.raises(InvalidInputError) as caught:
        parse_selection(text)
    assert caught.value.code == "selector-invalid"


@pytest.mark.parametrize("kind", ["principal", "path", "organization", "grant", "agreement"])
def test_freezing_what_is_not_there_is_told_and_stops_nothing(kind):
    writer = in_force()
    with pytest.raises(AbsentError) as caught:
        start(writer, f"{kind}:typo")
    assert caught.value.code == "nothing-to-freeze"
    assert freezes(writer.state) == ()


def test_the_limit_on_reasons():
    start(in_force(), reason="x" * REASON_LENGTH_MAX)
    for reason in ("", "x" * (REASON_LENGTH_MAX + 1)):
        with pytest.raises(InvalidInputError):
            start(in_force(), reason=reason)


@pytest.mark.parametrize(
    ("selector", "grants"),
    [
        ("all", ("ana-triage", "service-triage")),
        ("organization:northwind", ("ana-triage", "service-triage")),
        ("organization:meridian", ()),
        ("principal:ana", ("ana-triage",)),
        ("grant:service-triage", ("service-triage",)),
        ("principal:bo", ()),
    ],
)
def test_a_preview_tells_whom_a_freeze_would_stop_and_freezes_nothing(selector, grants):
    writer = in_force()
    found = preview(writer.state, parse_selection(selector))
    assert (found.selector, found.cut.grants) == (selector, grants)
    assert found.cut.paths == (("soc-triage",) if grants else ())
    assert freezes(writer.state) == ()


def test_before_a_program_is_in_force_nobody_freezes():
    with pytest.raises((UnauthenticatedError, UnavailableError)):
        start(ImmediateWriter(ACCESS), "all")


def test_without_a_witness_a_freeze_can_be_started_and_not_ended():
    writer = in_force()
    agreement = kept.agreement_in_force(writer.state)
    writer.state.put(kept.AGREEMENTS, agreement.id, replace(agreement, witness=None))
    made = start(writer)
    with pytest.raises(RefusedError) as caught:
        unfreeze(writer, made.id)
    assert caught.value.code == "no-witness"
    assert freezes(writer.state) == (made,)
