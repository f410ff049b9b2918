"""One duty against a plain model: everybody's steps, days and clocks that jump, and a program that changes its word.

The model knows days and nothing of moments, timers or facts. The entries rebuild the records.
"""

import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from safeconduct.adapters.memory.records import MemoryState
from safeconduct.kernel.errors import SafeconductError
from safeconduct.program.obligations.events import LOWERED, WARNED
from support.owing import DAY, DRILL, Owing

LONG = "SAFECONDUCT_LONG" in os.environ
STEPS = ((7, 1), (30, 0))
everybody = st.sampled_from(["ana", "bo", "cy", "dee", "ops", "eve"])
documents = st.sampled_from(["one", "two", "three"])


class Duties(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.house = Owing()
        self.began = self.house.now
        self.days, self.owed, self.state = 90, True, "owed"
        self.counts_from, self.waits, self.met = 0, None, {}
        self.today = 0

    def tried(self, refusal, attempt):
        """Makes an attempt, which must be refused by this code, and then change nothing, or succeed."""
        before = self.house.state.copy().rows
        if refusal is None:
            attempt()
            return True
        with pytest.raises(SafeconductError) as caught:
            attempt()
        assert caught.value.code == refusal, caught.value.message
        assert self.house.state.rows == before
        return False

    @rule(by=everybody, text=documents)
    def hand_in(self, by, text):
        refusal = None
        if by not in ("bo", "cy"):
            refusal = "obligation-not-yours"
        elif not self.owed:
            refusal = "duty-over"
        elif text in self.met:
            refusal = "evidence-used"
        if self.tried(refusal, lambda: self.house.hand_in(text, by=by)):
            self.state, self.waits = "handed-in", (text, self.today)

    @rule(by=everybody, text=documents, accepted=st.booleans())
    def judge(self, by, text, accepted):
        refusal = None
        if by not in ("cy", "dee", "ops"):
            refusal = "role-missing"
        elif self.state != "handed-in":
            refusal = f"duty-{self.state}"
        elif by == "cy":
            refusal = "own-obligation"
        elif text != self.waits[0]:
            refusal = "evidence-changed"
        step = self.house.accept if accepted else self.house.give_back
        if not self.tried(refusal, lambda: step(text, by=by)):
            return
        if accepted:
            self.met[text] = self.waits[1]
            self.counts_from, self.waits, self.state = self.waits[1], None, "owed"
        else:
            self.state = "returned"

    @rule(days=st.sampled_from([1, 6, 30, 83, 400]))
    def wait(self, days):
        self.today += days
        self.house.wait(days)

    @rule(change=st.sampled_from(["sooner", "later", "gone"]))
    def program_changes(self, change):
        days = {"sooner": 60, "later": 90}.get(change)
        self.house.apply(DRILL.replace("days: 90", f"days: {days}") if days else "")
        if days is None:
            self.state, self.waits = "over", None
        elif not self.owed:
            self.state = "owed"
        self.owed, self.days = days is not None, days or self.days

    @invariant()
    def the_tier_is_what_the_days_say(self):
        late = self.today - self.counts_from - self.days
        left = [tier for days, tier in STEPS if self.owed and late >= days]
        expected = {"organization:northwind/drill": left[-1]} if left else {}
        assert self.house.lowered() == expected
        duty = self.house.duty()
        assert (duty.state, duty.due_at - self.began) == (self.state, (self.counts_from + self.days) * DAY)

    @invariant()
    def no_step_without_all_warnings(self):
        for lowered in self.house.said(LOWERED):
            warned = {one.days for one in self.house.said(WARNED) if one.due_at == lowered.due_at}
            assert warned == {30, 7, 1, 0}

    def teardown(self):
        twin = MemoryState()
        for entry in self.house.writer.entries:
            self.house.writer.projections[entry.type](twin, entry)
        assert twin.rows == self.house.state.rows


TestDuties = Duties.TestCase
TestDuties.settings = settings(max_examples=200 if LONG else 5, stateful_step_count=25, deadline=None)
