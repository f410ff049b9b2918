"""What an incident continues is looked up by its events: linear in alerts, whatever was opened before."""

import os
from collections import Counter
from dataclasses import replace

import pytest

from safeconduct.adapters.memory.records import MemoryState
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId, EventId, IncidentId, Origin
from safeconduct.kernel.instants import Instant, parse_rfc3339
from safeconduct.soc.correlation import incident_id
from safeconduct.soc.incidents import events as incidents
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.incidents.opening import record_incident
from safeconduct.soc.model import Alert, Incident

LOG = Origin("safeconduct.example/demo/ag-2026-01")
NOW = parse_rfc3339("2026-11-21T08:00:00Z")
TOGETHER = 20
TIMES = 100 if os.environ.get("SAFECONDUCT_LONG") else 20


class Counted:
    """A transaction and its state, counting what is asked of it."""

    def __init__(self):
        self.state, self.asked = MemoryState(), Counter()

    def get(self, collection, key):
        self.asked["get"] += 1
        return self.state.get(collection, key)

    def put(self, collection, key, value):
        self.asked["put"] += 1
        self.state.put(collection, key, value)

    def scan(self, collection, prefix=""):
        raise AssertionError(f"all of {collection.name} is read")

    def append(self, origin, draft):
        entry = Entry(id=EntryId("01JD"), origin=origin, at=NOW, type=draft.type, body=draft.body, act=draft.act)
        incidents.PROJECTIONS[draft.type](self, entry)
        return entry


def alert(number):
    return Alert(
        id=f"{number:032x}", rule="r", rule_digest="d", title="t", level="high", techniques=(),
        events=(EventId(f"{number:032x}"),), at=Instant(number), matches=(), total=1,
    )  # fmt: skip


def incident(numbers):
    alerts = tuple(alert(number) for number in numbers)
    events = tuple(one.events[0] for one in alerts)
    return Incident(
        id=incident_id(one.id for one in alerts), alerts=alerts, edges=(), events=events,
        first_at=alerts[0].at, last_at=alerts[-1].at, score=30, score_reasons=(),
    )  # fmt: skip


def grown(tx, alerts):
    """Opens incidents of so many alerts, and each again with one more: twice as many alerts are looked at."""
    for start in range(0, alerts, TOGETHER):
        record_incident(tx, LOG, incident(range(start, start + TOGETHER - 1)))
        record_incident(tx, LOG, incident(range(start, start + TOGETHER)))


def test_the_cost_per_alert_does_not_rise_with_what_is_open():
    few, many = Counted(), Counted()
    grown(few, 1_000)
    grown(many, TIMES * 1_000)
    assert {name: count * TIMES for name, count in few.asked.items()} == dict(many.asked)
    standing = [record for _, record in many.state.scan(INCIDENTS) if record.stands]
    assert len(standing) == TIMES * 1_000 // TOGETHER
    assert {len(record.alerts) for record in standing} == {TOGETHER}


@pytest.fixture
def tx():
    return Counted()


def continues(tx, numbers, owner=""):
    found = replace(incident(numbers), id=IncidentId(f"{owner}-{numbers[0]}-{len(numbers)}".rjust(32, "0")))
    record_incident(tx, LOG, found, owner=owner)
    return [record.id for _, record in tx.state.scan(INCIDENTS) if record.continued_by == found.id]


def test_two_that_share_an_event_with_a_third_are_both_continued_by_it(tx):
    first, second = incident([1, 2]), incident([4, 5])
    record_incident(tx, LOG, first)
    record_incident(tx, LOG, second)
    assert continues(tx, [2, 3]) == [first.id]
    assert continues(tx, [3, 4]) != [first.id]
    assert continues(tx, [6]) == []


def test_what_was_continued_is_not_continued_again(tx):
    first = incident([1, 2])
    record_incident(tx, LOG, first)
    assert continues(tx, [2, 3]) == [first.id]
    assert first.id not in continues(tx, [1, 9])


def test_two_of_different_rules_over_one_event_both_stand(tx):
    first = incident([1])
    other = replace(first, id=IncidentId("f" * 32), alerts=(replace(first.alerts[0], id="f" * 32, rule="other"),))
    record_incident(tx, LOG, first)
    record_incident(tx, LOG, other)
    assert all(record.stands for _, record in tx.state.scan(INCIDENTS))


def test_another_owners_events_continue_nothing(tx):
    record_incident(tx, LOG, incident([1, 2]))
    assert continues(tx, [1, 2, 3], owner="partner") == []
