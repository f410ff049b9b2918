"""A program with obligations, and what its people and time do to them."""

import hashlib
from functools import cache

from safeconduct.access import records as kept
from safeconduct.access.compiling import compile_standing
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.obligations import OBLIGATION_TIMER
from safeconduct.kernel.effects import TIMERS
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.program.obligations.events import DUTY_TIMER
from safeconduct.program.obligations.meeting import hand_in, judge
from safeconduct.program.obligations.model import DUTIES
from safeconduct.program.obligations.timing import pass_due, take
from safeconduct.program.vetting.acting import Asked
from support.granting import granting_program
from support.immediate import ImmediateWriter
from support.programs import bring_into_force, in_force, signed

DAY = seconds(86_400)
OPERATION, BODY = "POST /x", b"{}"
HASH = hashlib.sha256(BODY).hexdigest()
DRILL = """obligations:
  drill:
    kind: drill
    activity: containment
    about: A freeze, rehearsed, and how long it took.
    owner: bo
    days: 90
    steps: [{overdue_days: 7, tier: 1}, {overdue_days: 30, tier: 0}]
"""
FIRE = {OBLIGATION_TIMER: take, DUTY_TIMER: lambda tx, timer: pass_due(tx, timer.key)}


def owing_program(section=DRILL):
    """Returns a program whose people of northwind reach tier 2, and who owe what the section says."""
    source = granting_program().replace(b"roles: [analyst]}", b"roles: [analyst], tier: 2}")
    return source + section.encode()


def document(text):
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _template(source):
    return in_force(source)


def fresh(source):
    """Returns a writer as `in_force` does, without reading the program again for each."""
    template = _template(source)
    writer = ImmediateWriter(template.projections, template.now)
    writer.state, writer.entries, writer.counter = template.state.copy(), list(template.entries), template.counter
    return writer


class Owing:
    """Steps by name, each as the one who signs it. The writer's clock is the test's; time fires what is due."""

    def __init__(self, section=DRILL):
        self.writer = fresh(owing_program(section))
        self.fire()

    @property
    def state(self):
        return self.writer.state

    @property
    def now(self):
        return self.writer.now

    def duty(self, name="drill"):
        return self.state.get(DUTIES, name)

    def apply(self, section):
        bring_into_force(self.writer, owing_program(section))
        self.fire()

    def wait(self, days):
        self.writer.now = Instant(self.now + days * DAY)
        self.fire()

    def fire(self):
        while due := [one for _, one in self.state.scan(TIMERS) if one.due_at <= self.now and one.kind in FIRE]:
            self.writer.run(lambda tx, timer=due[0]: FIRE[timer.kind](tx, timer))

    def act(self, by, use_case, *about, **named):
        asked = Asked(signed(by, OPERATION, BODY, self.now), OPERATION, HASH)
        return self.writer.run(lambda tx: use_case(tx, asked, *about, **named))

    def hand_in(self, text="minutes", by="bo", name="drill"):
        return self.act(by, hand_in, name, kind="minutes", sha256=document(text), source="bridge")

    def accept(self, text="minutes", by="dee", name="drill"):
        return self.act(by, judge, name, sha256=document(text), accepted=True)

    def give_back(self, text="minutes", by="dee", name="drill", reason="nobody was timed"):
        return self.act(by, judge, name, sha256=document(text), accepted=False, reason=reason)

    def said(self, kind):
        """Returns the bodies of all entries of a type."""
        return [kind.read(one) for one in self.writer.entries if one.type == kind.name]

    def against(self, model="strong", by="ana"):
        """Returns what stands against a call."""
        request = CallRequest(
            principal=by, path="soc-triage", purpose="incident-triage", model=model, now=self.now
        )  # fmt: skip
        return [one.code for one in compile_standing(self.state).authorize(request)[0].reasons]

    def lowered(self):
        return {key: one.tier for key, one in self.state.scan(kept.LOWERED)}
