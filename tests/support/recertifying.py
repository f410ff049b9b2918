"""A house whose access is recertified, by everybody who may and may not, and by time."""

import hashlib

from safeconduct.access import records as kept
from safeconduct.access.recertifications import RECERTIFICATION_TIMER, Access
from safeconduct.kernel.effects import TIMERS
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.keys import SecretKey
from safeconduct.program.recertifying.campaigns import answer, items_of, open_campaign
from safeconduct.program.recertifying.closing import close_due, open_due, take
from safeconduct.program.recertifying.events import CLOSE_TIMER, OPEN_TIMER
from safeconduct.program.recertifying.reading import item_document
from safeconduct.program.vetting.acting import Asked
from support.granting import Granting, granting_program
from support.owing import DAY, HASH, OPERATION, fresh
from support.programs import KEYS, bring_into_force, signed

KEYS |= {name: SecretKey(hashlib.sha256(name.encode()).digest()) for name in ("fay",)}
QUARTERLY = """recertifications:
  quarterly: {owner: cy, of: [grants, issued-grants], days: 90, answer_days: 14}
"""
FIRE = {
    RECERTIFICATION_TIMER: take,
    OPEN_TIMER: lambda tx, timer: open_due(tx, timer.key),
    CLOSE_TIMER: lambda tx, timer: close_due(tx, timer.key),
}


def recertified_program(section="", *edits):
    """Returns a program of which northwind's cy (administrator) and fay (trust and safety) answer for access."""
    fay = f'  fay: {{organization: northwind, kind: person, key: "{KEYS["fay"].public.text}", '
    fay += "roles: [trust-and-safety]}\n"
    source = granting_program().decode().replace("\nscopes:\n", f"{fay}\nscopes:\n", 1) + section
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source.encode()


class Recertifying(Granting):
    """Steps by name, each as the one who signs it. Time fires what is due."""

    def __init__(self, section="", *edits):
        self.writer = fresh(recertified_program(section, *edits))
        self.fire()

    def apply(self, section, *edits):
        bring_into_force(self.writer, recertified_program(section, *edits))
        self.fire()

    def wait(self, days):
        self.pass_time(days * DAY)
        self.fire()

    def fire(self):
        while due := [one for _, one in self.state.scan(TIMERS) if one.due_at <= self.now and one.kind in FIRE]:
            self.writer.run(lambda tx, timer=due[0]: FIRE[timer.kind](tx, timer))

    def does(self, by, use_case, *about, **named):
        asked = Asked(signed(by, OPERATION, b"{}", self.now), OPERATION, HASH)
        return self.writer.run(lambda tx: use_case(tx, asked, *about, **named))

    def open(self, *of, by="cy", days=14):
        return self.does(by, open_campaign, of or tuple(Access), days)

    def answer(self, campaign, subject, *, by="cy", keep=True, seen=None, reason="it is used"):
        if seen is None:
            seen = self.shown(campaign).get(subject, {}).get("now", "")
        return self.does(by, answer, campaign.id, subject, keep=keep, seen=seen, reason=reason)

    def shown(self, campaign):
        return {one.subject: item_document(self.state, one) for one in items_of(self.state, campaign.id)}

    def states(self, campaign):
        return {subject: one["state"] for subject, one in self.shown(campaign).items()}

    def grants(self):
        return {one.id for one in kept.grants(self.state)}

    def roles(self):
        return {f"{key}/{role}" for key, one in self.state.scan(kept.PRINCIPALS) for role in one.roles}

    def back_to(self, instant):
        self.writer.now = Instant(instant)
        self.fire()
