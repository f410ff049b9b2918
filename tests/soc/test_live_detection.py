"""Detection as events come: in whatever order and pieces, the alerts and incidents of one whole run."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition
from hypothesis.stateful import rule as step

from safeconduct.adapters.memory.events import MemoryEventStore
from safeconduct.adapters.telemetry.kept_hits import NAME, KeptHitsFile
from safeconduct.kernel.errors import LimitedError
from safeconduct.soc.correlation import correlate
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.grouping import Change, Ruling
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.live import running
from safeconduct.soc.live.keeping import Again, KeptStep, made_of, resumed
from safeconduct.soc.live.running import Live
from safeconduct.soc.model import Event
from safeconduct.soc.ports import Reading
from support.sigma import counting, record, rule

A = rule({"s": {"kind": "a"}, "condition": "s"}, "a", level="high")
B = rule({"s": {"kind": "b"}, "condition": "s"}, "b", level="medium")
GROUPED = {"group-by": ["who"]}
COUNTS = [
    counting("three", "event_count", ["a"], generate=True, **GROUPED, condition={"gte": 3}),
    counting("values", "value_count", ["a"], generate=True, **GROUPED, condition={"gte": 2, "field": "what"}),
    counting("ordered", "temporal_ordered", ["a", "b"], generate=True, **GROUPED),
    counting("twice", "event_count", ["three"], generate=True, **GROUPED, condition={"gte": 2}, timespan="5m"),
]
FALLING = [
    counting("few", "event_count", ["b"], generate=True, **GROUPED, condition={"lte": 2}),
    counting("mean", "value_avg", ["a"], generate=True, **GROUPED, condition={"gt": 5, "field": "size"}),
    counting("alone", "temporal", ["a", "b"], generate=True, **GROUPED, condition="a and not b"),
]
RULES = load([(f"{number}.yml", text) for number, text in enumerate([A, B, *COUNTS, *FALLING])])
OTHERS = load([("a.yml", A), ("b.yml", B)])
EXAMPLES = 300 if os.environ.get("SAFECONDUCT_LONG") else 15
ENTITY = {"class_uid": 4002, "activity_id": 3}


def event(number, at_s, kind, who, address):
    made = record(number, at_s, kind=kind, who=who, what=f"v{number % 3}", size=number % 10)
    return Event(
        id=made.id, source="access", at=made.at, raw=made.raw,
        ocsf=ENTITY | ({"src_endpoint": {"ip": f"203.0.113.{address}"}} if address else {}),
    )  # fmt: skip


EVENTS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 90), st.integers(0, 400), st.sampled_from([0, 60, 120, 3600, 3601, 7200, 9000])),
        st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 2),
    ),
    min_size=1, max_size=40,
)  # fmt: skip


class AsTheyCome(RuleBasedStateMachine):
    """Draws events, and hands them over in any order and any pieces; people rule on alerts in between."""

    def __init__(self):
        super().__init__()
        self.folder = TemporaryDirectory()
        self.file = Path(self.folder.name) / NAME

    def teardown(self):
        self.folder.cleanup()

    @initialize(drawn=EVENTS)
    def begin(self, drawn):
        self.waiting = [event(number, *one) for number, one in enumerate(drawn)]
        self.here, self.standing, self.rulings, self.store = {}, {}, (), MemoryEventStore()
        assert self._started() == 0

    def _started(self, rules=RULES):
        """Begins as a process does, reads what was not kept, and returns from which number it went on."""
        self.live, self.kept = Live(rules, NOTHING, self.store.many), KeptHitsFile(self.file, lambda: b"s" * 32)
        step = resumed(self.kept, self.store, made_of(rules, self.store.generation()))
        if step is not None:
            self.live.resume(step.found)
        number = step.number if step is not None else 0
        self._taken(self.store.arrived(number, len(self.here)))
        self.live.decide(self.rulings, ())
        return number

    def _taken(self, numbered):
        if numbered:
            found = self.live.take([one for _, one in numbered])
            number, last = numbered[-1]
            self.kept.add(KeptStep(number=number, last=last.id, events=number, found=found))

    @precondition(lambda self: self.waiting)
    @step(data=st.data())
    def some_come(self, data):
        count = data.draw(st.integers(1, min(8, len(self.waiting))))
        taken = [self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1))) for _ in range(count)]
        self.here |= {one.id: one for one in taken}
        before = self.store.latest()
        self.store.add(taken, file="f", reading=Reading(lines=0))
        self._taken(self.store.arrived(before, count))
        self._look()

    @step(data=st.data())
    def it_ends_and_begins_again(self, data):
        """It was killed wherever it was: the last of what it keeps may be missing, or half there."""
        whole = self.file.read_bytes()
        head = whole.index(b"\n") + 1
        self.file.write_bytes(whole[: data.draw(st.one_of(st.just(len(whole)), st.integers(head, len(whole))))])
        left = self.file.read_bytes().count(b"\n") - 1
        number = self._started()
        assert (number > 0) == (left > 0), "what was written to its end is gone on from"
        self.standing = {}
        self._look()

    @precondition(lambda self: self.here)
    @step(data=st.data())
    def what_it_keeps_is_not_what_it_wrote(self, data):
        whole = bytearray(self.file.read_bytes())
        whole[data.draw(st.integers(0, len(whole) - 2))] ^= 1
        self.file.write_bytes(whole)
        assert self._started() == 0
        assert self.kept.because() == Again.DAMAGED
        self.standing = {}
        self._look()

    @precondition(lambda self: self.here)
    @step()
    def it_began_with_other_rules_meanwhile(self):
        assert self._started(OTHERS) == 0
        assert self.kept.because() == Again.OTHER
        assert self._started() == 0
        self.standing = {}
        self._look()

    @precondition(lambda self: len(self.live.alerts) > 1)
    @step(data=st.data(), change=st.sampled_from([Change.MERGE, Change.SPLIT]))
    def a_person_rules(self, data, change):
        keys = [alert.id for alert in self.live.alerts]
        one, other = data.draw(st.lists(st.sampled_from(keys), min_size=2, max_size=2, unique=True))
        apart = change is Change.SPLIT
        alerts = frozenset({one} if apart else {one, other})
        self.rulings += (Ruling(change=change, alerts=alerts, rest=frozenset({other}) if apart else frozenset()),)
        self.live.decide(self.rulings, ())
        self._look()

    @step()
    def nothing_comes(self):
        assert self.live.incidents() == ()

    def _look(self):
        """What was found again takes the place of what had an alert of it, or an alert that is no more."""
        found, here = self.live.incidents(), {alert.id for alert in self.live.alerts}
        now = {alert.id for one in found for alert in one.alerts}
        self.standing = {key: one for key, one in self.standing.items() if not {alert.id for alert in one.alerts} & now}
        self.standing |= {one.id: one for one in found}
        self.standing = {
            key: one for key, one in self.standing.items() if all(alert.id in here for alert in one.alerts)
        }

    @invariant()
    def alerts_are_those_of_one_whole_run(self):
        if self.here:
            assert self.live.alerts == detect(self.here.values(), RULES)

    @invariant()
    def incidents_are_those_of_one_whole_run(self):
        if self.here:
            whole = correlate(detect(self.here.values(), RULES), self.here, NOTHING, self.rulings)
            assert {one.id: one for one in whole}.items() <= self.standing.items()


AsTheyCome.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=12, deadline=None)
TestAsTheyCome = AsTheyCome.TestCase


def test_a_count_of_counts_goes_by_what_they_are_now():
    here = {}
    live = Live(RULES, NOTHING, lambda keys: {key: here[key] for key in keys})
    for number in range(6):  # one count that goes on, and goes on, is not two
        one = event(number, number * 10, "a", "x", 0)
        here[one.id] = one
        live.take([one])
        assert live.alerts == detect(here.values(), RULES)
    assert "Rule three" in {alert.title for alert in live.alerts}
    assert "Rule twice" not in {alert.title for alert in live.alerts}


def test_what_is_kept_in_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(running, "KEPT_MAX", 3)
    here = {one.id: one for one in (event(number, number * 600, "b", "x", 0) for number in range(3))}
    live = Live(load([("b.yml", B)]), NOTHING, lambda keys: {key: here[key] for key in keys})
    live.take(list(here.values()))
    more = event(9, 9000, "b", "x", 0)
    here[more.id] = more
    with pytest.raises(LimitedError, match="more than 3 alerts"):
        live.take([more])
