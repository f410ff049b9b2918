"""A program in which both parties approve grants, and commands of its people."""

import hashlib

from safeconduct import approvals
from safeconduct.access.acts import ProgramElectorate
from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.freezes import pending
from safeconduct.access.glass_opening import break_glass
from safeconduct.access.grant_requests import Wanted, close_due, reissue, request_grant, revoke, vote, withdraw
from safeconduct.approvals import Verdict, ballot
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.ledger.keys import SecretKey
from support.programs import KEYS, cosigned, demo_program, in_force, signed

HOUR = seconds(3600)
KEYS |= {name: SecretKey(hashlib.sha256(name.encode()).digest()) for name in ("cy", "dee", "eve")}

CATALOGUE = """models:
  smollm2-135m: {version: smollm2-135m-2026-01-01}
  strong: {version: strong-2, tier: 2}

paths:
"""
PEOPLE = """  cy: {{organization: northwind, kind: person, key: "{cy}", roles: [administrator]}}
  dee: {{organization: meridian, kind: person, key: "{dee}", roles: [trust-and-safety]}}
  eve: {{organization: northwind, kind: person, key: "{eve}", roles: [responder]}}
"""
RULES = """approvals:
  grant:
    groups:
      - {organization: northwind, role: administrator, count: 1}
      - {organization: meridian, role: trust-and-safety, count: 1}
  call:
    groups:
      - {organization: northwind, role: responder, count: 1}
"""
POLICY = """grants_policy:
  lifetimes: {0: 48, 2: 4}
  break_glass:
    night:
      {organization: northwind, role: responder, path: soc-triage, scope: northwind-perimeter, tier: 2, minutes: 30,
       review_hours: 72}
    pair:
      {organization: northwind, role: responder, count: 2, path: soc-triage, scope: northwind-perimeter, minutes: 60,
       review_hours: 24}
"""


def granting_program() -> bytes:
    """Returns a program in which northwind's administrator and meridian's trust and safety approve grants.

    bo and eve, of northwind, may break glass; the path has models of tiers 0 and 2.
    """
    people = PEOPLE.format(**{name: KEYS[name].public.text for name in ("cy", "dee", "eve")})
    source = demo_program().decode().replace("paths:\n", CATALOGUE, 1)
    source = source.replace('models: ["smollm2-135m"]', "models: [smollm2-135m, strong]\n    tier: 2")
    source = source.replace("name: Northwind Bank,", "name: Northwind Bank, tier: 2,")
    source = source.replace("\nscopes:\n", f"{people}\nscopes:\n", 1)
    return source.replace("approvals:\n", f"{POLICY}\n{RULES}", 1).encode()


class Granting:
    """A writer under that program, and what its people do, each by an act of their own."""

    def __init__(self, source=None):
        self.writer = in_force(source or granting_program())

    @property
    def state(self):
        return self.writer.state

    @property
    def now(self):
        return self.writer.now

    def pass_time(self, duration):
        self.writer.now = Instant(self.writer.now + duration)

    def act(self, by, operation, body=b"{}"):
        act = signed(by, operation, body, self.now)
        return act, {"operation": operation, "content": act.act.content}

    def ask(self, by="ana", *, hours=2, **wanted):
        act, said = self.act(by, "POST /api/v1/grants/request")
        given = {"principal": "ana", "path": "soc-triage", "reason": "a case", "closes_at": self.now + hours * HOUR}
        return self.writer.run(lambda tx: request_grant(tx, act, Wanted(**given | wanted), **said))

    def reissue(self, case, by="ana"):
        act, said = self.act(by, f"POST /api/v1/grants/{case.id}/reissue")
        return self.writer.run(lambda tx: reissue(tx, act, case.id, "it goes on", **said))

    def ballot(self, case, verdict=Verdict.APPROVE):
        return ballot(approvals.find(self.state, case.approval).digest, verdict)

    def vote(self, case, by, verdict=Verdict.APPROVE, *, body=None):
        operation = f"POST /api/v1/grants/{case.id}/vote"
        act = signed(by, operation, body or self.ballot(case, verdict), self.now)
        return self.cast(case, act, verdict, operation)

    def cast(self, case, act, verdict, operation):
        return self.writer.run(lambda tx: vote(tx, ProgramElectorate(), case.id, verdict, act, operation=operation))

    def granted(self, **wanted):
        """Asks as ana, and has both parties approve."""
        case = self.ask(**wanted)
        self.vote(case, "cy")
        return self.vote(case, "dee")

    def cosign(self):
        """Has the partner's witness cosign all that waits."""
        for one in pending(self.state):
            place = self.writer.place(one.request)
            note = cosigned(one.origin, place + 1)
            self.writer.run(
                lambda tx, one=one, note=note, place=place: complete_cosign(tx, one.request, note, index=place)
            )

    def revoke(self, case, by="ops"):
        act, said = self.act(by, f"POST /api/v1/grants/{case.id}/revoke")
        return self.writer.run(lambda tx: revoke(tx, act, case.id, "no longer needed", **said))

    def withdraw(self, case, by="ana"):
        act, said = self.act(by, f"POST /api/v1/grants/{case.id}/withdraw")
        return self.writer.run(lambda tx: withdraw(tx, act, case.id, **said))

    def close_due(self, case):
        return self.writer.run(lambda tx: close_due(tx, case.id))

    def break_glass(self, by="bo", template="night", principal=None):
        act, said = self.act(by, f"POST /api/v1/break-glass/{template}/open")
        return self.writer.run(lambda tx: break_glass(tx, act, template, "it burns", principal, **said))
