"""Anomalies: what was never so before, against enough that was; and what says so can be counted again."""

import random
from collections import Counter

import pytest

from safeconduct.kernel.ids import EventId
from safeconduct.soc import anomalies as unusual
from safeconduct.soc.anomalies import ODDS_MAX, SEEN_MIN, VALUES_MAX, Rare
from safeconduct.soc.habits import usual_form
from support.unusual import PARENT, STEP, started, usual
from support.wilson import told


def found(events):
    rare = Rare()
    return [one for event in events for one in rare.take(event)]


def test_what_never_was_is_found_and_says_its_odds():
    (one,) = found([*usual(SEEN_MIN), started(SEEN_MIN, r"C:\Users\ana\evil.exe")])
    assert (one.event, one.value.found, one.context.found) == (
        EventId(f"{SEEN_MIN:032x}"),
        r"C:\Users\ana\evil.exe",
        PARENT,
    )
    assert (one.seen, one.values, one.once, one.odds) == (SEEN_MIN, 2, 0, 1 / SEEN_MIN)
    assert one.reason() == (
        "0 of 100 earlier events in 1.0 h; they had 2 values, 0 of them once: a new one was to be expected in 1 of 100"
    )


@pytest.mark.parametrize(
    "events",
    [
        [*usual(SEEN_MIN - 1), started(SEEN_MIN, "evil.exe")],  # too few before it
        [*usual(SEEN_MIN, step=STEP - 1), started(SEEN_MIN, "evil.exe", step=STEP - 1)],  # not long enough
        [*usual(SEEN_MIN), started(SEEN_MIN, r"C:\bin\TOOL-A.exe")],  # known, but for its case
        [*usual(SEEN_MIN), started(SEEN_MIN, "evil.exe", parent="other.exe")],  # of another context
        [*usual(SEEN_MIN), started(SEEN_MIN, "evil.exe", activity_id=2)],  # it ended, and did not start
        [*usual(SEEN_MIN), started(SEEN_MIN, "evil.exe", class_uid=1005)],
        [*usual(SEEN_MIN), started(SEEN_MIN, "evil.exe", status_id=2)],
    ],
)
def test_one_thing_less_and_nothing_is_unusual(events):
    assert found(events) == []


def test_who_has_new_ones_often_is_never_unusual_by_one():
    allowed = int(ODDS_MAX * 200)
    for singles, expected in ((allowed, 1), (allowed + 1, 0)):
        new = [started(number, f"{chr(97 + number)}.exe") for number in range(singles)]
        before = [*new, *(started(number, "usual.exe") for number in range(singles, 200))]
        late = [one for one in found([*before, started(200, "evil.exe")]) if one.event == EventId(f"{200:032x}")]
        assert len(late) == expected


def test_what_changes_from_run_to_run_is_no_difference():
    assert usual_form(r"C:\Users\ana\AppData\Temp\3F2A9C01\Setup7.exe") == r"c:\users\*\appdata\temp\#\setup#.exe"
    assert usual_form("/home/ana/x") == usual_form("/home/bo/x")
    assert usual_form("203.0.113.66") != usual_form("203.0.113.67")


def test_a_context_of_very_many_values_is_no_habit():
    new = [started(number, rf"C:\x\{chr(97 + number % 26)}{'z' * (number // 26)}.exe") for number in range(VALUES_MAX)]
    again = [started(VALUES_MAX + number, one.ocsf["process"]["file"]["path"]) for number, one in enumerate(new)]
    assert found([*new, *again, started(2 * VALUES_MAX, "evil.exe")]) == []


def test_contexts_beyond_what_is_kept_are_counted(monkeypatch):
    monkeypatch.setattr(unusual, "CONTEXTS_MAX", 2)
    rare = Rare()
    for number, left_out in ((0, 0), (1, 0), (2, 1)):
        assert rare.take(started(number, "a.exe", parent=f"p-{'abc'[number]}.exe")) == []
        assert rare.left_out == left_out


def ordinary(rng, contexts, count):
    """Programs that each parent starts, some often and some seldom, as ranks have it (Zipf); made, not recorded."""
    for context in range(contexts):
        weights = [1 / rank ** rng.uniform(1.2, 2.5) for rank in range(1, 60)]
        for number, rank in enumerate(rng.choices(range(len(weights)), weights, k=count)):
            yield started(number, f"{chr(97 + rank % 26)}{'z' * (rank // 26)}.exe", parent=f"p{'q' * context}.exe")


def test_false_alarms_are_as_rare_as_they_say_and_what_is_new_stands_out():
    # The figures of docs/detection-results.md.
    contexts, count = 40, 500
    rng = random.Random(7)  # noqa: S311 - repeatable, not secret
    events = sorted(ordinary(rng, contexts, count), key=lambda event: event.at)
    false = len(found(events))
    armed = contexts * (count - SEEN_MIN)
    injected = [started(count, "never.exe", parent=f"p{'q' * context}.exe") for context in range(contexts)]
    true = len(found([*events, *injected])) - false
    assert (told(false, armed), told(true, contexts)) == (
        "0.003 (0.002 to 0.004, n = 16000)",
        "0.550 (0.398 to 0.693, n = 40)",
    )
    assert false <= ODDS_MAX * armed


def test_a_finding_can_be_counted_again():
    events = [*usual(SEEN_MIN + 20), started(SEEN_MIN + 20, "evil.exe"), *usual(0)]
    (one,) = found(events)
    before = [event for event in events if event.at < one.at]
    values = Counter(usual_form(event.ocsf["process"]["file"]["path"]) for event in before)
    assert (one.seen, one.values, one.once) == (len(before), len(values), sum(n == 1 for n in values.values()))
