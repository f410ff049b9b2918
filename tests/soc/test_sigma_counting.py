"""Sigma correlations: thresholds at the edge, groups, windows that merge, order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.soc.detecting import ALERT_EVENTS_MAX
from support.sigma import counting, found, record, rule

A = rule({"s": {"kind": "a"}, "condition": "s"}, "a")
B = rule({"s": {"kind": "b"}, "condition": "s"}, "b")
THREE = counting("three", "event_count", ["a"], **{"group-by": ["who"], "condition": {"gte": 3}})
VALUES = counting("values", "value_count", ["a"], **{"group-by": ["who"], "condition": {"gte": 3, "field": "what"}})
ORDERED = counting("ordered", "temporal_ordered", ["a", "b"], **{"group-by": ["who"]})
TOGETHER = counting("together", "temporal", ["a", "b"], **{"group-by": ["who"]})


def at(*seconds, kind="a", who="x", start=0, **more):
    return [record(start + n, s, kind=kind, who=who, **more) for n, s in enumerate(seconds)]


def spans(alerts):
    return [(alert.title, len(alert.events), alert.total) for alert in alerts]


@pytest.mark.parametrize(("seconds", "fires"), [((0, 30, 60), True), ((0, 30, 60.001), False), ((0, 1), False)])
def test_a_count_is_reached_within_its_timespan_or_not(seconds, fires):
    assert bool(found(at(*seconds), A, THREE)) is fires


def test_a_count_tells_when_it_was_reached_and_all_it_counted():
    (alert,) = found(at(0, 10, 20, 30), A, THREE)
    assert (alert.at, alert.total, len(alert.matches)) == (at(20)[0].at, 4, 4)


def test_windows_that_share_a_hit_are_one_alert_and_others_are_two():
    assert len(found(at(0, 10, 20, 70, 80, 90), A, THREE)) == 1
    assert len(found(at(0, 10, 20, 200, 210, 220), A, THREE)) == 2


def test_groups_count_apart_and_a_hit_without_the_field_counts_nowhere():
    mixed = at(0, 1) + at(2, 3, who="y", start=5)
    assert found(mixed, A, THREE) == ()
    assert found([record(n, n, kind="a") for n in range(9)], A, THREE) == ()


def test_groups_do_not_depend_on_case():
    assert len(found(at(0, 1) + at(2, who="X", start=5), A, THREE)) == 1


def test_values_are_counted_once_each():
    same = [record(n, n, kind="a", who="x", what="v") for n in range(9)]
    assert found(same, A, VALUES) == ()
    different = [record(n, n, kind="a", who="x", what=f"v{n}") for n in range(3)]
    assert spans(found(different, A, VALUES)) == [("Rule values", 3, 3)]
    without = [record(n, n, kind="a", who="x") for n in range(9)]
    assert found(without, A, VALUES) == ()


def test_order_matters_where_the_rule_says_so():
    first, then = at(0), at(5, kind="b", start=5)
    assert spans(found(first + then, A, B, ORDERED)) == [("Rule ordered", 2, 2)]
    assert found(at(5) + at(0, kind="b", start=5), A, B, ORDERED) == ()
    assert spans(found(at(5) + at(0, kind="b", start=5), A, B, TOGETHER)) == [("Rule together", 2, 2)]
    assert found(at(0) + at(61, kind="b", start=5), A, B, TOGETHER) == ()


def test_a_count_may_count_counts():
    nested = counting("nested", "temporal_ordered", ["three", "b"], **{"group-by": ["who"]})
    guessed = at(0, 1, 2) + at(3, kind="b", start=7)
    assert spans(found(guessed, A, B, THREE, nested)) == [("Rule nested", 4, 4)]
    early = at(1, 2, 3) + at(2.5, kind="b", start=7)
    assert found(early, A, B, THREE, nested) == ()


def test_counted_rules_are_silent_unless_the_count_says_otherwise():
    assert [title for title, *_ in spans(found(at(0), A))] == ["Rule a"]
    assert found(at(0), A, THREE) == ()
    loud = counting("loud", "event_count", ["a"], generate=True, condition={"gte": 1})
    assert {title for title, *_ in spans(found(at(0), A, loud))} == {"Rule a", "Rule loud"}


def test_an_alias_lets_rules_name_the_same_thing_differently():
    other = rule({"s": {"kind": "b"}, "condition": "s"}, "b")
    together = counting(
        "aliased", "temporal", ["a", "b"], **{"group-by": ["person"], "aliases": {"person": {"a": "who", "b": "whom"}}}
    )
    hits = [*at(0), record(9, 1, kind="b", whom="x")]
    assert len(found(hits, A, other, together)) == 1
    assert found([*at(0), record(9, 1, kind="b", whom="z")], A, other, together) == ()


def test_gt_is_more_than_gte():
    more = counting("more", "event_count", ["a"], **{"group-by": ["who"], "condition": {"gt": 3}})
    assert found(at(0, 1, 2), A, more) == ()
    assert len(found(at(0, 1, 2, 3), A, more)) == 1


@pytest.mark.parametrize(
    ("count", "named"), [(ALERT_EVENTS_MAX, ALERT_EVENTS_MAX), (ALERT_EVENTS_MAX + 1, ALERT_EVENTS_MAX)]
)
def test_a_flood_is_told_by_its_first_and_last_events(count, named):
    (alert,) = found(at(*(n / 100 for n in range(count))), A, THREE)
    assert (alert.total, len(alert.events)) == (count, named)
    assert alert.events[0] == record(0).id
    assert alert.events[-1] == record(count - 1).id


@given(
    st.lists(st.tuples(st.integers(0, 300), st.sampled_from("ab"), st.sampled_from("xy")), max_size=25), st.randoms()
)
def test_the_order_of_events_changes_nothing(made, rng: random.Random):
    events = [record(n, s, kind=kind, who=who, what=str(s % 5)) for n, (s, kind, who) in enumerate(made)]
    rules = (A, B, THREE, VALUES, ORDERED, TOGETHER)
    shuffled = events[:]
    rng.shuffle(shuffled)
    assert found(events, *rules) == found(shuffled, *rules)


@given(st.lists(st.integers(0, 400), max_size=30))
def test_a_count_fires_exactly_where_some_window_holds_enough(seconds):
    events = at(*seconds)
    naive = any(sum(0 <= other - s <= 60 for other in seconds) >= 3 for s in seconds)
    alerts = found(events, A, THREE)
    assert bool(alerts) is naive
    counted = {key for alert in alerts for key in alert.events}
    for number, s in enumerate(seconds):
        within = any(
            sum(0 <= other - begin <= 60 for other in seconds) >= 3 and 0 <= s - begin <= 60 for begin in seconds
        )
        assert (record(number).id in counted) is within
