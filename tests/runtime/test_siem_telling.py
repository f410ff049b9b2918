"""Orders to tell a SIEM, through its failures and ours: each ends once, and nothing is said twice."""

import asyncio
import contextlib
from collections import Counter

import pytest

from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import AbsentError, InvalidInputError, UnavailableError
from safeconduct.kernel.ids import EventId, IncidentId, Origin
from safeconduct.runtime.siem_telling import GIVE_UP, SiemTeller
from safeconduct.soc.incidents.model import AlertReference, IncidentRecord
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.siem.events import (
    ORDERS,
    PROJECTIONS,
    Asked,
    SiemAnswered,
    SiemAsked,
    TakenAlert,
    Told,
)
from safeconduct.soc.siem.model import Scope
from safeconduct.soc.siem.service import ALERTS_MAX, order_telling, record_answered, record_asked, settle_telling
from support.programs import in_force, signed

OPERATION = "POST /api/v1/siems/x/tell"


class Scripted:
    """A SIEM that fails as told before or after it took what it is told."""

    def __init__(self):
        self.comments, self.fail_before, self.fail_after = Counter(), [], []

    def tell(self, telling):
        if telling.alert == "gone":
            raise AbsentError("gone", code="siem-alert-unknown")
        if self.fail_before:
            raise self.fail_before.pop()
        known = self.comments[telling.alert] > 0
        self.comments[telling.alert] += not known
        if self.fail_after:
            raise self.fail_after.pop()
        return not known


BUSY = UnavailableError("busy", code="siem-busy")


class House:
    def __init__(self):
        self.writer, self.siem = in_force(), Scripted()
        self.writer.projections = {**self.writer.projections, **PROJECTIONS}
        self.file_is_wrong = False
        self.teller = SiemTeller(self.writer, self.snapshot, self, self._siem)

    def _siem(self, name):
        if self.file_is_wrong:
            raise InvalidInputError("no file", code="siems-invalid")
        assert name == "x"
        return self.siem

    def snapshot(self):
        return contextlib.nullcontext(self.writer.state)

    def now(self):
        return self.writer.now

    def took(self, *alerts):
        """Notes alerts as taken, and returns an incident of their events."""
        taken = tuple(TakenAlert(alert=one, event=event_of(one), at=self.writer.now) for one in alerts)
        self.writer.run(lambda tx: record_answered(tx, SiemAnswered(asked="e", siem="x", alerts=taken)))
        return incident(*alerts)

    def order(self, found, by="ana"):
        body = b"{}"
        act = signed(by, OPERATION, body, self.writer.now)
        return self.writer.run(
            lambda tx: order_telling(
                tx,
                act,
                found,
                siem="x",
                judgment=Judgment.FALSE_POSITIVE,
                operation=OPERATION,
                content=act.act.content,
            )
        )

    def carry(self):
        (effect,) = [one for _, one in self.writer.state.scan(OUTBOX) if one.kind == "siem-tell"]
        asyncio.run(self.teller.carry_out(effect))

    def waits(self):
        return [one for _, one in self.writer.state.scan(OUTBOX) if one.kind == "siem-tell"]


def event_of(alert):
    return EventId(alert.encode().hex().rjust(32, "0"))


def incident(*alerts):
    reference = AlertReference(
        id="r",
        rule="r",
        rule_digest="d",
        title="t",
        level="low",
        techniques=(),
        at=0,
        total=len(alerts),
        events=tuple(map(event_of, alerts)),
    )
    return IncidentRecord(
        id=IncidentId("i" * 32),
        origin=Origin("o"),
        opened_at=0,
        entry_id="e",
        first_at=0,
        last_at=0,
        score=1,
        parts=1,
        expected=1,
        alerts=(reference,),
        edges=(),
    )


@pytest.fixture
def house():
    return House()


def test_each_alert_is_told_and_the_order_ends(house):
    order = house.order(house.took("a", "b", "gone"))
    house.carry()
    assert house.writer.state.get(ORDERS, order).alerts == {"a": Told.TOLD, "b": Told.TOLD, "gone": Told.ABSENT}
    assert house.waits() == []


@pytest.mark.parametrize("when", ["fail_before", "fail_after"])
def test_an_answer_that_is_lost_leads_to_no_second_comment(house, when):
    order = house.order(house.took("a", "b"))
    setattr(house.siem, when, [BUSY])
    with pytest.raises(UnavailableError):
        house.carry()
    assert house.waits()
    house.carry()
    ends = house.writer.state.get(ORDERS, order).alerts
    assert ends == {"a": Told.KNOWN if when == "fail_after" else Told.TOLD, "b": Told.TOLD}
    assert set(house.siem.comments.values()) == {1}


@pytest.mark.parametrize("later", [GIVE_UP - 1, GIVE_UP])
def test_a_siem_that_answers_nothing_is_given_up_after_a_day(house, later):
    order = house.order(house.took("a"))
    house.siem.fail_before = [BUSY]
    house.writer.now = house.writer.state.get(ORDERS, order).at + later
    if later < GIVE_UP:
        with pytest.raises(UnavailableError):
            house.carry()
        return
    house.carry()
    assert house.writer.state.get(ORDERS, order).alerts == {"a": Told.FAILED}


def test_a_file_that_is_wrong_is_waited_for(house):
    house.order(house.took("a"))
    house.file_is_wrong = True
    with pytest.raises(InvalidInputError):
        house.carry()
    house.file_is_wrong = False
    house.carry()
    assert house.siem.comments == {"a": 1}


def test_an_order_ends_once(house):
    order = house.order(house.took("a"))
    house.carry()
    house.writer.run(lambda tx: settle_telling(tx, order, {"a": Told.FAILED}))
    assert house.writer.state.get(ORDERS, order).alerts == {"a": Told.TOLD}


def test_only_what_was_taken_from_this_siem_is_told_of(house):
    house.took("a")
    with pytest.raises(InvalidInputError) as none:
        house.order(incident("b"))
    assert none.value.code == "siem-alerts-none"
    house.order(incident("a", "b"))
    house.carry()
    assert house.siem.comments == {"a": 1}


@pytest.mark.parametrize("more", [0, 1])
def test_an_order_has_so_many_alerts_at_most(house, more):
    found = house.took(*(f"n{number}" for number in range(ALERTS_MAX + more)))
    if more:
        with pytest.raises(InvalidInputError):
            house.order(found)
    else:
        house.order(found)
        house.carry()
        assert len(house.siem.comments) == ALERTS_MAX


def test_the_hours_questions_are_counted_from_the_first(house):
    scope, operation = Scope(tables=(), searches_per_hour=2), "POST /api/v1/siems/x/alerts"

    def ask():
        body = b""
        act = signed("ana", operation, body, house.writer.now)
        asked = SiemAsked(siem="x", kind=Asked.ALERTS, table="", first=0, last=None, limit=1)
        content = act.act.content
        house.writer.run(lambda tx: record_asked(tx, act, asked, scope, "", operation=operation, content=content))

    ask()
    house.writer.now += 1
    ask()
    house.writer.now += 1
    with pytest.raises(Exception, match="asked 2 times") as refused:
        ask()
    assert refused.value.code == "siem-over-budget"
    house.writer.now += 3_600_000_000 - 3
    with pytest.raises(Exception, match="asked 2 times"):
        ask()
    house.writer.now += 1
    ask()
