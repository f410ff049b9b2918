"""Whatever happens to scheduled hunts, each due time has one answer, and each event that is found is told once."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from safeconduct.access import records as kept
from safeconduct.access.model.stops import Freeze, Selection, Selector, SelectorKind
from safeconduct.kernel.errors import LimitedError, UnavailableError
from safeconduct.soc.hunts.scheduled_events import ANSWERED, SCHEDULES, Outcome
from support.scheduling import HIT, MISS, Hunting

ALL = Freeze(id="f", selector=Selection((Selector(SelectorKind.ALL),)), by="ana", reason="x", at=0)
FAILURES = (LimitedError("much", code="hunt-over-budget"), UnavailableError("away", code="hunts-unavailable"))


class Scheduled(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.hunting = Hunting(self.folder)
        self.hunting.save()
        self.hunting.schedule()
        self.hits = 0

    @rule(hits=st.integers(0, 3), misses=st.integers(0, 2))
    def arrive(self, hits, misses):
        self.hunting.arrive(*[HIT] * hits, *[MISS] * misses)
        self.hits += hits

    @rule(count=st.sampled_from((1, 1800, 3600, 9000)))
    def wait(self, count):
        self.hunting.wait(count)

    @rule()
    def fire(self):
        self.hunting.fire()

    @rule(failure=st.sampled_from((None, *FAILURES)), again=st.booleans())
    def carry(self, failure, again):
        self.hunting.fail = [failure] if failure else []
        self.hunting.carry(again=again)

    @rule(frozen=st.booleans())
    def freeze(self, frozen):
        state = self.hunting.writer.state
        _ = state.put(kept.FREEZES, "f", ALL) if frozen else state.delete(kept.FREEZES, "f")

    @rule(every_s=st.sampled_from((60, 3600)))
    def reschedule(self, every_s):
        assert self.hunting.schedule(every_s=every_s)[0] == 200

    @invariant()
    def no_due_time_has_two_answers_and_no_hit_is_told_twice(self):
        given = Counter(self.hunting.answers().values())
        assert set(given) <= {0, 1}
        answered = [one for one in self.hunting.entries(ANSWERED) if one.outcome is Outcome.ANSWERED]
        assert sum(one.counted for one in answered) <= self.hits
        assert len(self.hunting.orders()) <= 1

    def teardown(self):
        state = self.hunting.writer.state
        state.delete(kept.FREEZES, "f")
        self.hunting.fail = []
        for _ in range(2):
            self.hunting.carry()
            self.hunting.wait(3600)
            self.hunting.fire()
        self.hunting.carry()
        answered = [one for one in self.hunting.entries(ANSWERED) if one.outcome is Outcome.ANSWERED]
        assert sum(one.counted for one in answered) == self.hits, "all of them, once"
        assert state.get(SCHEDULES, "/shells").running == ""
        shutil.rmtree(self.folder)


TestScheduled = Scheduled.TestCase
TestScheduled.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
