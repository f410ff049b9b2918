"""What an order to freeze must say, and what becomes of a freeze: its own end, its review, its end by both parties."""

import hashlib

import pytest

from safeconduct.access.compiling import compile_standing
from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.freeze_events import FREEZE_TIMER, UNFREEZE_WORDS
from safeconduct.access.freeze_preview import preview
from safeconduct.access.freezes import (
    FREEZE_MAX,
    REVIEW_MAX,
    FreezeOrder,
    due,
    expire,
    freeze,
    freezes,
    overdue_reviews,
    pending,
    review_freeze,
)
from safeconduct.access.model.changes import RequestKind
from safeconduct.access.selectors import parse_selection
from safeconduct.access.unfreezing import WORD_AGE_MAX, request_unfreeze
from safeconduct.kernel.effects import TIMERS
from safeconduct.kernel.errors import RefusedError, SafeconductError
from safeconduct.kernel.instants import DAY
from support.attributes import PIA, attributed
from support.freezing import ordered
from support.programs import KEYS, cosigned, in_force, signed

OPERATION = "POST /api/v1/freezes"


@pytest.fixture
def writer():
    return in_force(attributed())


def said(writer, by, body):
    act = signed(by, OPERATION, body, writer.now, key=PIA if by == "pia" else "")
    return act, {"operation": OPERATION, "content": hashlib.sha256(body).hexdigest()}


def start(writer, order, *, by="ops"):
    act, request = said(writer, by, str(order.selector).encode())
    return writer.run(lambda tx: freeze(tx, act, order, **request))


def end(writer, found, *, by):
    act, request = said(writer, by, found.id.encode())
    return writer.run(lambda tx: request_unfreeze(tx, act, freeze_id=found.id, **request))


def cosign(writer, request):
    place = writer.place(request)
    origin = writer.entries[-1].origin
    writer.run(lambda tx: complete_cosign(tx, request, cosigned(origin, place + 1), index=place))


def code(call, *args, **more):
    with pytest.raises(SafeconductError) as caught:
        call(*args, **more)
    return caught.value.code


EVERYBODY = ["all", "agreement:ag-2026-01", "tier:0+", "!principal:bo", "agreement:ag-2026-01&!principal:bo"]


@pytest.mark.parametrize("text", EVERYBODY)
def test_what_cuts_everybody_however_it_is_written_must_say_so(writer, text):
    selection = parse_selection(text)
    found = preview(writer.state, selection)
    assert found.everybody
    other = preview(writer.state, parse_selection("path:hunting")).digest
    for order in (FreezeOrder(selector=selection, reason="r"), FreezeOrder(selector=selection, reason="r", seen=other)):
        with pytest.raises(RefusedError, match="every call there may be") as caught:
            start(writer, order)
        assert caught.value.code == "freeze-cuts-everybody"
        assert "--everybody" in caught.value.remedy
    assert freezes(writer.state) == ()
    assert start(writer, FreezeOrder(selector=selection, reason="r", seen=found.digest)).selector == selection
    assert start(writer, FreezeOrder(selector=selection, reason="r", everybody=True)).selector == selection


@pytest.mark.parametrize("text", ["path:soc-triage", "organization:northwind", "!principal:ana", "tier:0", "tier:2"])
def test_what_leaves_somebody_needs_no_confirmation(writer, text):
    assert not preview(writer.state, parse_selection(text)).everybody
    start(writer, FreezeOrder(selector=parse_selection(text), reason="r"))


def test_a_freeze_ends_by_itself_when_it_was_said_to_and_not_before(writer):
    found = start(writer, ordered("principal:ana", ends_at=writer.now + DAY))
    lasting = start(writer, ordered("principal:ana"))
    ((_, timer),) = writer.state.scan(TIMERS, "")
    assert (timer.kind, timer.key, timer.due_at) == (FREEZE_TIMER, found.id, found.ends_at)
    writer.now = found.ends_at - 1
    assert code(writer.run, lambda tx: expire(tx, found.id)) == "freeze-open"
    writer.now = found.ends_at
    writer.run(lambda tx: expire(tx, found.id))
    assert freezes(writer.state) == (lasting,)  # another party's, or another day's, is not touched
    assert list(writer.state.scan(TIMERS, "")) == []
    assert compile_standing(writer.state).freezes.all == (lasting,)
    assert code(writer.run, lambda tx: expire(tx, lasting.id)) == "freeze-open"
    assert code(writer.run, lambda tx: expire(tx, found.id)) == "freeze-unknown"


@pytest.mark.parametrize(
    ("field", "most", "refused"),
    [("ends_at", FREEZE_MAX, "freeze-end-invalid"), ("review_by", REVIEW_MAX, "review-invalid")],
)
def test_the_limits_of_ends_and_reviews(writer, field, most, refused):
    for at in (writer.now + 1, writer.now + most):
        start(writer, ordered("principal:ana", **{field: at}))
    for at in (writer.now, writer.now + most + 1):
        assert code(start, writer, ordered("principal:ana", **{field: at})) == refused


def test_a_review_has_an_owner_is_due_and_stays_due_until_somebody_looked(writer):
    found = start(writer, ordered("path:hunting", review_by=writer.now + DAY, owner="bo"))
    own = start(writer, ordered("principal:ana", review_by=writer.now + 2 * DAY), by="bo")
    assert (found.owner, own.owner) == ("bo", "bo")
    assert code(start, writer, ordered("principal:ana", owner="bo")) == "review-invalid"
    nobody = ordered("principal:ana", review_by=writer.now + DAY, owner="nobody")
    assert code(start, writer, nobody) == "principal-unknown"
    late = writer.now + 3 * DAY
    owed = [(one.kind, one.name, one.owner, one.within(late)) for one in due(writer.state, late)]
    assert owed == [("freeze-review", found.id, "principal:bo", 0), ("freeze-review", own.id, "principal:bo", 0)]
    writer.now = late
    looks = {"freeze_id": found.id, "reason": "still unclear", "review_by": writer.now + DAY}
    act, request = said(writer, "bo", b"a")
    writer.run(lambda tx: review_freeze(tx, act, **looks, **request))
    assert [one.name for one in due(writer.state, late) if one.at <= late] == [own.id]
    assert (overdue_reviews(writer.state, late), overdue_reviews(writer.state, own.review_by - 1)) == (1, 0)
    start_by_ops = start(writer, ordered("path:hunting", review_by=writer.now + DAY))
    act, request = said(writer, "bo", b"b")  # a responder, and not its owner
    other = looks | {"freeze_id": start_by_ops.id}
    assert code(writer.run, lambda tx: review_freeze(tx, act, **other, **request)) == "role-missing"
    act, request = said(writer, "bo", b"c")
    empty = looks | {"reason": " "}
    assert code(writer.run, lambda tx: review_freeze(tx, act, **empty, **request)) == "reason-missing"


def test_an_end_that_was_stated_stands_in_the_calendar(writer):
    found = start(writer, ordered("principal:ana", ends_at=writer.now + DAY))
    (one,) = due(writer.state, writer.now)
    assert (one.kind, one.at, one.consequence) == ("freeze", found.ends_at, "principal:ana passes again")


@pytest.mark.parametrize("order", [("ops", "pia"), ("pia", "ops")])
def test_it_takes_a_person_of_each_party_and_the_cosignature(writer, order):
    found = start(writer, ordered("path:soc-triage"))
    first, second = order
    ending = end(writer, found, by=first)
    assert (ending.request, len(ending.agreed)) == (None, 1)
    assert ending.waits_for not in ending.agreed
    assert pending(writer.state, RequestKind.UNFREEZE) == ()
    assert code(end, writer, found, by=first) == "unfreeze-agreed"
    ending = end(writer, found, by=second)
    assert ending.agreed == ("meridian", "northwind")
    assert freezes(writer.state) == (found,)
    assert code(end, writer, found, by=first) == "unfreeze-pending"
    cosign(writer, ending.request)
    assert freezes(writer.state) == ()
    assert list(writer.state.scan(UNFREEZE_WORDS, "")) == []


def test_where_the_partner_has_nobody_its_cosignature_is_its_word_and_where_the_provider_has_nobody_it_stays():
    writer = in_force()  # northwind has an analyst and a responder
    found = start(writer, ordered("principal:ana"))
    ending = end(writer, found, by="ops")
    assert ending.request is not None
    assert freezes(writer.state) == (found,)
    cosign(writer, ending.request)
    assert freezes(writer.state) == ()


def test_a_word_counts_for_a_week(writer):
    found = start(writer, ordered("path:soc-triage"))
    end(writer, found, by="ops")
    writer.now += WORD_AGE_MAX
    assert end(writer, found, by="pia").agreed == ("northwind",)
    assert end(writer, found, by="ops").agreed == ("meridian", "northwind")


@pytest.mark.parametrize(
    ("selector", "code_of"),
    [
        ("grant:pia-hunting", "own-freeze"),
        ("path:hunting&grant:pia-hunting", "own-freeze"),
        ("principal:pia", "principal-frozen"),
        ("principal:pia&path:hunting", "own-freeze"),
        ("key:PIA", "principal-frozen"),
        ("principal:ana", ""),
        ("organization:northwind", ""),  # or a party that is frozen whole could never agree to its end
        ("!nationality:us", ""),  # she is all that northwind has
        ("path:hunting", ""),
    ],
)
def test_who_is_frozen_has_no_word_in_their_own_release(writer, selector, code_of):
    found = start(writer, ordered(selector.replace("PIA", KEYS[PIA].public.text)))
    if code_of:
        assert code(end, writer, found, by="pia") == code_of
        assert list(writer.state.scan(UNFREEZE_WORDS, "")) == []
    else:
        assert end(writer, found, by="pia").waits_for == "meridian"


def test_an_end_that_came_by_itself_takes_along_what_waited_for_it(writer):
    found = start(writer, ordered("path:hunting", ends_at=writer.now + DAY))
    end(writer, found, by="pia")
    request = end(writer, found, by="ops").request
    writer.now = found.ends_at
    writer.run(lambda tx: expire(tx, found.id))
    assert pending(writer.state) == ()
    assert writer.run(lambda tx: complete_cosign(tx, request, "", index=0)) is None
    with pytest.raises(SafeconductError):
        end(writer, found, by="ops")
