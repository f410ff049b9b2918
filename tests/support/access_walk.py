"""Random steps of access over HTTP, held against a plain model that knows nothing of the product.

After any commit the process may die: its effects wait, what is in memory is gone, and the entries alone make the state.
"""

import asyncio
from random import Random

from safeconduct.access.events import ENFORCED
from safeconduct.access.freeze_events import FREEZE_TIMER
from safeconduct.access.freezes import expire
from safeconduct.access.grant_events import GRANT_TIMER, OPENED
from safeconduct.access.grant_requests import close_due
from safeconduct.access.waiting import COSIGN
from safeconduct.adapters.memory.records import MemoryState
from safeconduct.approvals import Verdict, ballot
from safeconduct.kernel.effects import OUTBOX, TIMERS
from safeconduct.kernel.instants import Instant, rfc3339, seconds
from safeconduct.kernel.notices import NOTICE
from support.access_house import House
from support.granting import HOUR, granting_program
from support.programs import in_force

FIRM = {"ana": "northwind", "bo": "northwind", "cy": "northwind", "eve": "northwind", "dee": "meridian",
        "ops": "meridian"}  # fmt: skip
LEADERS = {"cy", "dee", "ops"}  # administrators, and trust and safety
RESPONDERS = {"bo", "eve"}
VOTERS = {"cy", "dee"}
EVERYBODY = (*FIRM, "stranger")
NIGHT_H, PAIR_H = 72, 24  # hours until a review is owed
MINUTES = {"night": 30, "pair": 60}
WORD = seconds(7 * 24 * 3600)


class Walk:
    """The house, the model, and one seeded source of steps."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)  # noqa: S311 - steps that can be walked again
        self.house = House(in_force(granting_program()), signers_known=True)
        self.kept, self.taken = MemoryState(), 0
        self.grants, self.freezes, self.restrictions, self.tokens = {}, {}, {}, {}
        self.asked, self.crashes, self.counts = 0, 0, {}
        self.kinds = [self.ask, self.vote, self.vote, self.vote, self.revoke, self.reissue, self.glass, self.review,
                      self.start_freeze, self.end_freeze, self.end_freeze, self.restrict, self.lift, self.issue,
                      self.give_up, self.pass_time]  # fmt: skip

    @property
    def now(self):
        return self.house.now()

    def step(self, *, crash: bool) -> None:
        """Takes one step. With `crash` the process dies after its commit, and is there again before the next."""
        kind = self.random.choice(self.kinds)
        self.counts[kind.__name__] = self.counts.get(kind.__name__, 0) + 1
        self.house.witness_answers = not crash
        kind()
        self.follow()
        if crash:
            self.crash()
            self.agree()  # nothing is lost, and nothing came into force that waits
        self.house.witness_answers = True
        asyncio.run(self.house.settle())
        self.settled()
        self.fire()

    def follow(self):
        """Applies what was committed, entry by entry, to a state that no command ever saw."""
        writer = self.house.writer
        for entry in writer.entries[self.taken :]:
            writer.projections[entry.type](self.kept, entry)
        self.taken = len(writer.entries)

    def crash(self):
        assert self.kept.rows == self.house.writer.state.rows
        self.house.writer.state, self.crashes = self.kept.copy(), self.crashes + 1

    def settled(self):
        for grant in self.grants.values():
            if grant["state"] == "waiting":
                grant["state"] = "in-force"
        for name in [name for name, one in self.freezes.items() if one["pending"]]:
            del self.freezes[name]

    def fire(self):
        """What timers do once the process is there."""
        of = {GRANT_TIMER: close_due, FREEZE_TIMER: expire}
        for _, timer in list(self.house.writer.state.scan(TIMERS)):
            if timer.kind in of and timer.due_at <= self.now:
                self.house.writer.run(lambda tx, timer=timer: of[timer.kind](tx, timer.key))
        self.follow()
        for grant in self.grants.values():
            if grant["closes"] <= self.now and grant["state"] in ("asked", "in-force"):
                grant["state"] = "lapsed" if grant["state"] == "asked" else "ended"

    def post(self, by, path, body, expected):
        """Sends as `by`; returns the answer where the model says that it is one."""
        status, told = self.house.post(path, body, by=by)
        expected = {401} if by == "stranger" else expected
        assert status in expected, (by, path, body, status, told, expected)
        assert (status == 200) == (expected == {200}), (by, path, told)
        return told if status == 200 else None

    def someone(self, things):
        named = sorted(things)
        return self.random.choice(named) if named else None

    # requests

    def reason(self):
        self.asked += 1
        return f"case {self.asked}"

    def ask(self):
        by = self.random.choice(["ana", "ana", "bo", "eve", "dee", "ops", "stranger"])
        tier, hours = self.random.choice([0, 2]), self.random.randint(1, 4)
        body = {"principal": "ana", "path": "soc-triage", "until": rfc3339(Instant(self.now + hours * HOUR)),
                "reason": self.reason(), "tier": tier}  # fmt: skip
        told = self.post(by, "grants/request", body, {200} if by == "ana" else {403})
        if told:
            self.keep(told, self.now + hours * HOUR, hours * HOUR, elevated=tier > 0)

    def keep(self, told, closes, length, *, elevated=False, state="asked", able=VOTERS, glass=""):
        self.grants[told["id"]] = {"state": state, "closes": closes, "length": length, "votes": set(), "able": able,
                                   "elevated": elevated, "glass": glass, "by": told["by"], "found": set()}  # fmt: skip
        self.shown(told["id"])

    def vote(self):
        name = self.someone(one for one, grant in self.grants.items() if grant["state"] == "asked")
        if name is None or self.random.random() < 0.2:
            name = self.someone(self.grants)
        if name is None:
            return
        grant, by = self.grants[name], self.random.choice(EVERYBODY)
        verdict = Verdict.REJECT if self.random.random() < 0.15 else Verdict.APPROVE
        approval = self.house.get(f"grants/{name}")[1]["approval"]
        body = ballot(approval["draft"] if approval else "0" * 64, verdict)
        good = grant["state"] == "asked" and by in grant["able"] and by not in grant["votes"]
        if self.post(by, f"grants/{name}/vote", body, {200} if good else {403, 404, 409, 400}):
            self.voted(grant, by, verdict)
        self.shown(name)

    def voted(self, grant, by, verdict):
        grant["votes"].add(by)
        if verdict is Verdict.REJECT:
            grant["state"] = "denied"
        elif grant["votes"] == set(grant["able"]):
            grant["state"] = "waiting" if grant["elevated"] else "in-force"
            if grant["state"] == "waiting" and self.house.witness_answers:
                grant["state"] = "in-force"
            grant["due"] = self.now + PAIR_H * HOUR

    def revoke(self):
        name, by = self.someone(self.grants), self.random.choice(EVERYBODY)
        if name is None:
            return
        grant = self.grants[name]
        may = by in LEADERS | RESPONDERS or (by == "ana" and not grant["glass"])
        good = may and grant["state"] in ("in-force", "waiting")
        refused = {409} if may else {403, 404}
        if self.post(by, f"grants/{name}/revoke", {"reason": "over"}, {200} if good else refused):
            grant["state"] = "revoked"
        self.shown(name)

    def reissue(self):
        name, by = self.someone(self.grants), self.random.choice(["ana", "ana", "bo", "eve", "dee", "ops", "stranger"])
        if name is None:
            return
        old = self.grants[name]
        begins = old["closes"] if old["state"] == "in-force" else self.now
        good = by == "ana" and not old["glass"] and old["state"] not in ("asked", "waiting")
        told = self.post(by, f"grants/{name}/reissue", {"reason": self.reason()}, {200} if good else {403, 404, 409})
        if told:
            self.keep(told, begins + old["length"], old["length"], elevated=old["elevated"])

    def glass(self):
        by, template = self.random.choice(EVERYBODY), self.random.choice(["night", "pair"])
        held = any(one["glass"] and one["by"] == by for one in self.grants.values() if self.opened(one))
        if held:
            return
        overdue = any(self.owed(one) and one["due"] <= self.now for one in self.grants.values())
        mine = [one for one in self.grants.values() if one["by"] == by and one["glass"] == template]
        unreviewed = any(one["state"] == "asked" or self.owed(one) for one in mine)
        good = by in RESPONDERS and not overdue and not unreviewed
        told = self.post(by, f"break-glass/{template}/open", {"reason": self.reason()}, {200} if good else {403})
        if told:
            length = seconds(60 * MINUTES[template])
            state = "in-force" if template == "night" else "asked"
            self.keep(told, self.now + length, length, state=state, able=RESPONDERS - {by}, glass=template)
            self.grants[told["id"]]["due"] = self.now + NIGHT_H * HOUR

    def opened(self, grant):
        return grant["state"] in ("asked", "waiting", "in-force")

    def owed(self, grant):
        return grant["glass"] and grant["state"] in ("in-force", "ended", "revoked") and len(grant["found"]) < 2

    def review(self):
        name = self.someone(one for one, grant in self.grants.items() if self.owed(grant))
        if name is None:
            return
        grant, by = self.grants[name], self.random.choice(EVERYBODY)
        (seen,) = [one["review"] for one in self.house.get("break-glass/reviews")[1] if one["id"] == name]
        good = by in LEADERS and not self.opened(grant) and FIRM[by] not in grant["found"]
        body = {"finding": "justified", "reason": "looked at", "review": seen}
        refused = {409} if by in LEADERS else {403}
        if self.post(by, f"break-glass/reviews/{name}/vote", body, {200} if good else refused):
            grant["found"].add(FIRM[by])

    # freezes, restrictions, tokens

    def start_freeze(self):
        by = self.random.choice(EVERYBODY)
        body = {"selector": "grant:ana-triage", "reason": "a drill", "everybody": True}
        told = self.post(by, "freezes/start", body, {200} if by in LEADERS | RESPONDERS else {403})
        if told:
            self.freezes[told["id"]] = {"words": {}, "pending": False}

    def end_freeze(self):
        name, by = self.someone(self.freezes), self.random.choice(EVERYBODY)
        if name is None:
            return
        freeze = self.freezes[name]
        counted = {firm for firm, at in freeze["words"].items() if self.now < at + WORD}
        good = by in LEADERS and FIRM[by] not in counted
        if self.post(by, f"freezes/{name}/end", b"", {200} if good else {409} if by in LEADERS else {403}):
            freeze["words"][FIRM[by]] = self.now
            freeze["pending"] = len(counted) == 1

    def restrict(self):
        by = self.random.choice(EVERYBODY)
        body = {"selector": "principal:ana", "kind": "suspend", "reason": "odd calls"}
        told = self.post(by, "restrictions/set", body, {200} if by in LEADERS | RESPONDERS else {403})
        if told:
            self.restrictions[told["id"]] = by

    def lift(self):
        name, by = self.someone(self.restrictions), self.random.choice(EVERYBODY)
        if name and self.post(by, f"restrictions/{name}/lift", b"", {200} if by in LEADERS else {403}):
            del self.restrictions[name]

    def issue(self):
        by, holder = self.random.choice(EVERYBODY), self.random.choice(["ana", "bo"])
        body = {"principal": holder, "expires_at": rfc3339(Instant(self.now + HOUR))}
        told = self.post(by, "tokens/issue", body, {200} if by in (holder, "cy") else {403})
        if told:
            self.tokens[told["id"]] = holder

    def give_up(self):
        name, by = self.someone(self.tokens), self.random.choice(EVERYBODY)
        if name is None:
            return
        may = by in LEADERS or by == self.tokens[name]
        if self.post(by, f"tokens/{name}/revoke", b"", {200} if may else {403, 404}):
            del self.tokens[name]

    def pass_time(self):
        self.house.writer.now = Instant(self.now + seconds(60 * self.random.choice([1, 20, 60, 600])))
        self.fire()

    # agreement

    def shown(self, name):
        told = self.house.get(f"grants/{name}")[1]["state"]
        assert told == self.grants[name]["state"], (name, told, self.grants[name])

    def agree(self):
        """Compares all that is listed with the model."""
        listed = {one["id"]: one["state"] for one in self.house.get("grant-requests")[1]}
        assert listed == {name: one["state"] for name, one in self.grants.items()}
        for what, mine in (("freezes", self.freezes), ("restrictions", self.restrictions), ("tokens", self.tokens)):
            assert {one["id"] for one in self.house.get(what)[1]} == set(mine), what

    def carried_out(self):
        """Each effect was carried out once: one entry puts each request in force, each opened glass tells once."""
        rows = [effect for _, effect in self.house.writer.state.scan(OUTBOX)]
        assert not [one for one in rows if one.kind == COSIGN]
        opened = [one.id for one in self.house.writer.entries if one.type == OPENED.name]
        assert sorted(one.key for one in rows if one.kind == NOTICE and one.key in opened) == sorted(opened)
        requests = [one.body["request"] for one in self.house.writer.entries if one.type == ENFORCED.name]
        assert len(set(requests)) == len(requests)
        return len(requests), len(opened)
