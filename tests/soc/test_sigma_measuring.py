"""Correlations over whole stretches of time, over numbers, and over expressions of rules."""

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.counting import count
from safeconduct.soc.detection.measuring import NUMBER_CHARS_MAX, Hit, number
from safeconduct.soc.detection.parsing import load
from support.sigma import counting, found, record, rule
from support.telemetry import START

RULES = [rule({"s": {"kind": name}, "condition": "s"}, name) for name in "abc"]
ALIGNED = 60 - START // 1_000_000 % 60  # seconds from START to where a minute begins


def at(*times, kind="a", start=0, **more):
    """Records at so many seconds of a minute that begins after START."""
    return [record(start + n, ALIGNED + s, kind=kind, who="x", **more) for n, s in enumerate(times)]


def later(at_s=600):
    """A record of nothing, so that the telemetry goes on."""
    return [record(999, ALIGNED + at_s)]


def counts(events, kind, *rules, **more):
    alerts = found(events, *RULES, counting("count", kind, list(rules) or ["a"], **{"group-by": ["who"]}, **more))
    return [(alert.total, alert.at) for alert in alerts if alert.title == "Rule count"]


BOUNDS = [
    ({"lt": 3}, 2, 3),
    ({"lte": 3}, 3, 4),
    ({"eq": 3}, 3, 2),
    ({"neq": 3}, 2, 3),
    ({"gte": 2, "lte": 3}, 3, 4),
    ({"gt": 1, "lt": 3}, 2, 1),
]


@pytest.mark.parametrize(("condition", "yes", "no"), BOUNDS)
def test_few_and_exactly_so_many_are_told_of_whole_timespans(condition, yes, no):
    assert len(counts(at(*range(yes)) + later(), "event_count", condition=condition)) == 1
    assert counts(at(*range(no)) + later(), "event_count", condition=condition) == []


def test_few_is_told_once_the_telemetry_goes_past_the_end():
    few = {"lt": 3}
    assert counts(at(0, 59), "event_count", condition=few) == []
    assert counts(at(0, 59) + later(59.999), "event_count", condition=few) == []
    ((total, reached),) = counts(at(0, 59) + later(60), "event_count", condition=few)
    assert (total, reached) == (2, at(59)[0].at)


def test_timespans_begin_side_by_side_from_the_epoch():
    assert counts(at(59, 60) + later(), "event_count", condition={"eq": 2}) == []
    assert len(counts(at(60, 119) + later(), "event_count", condition={"eq": 2})) == 1


NUMBERS = [
    ("value_sum", {"gt": 30}, ["10", 20, "0.5"], [10, 20]),
    ("value_avg", {"gt": 15}, [10, 21], [10, 20]),
    ("value_median", {"gte": 5}, [1, 5, 9], [1, 4, 99]),
    ("value_median", {"gte": 5}, [4, 6], [4, 5]),
    ("value_percentile", {"gte": 9, "percentile": 75}, [1, 2, 9, 10], [1, 2, 8, 99]),
    ("value_sum", {"lt": 5}, [1, 2], [1, 5]),
]


@pytest.mark.parametrize(("kind", "condition", "yes", "no"), NUMBERS)
def test_numbers_are_added_and_ranked(kind, condition, yes, no):
    def told(values):
        events = [record(n, ALIGNED + n, kind="a", who="x", size=value) for n, value in enumerate(values)]
        return counts(events + later(), kind, condition={"field": "size", **condition})

    assert len(told(yes)) == 1
    assert told(no) == []


def test_what_is_no_number_counts_for_nothing():
    assert counts(at(0, size="many") + later(), "value_avg", condition={"field": "size", "lt": 5}) == []
    assert number("9" * NUMBER_CHARS_MAX) is not None
    assert [number(text) for text in ("9" * (NUMBER_CHARS_MAX + 1), "1e999999999", "1/3", "nan", "", "٣x")] == [
        None
    ] * 6


def test_a_sum_slides_so_that_no_border_hides_it():
    events = at(50, size=20) + at(70, start=1, size=20)
    assert len(counts(events, "value_sum", condition={"field": "size", "gte": 40})) == 1
    apart = at(0, size=20) + at(60.001, start=1, size=20)
    assert counts(apart, "value_sum", condition={"field": "size", "gte": 40}) == []


def test_values_of_several_fields_are_counted_together():
    events = [record(n, n, kind="a", who="x", p=n % 2, q=n // 2) for n in range(4)]
    assert len(counts(events, "value_count", condition={"field": ["p", "q"], "gte": 4})) == 1
    assert counts(events, "value_count", condition={"field": "p", "gte": 3}) == []


def test_some_of_several_rules_are_enough_where_the_rule_says_so():
    two = at(0) + at(1, kind="c", start=5)
    assert len(counts(two, "temporal", "a", "b", "c", condition={"gte": 2})) == 1
    assert counts(at(0, 1), "temporal", "a", "b", "c", condition={"gte": 2}) == []


EXPRESSIONS = [
    ("temporal", "a and (b or c)", "ca", "bc"),
    ("temporal", "a and not b", "ac", "ab"),
    ("temporal", "a and not (b or c)", "a", "ac"),
    ("temporal", "a and not (b and c)", "ac", "abc"),
    ("temporal_ordered", "a and b and c", "abc", "acb"),
    ("temporal_ordered", "(a or b) and c", "bc", "cb"),
    ("temporal_ordered", "a and c and not b", "ac", "abc"),
]


@pytest.mark.parametrize(("kind", "condition", "yes", "no"), EXPRESSIONS)
def test_expressions_over_rules(kind, condition, yes, no):
    def told(letters):
        events = [event for n, letter in enumerate(letters) for event in at(n, kind=letter, start=n)]
        return counts(
            events + later(), kind, *sorted(set("abc") & set(condition.replace("and", ""))), condition=condition
        )

    assert len(told(yes)) == 1
    assert told(no) == []


@pytest.mark.parametrize(("other", "told"), [(-60.001, 1), (-60, 0), (60, 0), (60.001, 1)])
def test_what_must_be_absent_is_so_before_and_after(other, told):
    events = at(100) + at(100 + other, kind="b", start=5)
    assert len(counts(events + later(), "temporal", "a", "b", condition="a and not b")) == told


def test_absence_is_told_once_the_telemetry_goes_past_it():
    assert counts(at(0) + later(59.9), "temporal", "a", "b", condition="a and not b") == []
    assert len(counts(at(0) + later(60), "temporal", "a", "b", condition="a and not b")) == 1


def test_of_the_same_instant_the_order_that_was_asked_for_is_possible():
    together = at(0, kind="b") + at(0, kind="a", start=5)
    assert len(counts(together, "temporal_ordered", "a", "b")) == 1
    assert len(counts(together, "temporal_ordered", "b", "a")) == 1


MADE = st.lists(st.tuples(st.integers(0, 300), st.sampled_from("abc"), st.integers(0, 9)), max_size=25)


@cache
def every_kind():
    return read(
        counting("few", "event_count", ["a"], condition={"lt": 3}),
        counting("mean", "value_avg", ["a", "b"], condition={"field": "n", "gt": 4}),
        counting("sum", "value_sum", ["a", "b"], condition={"field": "n", "gt": 9}),
        counting("only", "temporal", ["a", "b"], condition="a and not b"),
        counting("then", "temporal_ordered", ["a", "b", "c"], condition="a and (b or c)"),
    )


@cache
def one_after_the_other():
    return read(counting("then", "temporal_ordered", ["a", "b", "c"]))


def read(*counted):
    return load([(f"{number}.yml", text) for number, text in enumerate([*RULES, *counted])])


@given(MADE, st.randoms())
def test_the_order_of_events_changes_nothing(made, rng: random.Random):
    events = [record(n, s, kind=kind, n=value) for n, (s, kind, value) in enumerate(made)]
    shuffled = events[:]
    rng.shuffle(shuffled)
    assert detect(events, every_kind()) == detect(shuffled, every_kind())


@given(MADE)
def test_an_order_is_found_exactly_where_there_is_one(made):
    events = [record(n, s, kind=kind) for n, (s, kind, _) in enumerate(made)]
    times = {letter: [s for s, kind, _ in made if kind == letter] for letter in "abc"}
    naive = any(s <= t <= u <= s + 60 for s in times["a"] for t in times["b"] for u in times["c"])
    assert bool(detect(events, one_after_the_other())) is naive


def test_a_flood_takes_time_in_proportion():
    """Each hit looks at the rules of the correlation, never at the other hits of its window."""
    (rule_counted,) = one_after_the_other().correlations
    names = rule_counted.rules
    hits = [Hit(rule=names[n % 2], at=later_by(n), events=(), matches=(), fields={}) for n in range(50_000)]
    assert count(rule_counted, hits, later_by(100_000)) == []


def later_by(milliseconds):
    return Instant(START + seconds(milliseconds / 1000))
