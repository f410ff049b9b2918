"""An installation whose program demands vetting, and everybody who acts in it."""

import hashlib
from functools import cache

from safeconduct.access import records as kept
from safeconduct.access.admissions import PROBE, ProbedCall
from safeconduct.access.compiling import compile_standing
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.selectors import parse_selector
from safeconduct.kernel.effects import TIMERS
from safeconduct.kernel.instants import seconds
from safeconduct.program.events import PROJECTIONS
from safeconduct.program.vetting import granting
from safeconduct.program.vetting.acting import Asked
from safeconduct.program.vetting.applying import appeal, open_case, submit, withdraw
from safeconduct.program.vetting.granting import prove, provision, suspend
from safeconduct.program.vetting.keeping import DUE_TIMER, EXPIRY_TIMER
from safeconduct.program.vetting.model import CASES, Evidence, Verdict
from safeconduct.program.vetting.reviewing import Ruling, assess, decide
from support.immediate import ImmediateWriter
from support.programs import in_force, signed
from support.vetting import vetted_program

OPERATION, BODY = "POST /x", b"{}"
HASH = hashlib.sha256(BODY).hexdigest()
DOCUMENTS = {"identity": b"passport", "employment": b"letter", "registered": b"extract", "owner": b"ticket"}
DAY = seconds(86_400)


def sha256(document):
    return hashlib.sha256(document).hexdigest()


class House:
    """Steps by name, each as the one who signs it. The writer's clock is the test's."""

    def __init__(self, source=None):
        self.writer = _fresh() if source is None else in_force(source)
        self.writer.projections = {**self.writer.projections, **PROJECTIONS}

    @property
    def state(self):
        return self.writer.state

    @property
    def now(self):
        return self.writer.now

    def act(self, by, use_case, *about, key="", **named):
        asked = Asked(signed(by, OPERATION, BODY, self.now, key=key), OPERATION, HASH)
        return self.writer.run(lambda tx: use_case(tx, asked, *about, **named))

    def open(self, subject="principal:ana", by="ana", tier=0):
        return self.act(by, open_case, parse_selector(subject), tier).id

    def evidence(self, check, *, document=None, days=400):
        digest = sha256(document or DOCUMENTS[check])
        return Evidence(
            check=check, kind="paper", sha256=digest, source="civil-registry", expires_at=self.now + days * DAY
        )

    def submit(self, case, *checks, by="ana", **about):
        return self.act(by, submit, case, tuple(self.evidence(check, **about) for check in checks))

    def assess(self, case, check, *, by="nils", verdict=Verdict.PASS, document=None, reason=""):
        digest = sha256(document or DOCUMENTS[check])
        return self.act(by, assess, case, check, verdict=verdict, sha256=digest, reason=reason)

    def decide(self, case, ruling=Ruling.APPROVE, *, by="mia", reason=""):
        return self.act(by, decide, case, Ruling(ruling), reason)

    def appeal(self, case, by="ana", ground="error-of-fact"):
        return self.act(by, appeal, case, ground)

    def provision(self, case, by="max"):
        return self.act(by, provision, case)

    def suspend(self, case, by="bo", reason="conduct"):
        return self.act(by, suspend, case, reason)

    def withdraw(self, case, by="ana"):
        return self.act(by, withdraw, case)

    def probe(self, principal="ana", **other):
        path = compile_standing(self.state).paths["soc-triage"]
        made = {"call": "the-call", "path_digest": path.digest, "purpose": PROBE, "answered": True, "at": self.now}
        return ProbedCall(**(made | {"principal": principal, "path": "soc-triage"} | other))

    def prove(self, probe=None, by="ana"):
        return self.act(by, prove, probe or self.probe())

    def case(self, case):
        return self.state.get(CASES, case)

    def approved(self, subject="principal:ana", by="ana", *, assessor="nils", reviewer="mia"):
        """Returns a case that was approved, by the shortest way."""
        case = self.open(subject, by)
        checks = kept_checks(self.state, self.case(case))
        self.submit(case, *checks, by=by)
        for check in checks:
            self.assess(case, check, by=assessor)
        self.decide(case, by=reviewer)
        return case

    def employer_ready(self):
        """Has northwind vetted, without which none of its people calls."""
        case = self.approved("organization:northwind", "nora", assessor="mia", reviewer="max")
        self.provision(case)
        return case

    def ready(self):
        """Returns ana's case after all that it takes until her calls pass."""
        self.employer_ready()
        case = self.approved()
        self.provision(case)
        self.prove()
        return case

    def against(self, principal="ana", purpose="incident-triage"):
        """Returns the codes of what stands against a call now."""
        asked = self.request(principal, purpose)
        return [reason.code for reason in compile_standing(self.state).authorize(asked)[0].reasons]

    def request(self, principal="ana", purpose="incident-triage"):
        """Returns a call that would be made now."""
        return CallRequest(principal=principal, path="soc-triage", purpose=purpose, model="smollm2-135m", now=self.now)

    def fire(self):
        """Fires every timer of vetting that is due, as the runner does."""
        fires = {EXPIRY_TIMER: granting.expire, DUE_TIMER: granting.escalate}
        for key, timer in list(self.state.scan(TIMERS)):
            if timer.kind in fires and timer.due_at <= self.now:
                self.writer.run(lambda tx, timer=timer: fires[timer.kind](tx, timer.key))
                assert self.state.get(TIMERS, key) is None


@cache
def _template():
    return in_force(vetted_program())


def _fresh():
    """Returns a writer as `in_force` does, without reading the program again for each."""
    template = _template()
    writer = ImmediateWriter(template.projections, template.now)
    writer.state, writer.entries, writer.counter = template.state.copy(), list(template.entries), template.counter
    return writer


def kept_checks(state, case):
    return state.get(kept.VETTING, kept.VETTING_KEY).criteria[case.kind].wanted(case.tier)
