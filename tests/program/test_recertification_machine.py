"""Two campaigns at once against a plain model: answers by everybody, time, and a program that comes again meanwhile."""

import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from safeconduct.adapters.memory.records import MemoryState
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import Instant
from support.owing import DAY
from support.recertifying import Recertifying

LONG = "SAFECONDUCT_LONG" in os.environ
GRANTS = {"grant:ana-triage": "ana", "grant:service-triage": "ana"}
ROLES = {f"role:{name}": name.partition("/")[0] for name in ("ana/analyst", "bo/responder", "cy/administrator")}
ROLES |= {f"role:{name}": name.partition("/")[0] for name in ("dee/trust-and-safety", "eve/responder")}
ROLES |= {f"role:{name}": name.partition("/")[0] for name in ("fay/trust-and-safety", "ops/administrator")}
ABLE = {"cy": "cy/administrator", "dee": "dee/trust-and-safety", "fay": "fay/trust-and-safety"}
ABLE |= {"ops": "ops/administrator"}


class Campaigns(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.house = Recertifying()
        self.there = set(GRANTS) | set(ROLES)
        self.campaigns = []  # each: the real one, when it is due in days, and its items' states
        self.today = 0

    def able(self, by):
        return by in ABLE and f"role:{ABLE[by]}" in self.there

    def tried(self, refusal, attempt):
        before = self.house.state.copy().rows
        if refusal is None:
            return attempt()
        with pytest.raises(SafeconductError) as caught:
            attempt()
        assert caught.value.code == refusal, caught.value.message
        assert self.house.state.rows == before
        return None

    @rule(by=st.sampled_from(["bo", "cy", "dee", "ops"]), of=st.sampled_from(["grants", "roles"]))
    def open(self, by, of):
        if sum(1 for _, due, _ in self.campaigns if due > self.today) >= 2:
            return
        made = self.tried(None if self.able(by) else "role-missing", lambda: self.house.open(of, by=by, days=3))
        if made:
            asked = (GRANTS if of == "grants" else ROLES).keys() & self.there
            self.campaigns.append((made, self.today + 3, dict.fromkeys(asked, "asked")))

    @rule(
        which=st.integers(0, 9),
        by=st.sampled_from(["bo", "cy", "cy", "dee", "fay", "fay"]),
        subject=st.sampled_from(sorted([*GRANTS, *ROLES])),
        keep=st.booleans(),
    )
    def answer(self, which, by, subject, keep):
        if not self.campaigns:
            return
        campaign, due, items = self.campaigns[which % len(self.campaigns)]
        refusal = self.refusal(by, subject, items, due, keep=keep)
        if self.tried(refusal, lambda: self.house.answer(campaign, subject, by=by, keep=keep)):
            items[subject] = "kept" if keep else "removed"
            if not keep:
                self.there.discard(subject)

    def refusal(self, by, subject, items, due, *, keep):
        checks = (
            (subject not in items, "item-unknown"),
            (not self.able(by), "role-missing"),
            (by == "dee", "not-the-reviewer"),
            (({**GRANTS, **ROLES})[subject] == by, "own-access"),
            (due <= self.today, "campaign-closed"),
            (items.get(subject) not in (("asked",) if keep else ("asked", "kept")), f"item-{items.get(subject)}"),
            (subject not in self.there, "item-changed"),
        )
        return next((code for held, code in checks if held), None)

    @rule(days=st.sampled_from([1, 1, 2, 5]))
    def wait(self, days):
        self.today += days
        self.house.writer.now = Instant(self.house.now + days * DAY)
        self.house.fire()
        for _, due, items in sorted(self.campaigns, key=lambda one: (one[1], one[0].id)):
            if due <= self.today:
                self.close(items)

    def close(self, items):
        for subject in sorted(one for one, state in items.items() if state == "asked"):
            administrators = {one for one in self.there if one.endswith("/administrator")}
            if subject not in self.there:
                items[subject] = "gone"
            elif administrators == {subject}:
                items[subject] = "spared"
            else:
                items[subject] = "unanswered"
                self.there.discard(subject)

    @rule()
    def the_program_comes_again(self):
        if self.able("ops"):
            self.house.apply("")
            self.there = set(GRANTS) | set(ROLES)

    @invariant()
    def access_is_what_the_answers_left(self):
        assert {f"grant:{one}" for one in self.house.grants()} == self.there & GRANTS.keys()
        assert {f"role:{one}" for one in self.house.roles()} == self.there & ROLES.keys()
        for campaign, _, items in self.campaigns:
            assert self.house.states(campaign) == items

    def teardown(self):
        twin = MemoryState()
        for entry in self.house.writer.entries:
            self.house.writer.projections[entry.type](twin, entry)
        assert twin.rows == self.house.state.rows


TestCampaigns = Campaigns.TestCase
TestCampaigns.settings = settings(max_examples=150 if LONG else 4, stateful_step_count=20, deadline=None)
