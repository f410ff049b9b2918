"""Grants by request against a model of a few words, step by step, with a crash between any commit and its effects."""

import contextlib
import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from safeconduct.access import records as kept
from safeconduct.access.break_glass import refuse_overdue, reviews
from safeconduct.access.compiling import compile_standing
from safeconduct.access.grant_events import GRANT_TIMER
from safeconduct.access.grant_requests import cases
from safeconduct.access.waiting import COSIGN
from safeconduct.adapters.memory.records import MemoryState
from safeconduct.approvals import Verdict
from safeconduct.kernel.effects import OUTBOX, TIMERS
from safeconduct.kernel.errors import AbsentError, ConflictError, RefusedError, SafeconductError
from safeconduct.kernel.instants import seconds
from safeconduct.kernel.notices import NOTICE
from support.granting import HOUR, Granting, granting_program

PROGRAM = granting_program()
OPEN = ("asked", "waiting", "in-force")


class Grants(RuleBasedStateMachine):
    made = Bundle("made")

    def __init__(self):
        super().__init__()
        self.house = Granting(PROGRAM)
        self.standing = compile_standing(self.house.state)
        self.model = {}  # id -> [state, closes at, votes, tier above its own, glass]
        self.owed = {}  # id -> due at
        self.glass = {}  # template -> the last one

    def keep(self, case, state, *, glass=False):
        self.model[case.id] = [state, case.draft.window.closes_at, set(), case.draft.elevated, glass]
        return case

    @rule(target=made, tier=st.sampled_from([0, 2]), hours=st.integers(1, 4))
    def ask(self, tier, hours):
        return self.keep(self.house.ask(tier=tier, hours=hours), "asked")

    @rule(target=made, template=st.sampled_from(["night", "pair"]))
    def break_glass(self, template):
        if any(self.house.now >= due for due in self.owed.values()):
            with contextlib.suppress(RefusedError):
                self.house.break_glass(template=template)
                raise AssertionError("glass was broken while a review was overdue")
            return None
        if self.unreviewed(template):
            with pytest.raises(RefusedError, match="broke glass"):
                self.house.break_glass(template=template)
            return None
        case = self.house.break_glass(template=template)
        self.glass[template] = case.id
        self.keep(case, "in-force" if template == "night" else "asked", glass=True)
        if template == "night":
            self.owed[case.id] = self.house.now + 72 * HOUR
        return case

    def unreviewed(self, template):
        last = self.glass.get(template)
        return last is not None and (last in self.owed or self.model[last][0] == "asked")

    @rule(target=made, case=made)
    def reissue(self, case):
        if case is None:
            return None
        state, *_, glass = self.model[case.id]
        try:
            again = self.house.reissue(case)
        except (AbsentError, ConflictError, RefusedError):  # absent: what others broke glass for is not ana's to know
            assert glass or state in ("asked", "waiting")
            return None
        assert not glass
        return self.keep(again, "asked")

    @rule(case=made, by=st.sampled_from(["ana", "bo", "cy", "dee", "eve", "ops"]), against=st.booleans())
    def vote(self, case, by, against):
        if case is None or case.approval is None:
            return
        model = self.model[case.id]
        state, closes_at, votes, elevated, glass = model
        able = {"eve"} if glass else {"cy", "dee"}
        counts = state == "asked" and self.house.now < closes_at and by in able and by not in votes
        try:
            self.house.vote(case, by, Verdict.REJECT if against else Verdict.APPROVE)
        except SafeconductError:
            assert not counts
            return
        assert counts
        votes.add(by)
        if against:
            model[0] = "denied"
        elif votes == able:
            model[0] = "waiting" if elevated and not glass else "in-force"
            if glass:
                self.owed[case.id] = self.house.now + 24 * HOUR

    @rule(case=made)
    def withdraw(self, case):
        if case is None:
            return
        model = self.model[case.id]
        try:
            self.house.withdraw(case, by=case.by)
        except ConflictError:
            assert model[0] != "asked"
            return
        assert model[0] == "asked"
        model[0] = "withdrawn"

    @rule(case=made)
    def revoke(self, case):
        if case is None:
            return
        model = self.model[case.id]
        with contextlib.suppress(ConflictError):
            self.house.revoke(case)
            assert model[0] in ("waiting", "in-force")
            model[0] = "revoked"
            return
        assert model[0] not in ("waiting", "in-force")

    @rule()
    def cosign(self):
        """The effect of what waits, whenever it comes."""
        self.house.cosign()
        for model in self.model.values():
            if model[0] == "waiting":
                model[0] = "in-force"

    @rule(minutes=st.sampled_from([20, 60, 24 * 60]))
    def pass_time(self, minutes):
        self.house.pass_time(seconds(60 * minutes))

    @rule()
    def fire(self):
        """What timers do, whenever they are looked at."""
        for _, timer in list(self.house.state.scan(TIMERS)):
            if timer.kind == GRANT_TIMER and timer.due_at <= self.house.now:
                (case,) = [one for one in cases(self.house.state) if one.id == timer.key]
                self.house.close_due(case)
        for model in self.model.values():
            if model[0] in OPEN and model[1] <= self.house.now:
                model[0] = "lapsed" if model[0] == "asked" else "ended"

    @rule()
    def crash(self):
        """The process ends after a commit: the entries alone make the state, and the effects are still to do."""
        state = MemoryState()
        for entry in self.house.writer.entries:
            self.house.writer.projections[entry.type](state, entry)
        assert state.rows == self.house.state.rows
        self.house.writer.state = state
        self.standing = compile_standing(state)

    @invariant()
    def what_became_of_each_is_on_record(self):
        assert {case.id: case.state.value for case in cases(self.house.state)} == {
            name: model[0] for name, model in self.model.items()
        }

    @invariant()
    def only_what_is_in_force_counts(self):
        in_force = {name for name, model in self.model.items() if model[0] == "in-force"}
        assert {name for name, _ in self.house.state.scan(kept.ISSUED_GRANTS)} == in_force
        self.standing = compile_standing(self.house.state, self.standing)
        held = {grant.id for grants in self.standing.grants.values() for grant in grants if grant.request}
        assert held == in_force

    @invariant()
    def what_is_open_has_one_timer_and_what_waits_one_effect(self):
        timers = [timer.key for _, timer in self.house.state.scan(TIMERS) if timer.kind == GRANT_TIMER]
        assert sorted(timers) == sorted(name for name, model in self.model.items() if model[0] in OPEN)
        kinds = [effect.kind for _, effect in self.house.state.scan(OUTBOX)]
        assert kinds.count(COSIGN) == sum(model[0] == "waiting" for model in self.model.values())
        assert kinds.count(NOTICE) == len(self.owed)  # nobody carries them in this test

    @invariant()
    def each_opening_owes_its_review(self):
        assert {review.id: review.due_at for review in reviews(self.house.state)} == self.owed
        late = any(self.house.now >= due for due in self.owed.values())
        with contextlib.suppress(RefusedError):
            refuse_overdue(self.house.state, "northwind", self.house.now)
            assert not late
            return
        assert late


TestGrants = Grants.TestCase
TestGrants.settings = settings(
    max_examples=500 if os.environ.get("SAFECONDUCT_LONG") else 15, stateful_step_count=25, deadline=None
)
