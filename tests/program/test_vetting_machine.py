"""Vetting of one person against a plain model, step by step, by everybody and at every edge of time.

The model says of each attempt what its answer must be. The entries rebuild the records, and a call passes only where
the model says that it does.
"""

import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from safeconduct.access.records import ADMISSIONS
from safeconduct.adapters.memory.records import MemoryState
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import Instant
from safeconduct.program.vetting.model import Verdict
from support.vetting_house import CASES, DAY, DOCUMENTS, House

LONG = "SAFECONDUCT_LONG" in os.environ
APPLICANTS = {"ana", "nora"}
JUDGES = {"nora": "northwind", "nils": "northwind", "mia": "meridian", "max": "meridian"}
ADMINISTRATORS = {"nora", "max"}
PROTECTORS = {*JUDGES, "bo"}
CHECKS = ("employment", "identity")
VALID = 180 * DAY
CODES = {
    "suspended": "vetting-suspended",
    "suspension-appealed": "vetting-suspended",
    "expired": "vetting-expired",
    **dict.fromkeys(("open", "submitted", "in-review", "evidence-wanted", "denied", "appealed"), "not-vetted"),
    "withdrawn": "not-vetted",
}
everybody = st.sampled_from(["ana", "nora", "nils", "mia", "max", "bo", "cyd"])
judging = st.sampled_from([*JUDGES, "bo"])


class Vetting(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.house = House()
        self.house.employer_ready()
        self.case, self.state = None, None

    def anew(self, applicant):
        self.state, self.applicant = "open", applicant
        self.evidence, self.found = {}, {}
        self.decider = self.suspender = self.due = self.provisioned = None
        self.barred, self.until, self.rejected, self.proven, self.overdue = set(), 0, False, False, False

    def tried(self, refusal, attempt, then=None):
        """Makes an attempt, which must be refused by this code, or succeed."""
        before = self.house.state.copy().rows
        if refusal is None:
            made = attempt()
            if then:
                then()
            return made
        with pytest.raises(SafeconductError) as caught:
            attempt()
        assert caught.value.code == refusal, caught.value.message
        assert caught.value.remedy or caught.value.code in ("role-missing", "check-unknown")
        assert self.house.state.rows == before
        return None

    def first(self, *refusals):
        """Returns the first code of those whose condition holds: pairs of condition and code."""
        return next((code for held, code in refusals if held), None)

    def known(self, by, *states):
        return ((by == "cyd", "case-unknown"), (self.state not in states, "vetting-state"))

    def interested(self, by):
        return ((by in {"ana", self.applicant}, "own-vetting"), (by in self.barred, "took-part"))

    @initialize(
        by=st.sampled_from(sorted(APPLICANTS)), at=st.sampled_from(["open", "submitted", "approved", "denied", "ready"])
    )
    def begin(self, by, at):
        """Begins anywhere on the way, by the shortest way there."""
        self.case = self.house.open(by=by)
        self.anew(by)
        if at != "open":
            self.submit(by=by, checks=set(CHECKS), days=400)
        if at in ("approved", "denied", "ready"):
            for check in CHECKS:
                verdict = Verdict.FAIL if at == "denied" else Verdict.PASS
                self.assess(by="nils", check=check, verdict=verdict, changed=False)
            self.decide(by="mia", approve=at != "denied")
        if at == "ready":
            self.provision(by="max")
            self.prove(by="ana", wrong=None)

    @rule(by=everybody, step=st.sampled_from(["submit", "assess", "decide", "appeal", "provision", "suspend"]))
    def stray(self, by, step):
        """A step from any state, by anybody."""
        arguments = {
            "submit": {"checks": set(CHECKS), "days": 400},
            "assess": {"check": "identity", "verdict": Verdict.PASS, "changed": False},
            "decide": {"approve": True},
        }
        if not (by in ("ana", "cyd") and step in ("assess", "decide", "provision", "suspend")):
            getattr(self, step)(by=by, **arguments.get(step, {}))

    @rule(by=everybody)
    def open(self, by):
        pending = {"open", "submitted", "in-review", "evidence-wanted", "appealed", "suspension-appealed"}
        refusal = self.first((by not in APPLICANTS, "subject-unknown"), (self.state in pending, "case-open"))
        if refusal is None and self.state not in ("withdrawn", "denied", "expired"):
            return  # a renewal, which has tests of its own
        made = self.tried(refusal, lambda: self.house.open(by=by))
        if made:
            self.case = made
            self.anew(by)

    @precondition(lambda self: self.state in ("open", "evidence-wanted"))
    @rule(by=everybody, checks=st.sets(st.sampled_from(CHECKS), min_size=1), days=st.sampled_from([0, 1, 400]))
    def submit(self, by, checks, days):
        ends = self.house.now + days * DAY
        shown = {**self.evidence, **{check: (DOCUMENTS[check], ends) for check in checks}}
        complete = all(check in shown and self.house.now < shown[check][1] for check in CHECKS)
        refusal = self.first(
            *self.known(by, "open", "evidence-wanted"),
            (by not in APPLICANTS, "case-unknown"),
            (days == 0, "evidence-expired"),
        )

        def then():
            self.evidence = shown
            self.found = {check: one for check, one in self.found.items() if check not in checks}
            self.due = None
            if complete:
                self.state, self.overdue = "submitted", False
                self.due = self.house.case(self.case).due_at
                assert 5 * DAY < self.due - self.house.now <= 11 * DAY

        self.tried(refusal, lambda: self.house.submit(self.case, *sorted(checks), by=by, days=days), then)

    @precondition(lambda self: self.state in ("submitted", "in-review"))
    @rule(
        by=judging,
        check=st.sampled_from([*CHECKS, "background"]),
        verdict=st.sampled_from([Verdict.PASS, Verdict.PASS, Verdict.FAIL, None]),
        changed=st.sampled_from([False, False, True]),
    )
    def assess(self, by, check, verdict, changed):
        document = DOCUMENTS.get(check, b"other") + b"." * changed
        shown = self.evidence.get(check)
        stale = shown and verdict and self.house.now >= shown[1]
        old = not shown and verdict and any(self.house.now >= ends for _, ends in self.evidence.values())
        refusal = self.first(
            *self.known(by, "submitted", "in-review"),
            (by not in JUDGES, "role-missing"),
            *self.interested(by),
            (shown and verdict and changed, "evidence-changed"),
            (stale or old, "evidence-expired"),
            (not shown, "check-unknown"),
        )

        def then():
            self.found.pop(check, None)
            if verdict is None:
                self.state, self.due = "evidence-wanted", None
                del self.evidence[check]
            else:
                self.state = "in-review"
                self.found[check] = (verdict, by)

        why = "" if verdict else "evidence-incomplete"
        attempt = lambda: self.house.assess(  # noqa: E731 - the attempt of this rule
            self.case, check, by=by, verdict=verdict, document=document, reason=why
        )
        self.tried(refusal, attempt, then)

    @precondition(lambda self: self.state == "in-review")
    @rule(by=judging, approve=st.booleans())
    def decide(self, by, approve):
        verdicts = [self.found.get(check, (None, None))[0] for check in CHECKS]
        assessors = {one for _, one in self.found.values()}
        refusal = self.first(
            *self.known(by, "in-review"),
            (by not in JUDGES, "role-missing"),
            *self.interested(by),
            (JUDGES.get(by) in {JUDGES[one] for one in assessors}, "second-reviewer"),
            (approve and any(one is not Verdict.PASS for one in verdicts), "checks-open"),
            (not approve and Verdict.FAIL not in verdicts, "nothing-failed"),
            (approve and any(self.house.now >= ends for _, ends in self.evidence.values()), "evidence-expired"),
        )

        def then():
            self.state = "approved" if approve else "denied"
            self.decider, self.due, self.rejected = by, None, False
            ends = [ends for _, ends in self.evidence.values()]
            self.until = min(self.house.now + VALID, *ends) if approve else 0

        self.tried(
            refusal,
            lambda: self.house.decide(
                self.case, "approve" if approve else "deny", by=by, reason="" if approve else "identity-unproven"
            ),
            then,
        )

    @precondition(lambda self: self.state in ("denied", "suspended"))
    @rule(by=everybody)
    def appeal(self, by):
        refusal = self.first(
            *self.known(by, "denied", "suspended"),
            (by not in APPLICANTS, "case-unknown"),
            (self.rejected, "appealed-already"),
        )

        def then():
            self.state = "appealed" if self.state == "denied" else "suspension-appealed"
            self.overdue, self.due = False, self.house.case(self.case).due_at
            assert self.due > self.house.now

        self.tried(refusal, lambda: self.house.appeal(self.case, by=by), then)

    @precondition(lambda self: self.state in ("appealed", "suspension-appealed", "denied"))
    @rule(by=judging, upheld=st.booleans())
    def rule_on_appeal(self, by, upheld):
        part = {one for _, one in self.found.values()} | {self.decider, self.suspender}
        refusal = self.first(
            *self.known(by, "appealed", "suspension-appealed"),
            (by not in JUDGES, "role-missing"),
            *self.interested(by),
            (by in part, "took-part"),
        )

        def then():
            self.due = None
            if not upheld:
                self.rejected = True
                self.state = "denied" if self.state == "appealed" else "suspended"
            elif self.state == "suspension-appealed":
                self.state, self.suspender = "approved", None
            else:
                self.state, self.barred = "submitted", self.barred | (part - {None})
                self.found, self.decider = {}, None
                self.due = self.house.case(self.case).due_at

        self.tried(refusal, lambda: self.house.decide(self.case, "uphold" if upheld else "reject", by=by), then)

    @precondition(lambda self: self.state in ("approved", "suspended"))
    @rule(by=judging)
    def provision(self, by):
        refusal = self.first(
            *self.known(by, "approved", "suspended"),
            (by not in ADMINISTRATORS, "role-missing"),
            *self.interested(by),
            (self.state == "suspended" and by == self.suspender, "another-person"),
            (self.house.now >= self.until, "vetting-expired"),
        )

        def then():
            self.state, self.suspender, self.provisioned = "provisioned", None, self.house.now

        self.tried(refusal, lambda: self.house.provision(self.case, by=by), then)

    @precondition(lambda self: self.state in ("provisioned", "ready", "approved", "suspended"))
    @rule(
        by=everybody,
        wrong=st.sampled_from(
            [
                None,
                None,
                None,
                {"purpose": "incident-triage"},
                {"answered": False},
                {"path_digest": "0" * 64},
                {"at": -1},
            ]
        ),
    )
    def prove(self, by, wrong):
        codes = {"purpose": "not-a-probe", "answered": "probe-unanswered", "path_digest": "probe-of-another-version"}
        code = codes.get(next(iter(wrong or {}), ""), "probe-too-old") if wrong else None
        if wrong and "at" in wrong:
            wrong = {"at": Instant((self.provisioned or self.house.now) - 1)}
        refusal = self.first(
            *self.known(by, "provisioned", "ready"),
            (by not in APPLICANTS, "case-unknown"),
            (self.house.now >= self.until, "vetting-expired"),
            (code, code),
        )

        def then():
            self.state, self.proven = "ready", True

        self.tried(refusal, lambda: self.house.prove(self.house.probe(**(wrong or {})), by=by), then)

    @precondition(lambda self: self.state in ("approved", "provisioned", "ready"))
    @rule(by=everybody)
    def suspend(self, by):
        refusal = self.first(
            *self.known(by, "approved", "provisioned", "ready"), (by not in PROTECTORS, "role-missing")
        )

        def then():
            self.state, self.suspender, self.proven, self.rejected = "suspended", by, False, False

        self.tried(refusal, lambda: self.house.suspend(self.case, by=by), then)

    @rule(by=st.sampled_from(["ana", "nora", "mia", "cyd"]), often=st.integers(0, 9))
    def withdraw(self, by, often):
        if often:
            return  # else few cases would come far
        gone = self.state in ("withdrawn", "expired", "superseded")
        refusal = self.first(
            (by == "cyd", "case-unknown"), (gone, "vetting-state"), (by not in APPLICANTS, "case-unknown")
        )

        def then():
            self.state, self.due, self.proven = "withdrawn", None, False

        self.tried(refusal, lambda: self.house.withdraw(self.case, by=by), then)

    @rule(days=st.sampled_from([1, 1, 3, 20]))
    def wait(self, days):
        self.pass_to(Instant(self.house.now + days * DAY))

    @precondition(lambda self: self.until > self.house.now or (self.due or 0) > self.house.now)
    @rule(early=st.sampled_from([0, 1]))
    def wait_for_an_edge(self, early):
        later = [at for at in (self.until, self.due) if at and at - early >= self.house.now]
        if later:
            self.pass_to(Instant(min(later) - early))

    def pass_to(self, at):
        self.house.writer.now = at
        self.house.fire()
        lasting = ("approved", "provisioned", "ready", "suspended", "suspension-appealed")
        if self.due is not None and at >= self.due:
            self.overdue = True
        if self.state in lasting and at >= self.until:
            self.state, self.proven, self.due = "expired", False, None

    @invariant()
    def case_agrees(self):
        if self.case is None:
            return
        case = self.house.case(self.case)
        assert (case.state, case.due_at, case.overdue) == (self.state, self.due, self.overdue)
        assert case.until == self.until
        assert {check: one.verdict for check, one in case.assessments.items()} == {
            check: verdict for check, (verdict, _) in self.found.items()
        }

    @invariant()
    def calls_pass_only_where_all_stands(self):
        if self.case is None:
            return
        employer = self.house.case(next(iter(dict(self.house.state.scan(CASES)))))
        if self.house.now >= employer.until:
            return
        ready = self.state == "ready" and self.house.now < self.until
        if self.state in CODES:
            assert self.house.against() == [CODES[self.state]]
            admission = self.house.state.get(ADMISSIONS, "principal:ana")
            assert (admission is None) == (self.state == "withdrawn")
        assert (self.house.against() == []) == (ready and self.proven)
        assert (self.house.against(purpose="probe") == []) == (
            self.state in ("provisioned", "ready") and self.house.now < self.until
        )

    def teardown(self):
        twin = MemoryState()
        for entry in self.house.writer.entries:
            self.house.writer.projections[entry.type](twin, entry)
        assert twin.rows == self.house.state.rows


TestVetting = Vetting.TestCase
TestVetting.settings = settings(max_examples=300 if LONG else 12, stateful_step_count=40, deadline=None)
