"""What a tune-out holds back, and what it never does."""

from dataclasses import replace

import pytest

from safeconduct.kernel.instants import Instant
from safeconduct.soc.detecting import ALERT_EVENTS_MAX
from safeconduct.soc.tuning import TunedOut, held_back
from support.sigma import counting, found, record, rule

A = rule({"s": {"kind": "a"}, "condition": "s"}, "a")
MANY = counting("many", "event_count", ["a"], condition={"gte": 2})


def tuned_out(alert, *places, **changed):
    one = TunedOut(
        id="t",
        rule=alert.rule,
        event=alert.events[0],
        places=places or ("/raw/who",),
        first=Instant(0),
        until=Instant(alert.at + 1),
        by="ana",
        reason="x",
    )
    return replace(one, **changed)


def told(events, *rules, known=None, **changed):
    alerts = found(events, *rules)
    by_id = {event.id: event for event in events}
    left, held = held_back(alerts, [tuned_out(alerts[0], **changed)], known or by_id)
    return len(alerts), len(left), dict(held)


def test_all_events_of_an_alert_must_have_it():
    same = [record(n, n, kind="a", who="x") for n in range(3)]
    assert told(same, A, MANY) == (1, 0, {"t": 1})
    assert told([*same, record(9, 9, kind="a", who="y")], A, MANY) == (1, 1, {})
    assert told([*same, record(9, 9, kind="a")], A, MANY) == (1, 1, {})


def test_what_is_truncated_is_told():
    def flood(count):
        return [record(n, n / 100, kind="a", who="x") for n in range(count)]

    assert told(flood(ALERT_EVENTS_MAX), A, MANY) == (1, 0, {"t": 1})
    assert told(flood(ALERT_EVENTS_MAX + 1), A, MANY) == (1, 1, {})


def test_its_time_is_that_of_the_alert():
    (alert,) = found([record(kind="a", who="x")], A)
    events = {alert.events[0]: record(kind="a", who="x")}
    for first, until, held in ((alert.at, alert.at + 1, 1), (alert.at + 1, alert.at + 2, 0), (0, alert.at, 0)):
        one = tuned_out(alert, first=Instant(first), until=Instant(until))
        assert held_back([alert], [one], events)[1].total() == held


@pytest.mark.parametrize("other", [True, "1", 1.5, None, [1]])
def test_values_are_alike_in_kind_too(other):
    events = [record(0, kind="a", who=1), record(1, kind="a", who=other)]
    assert told(events, A) == (2, 1, {"t": 1})


def test_without_its_event_it_holds_nothing_back():
    events = [record(n, n, kind="a", who="x") for n in range(2)]
    assert told(events, A, known={events[1].id: events[1]}) == (2, 2, {})


def test_another_rule_is_not_meant():
    assert told([record(kind="a", who="x")], A, rule="other") == (1, 1, {})
