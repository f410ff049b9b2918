"""A house whose hunts are asked by themselves when a test says so."""

import asyncio
import contextlib

from safeconduct.adapters.telemetry.archives import Archives
from safeconduct.bootstrap.hunting import ask
from safeconduct.kernel.effects import OUTBOX, TIMERS
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.runtime.hunting import HuntAsker
from safeconduct.soc.hunts.scheduled_events import ANSWERED, DUE, HUNT_TIMER, RUN_HUNT
from safeconduct.soc.hunts.scheduling import take_due
from safeconduct.soc.ports import Reading
from support.hunting import launched
from support.operations_house import House

ASKED = {"where": [{"field": "command", "operator": "contains", "value": "nc -e"}]}
HIT, MISS = "nc -e sh", "ls"


class Hunting:
    """Fires what is due and carries out what was ordered, as the server does, one step at a time."""

    def __init__(self, folder):
        self.house = House(folder)
        self.writer = self.house.writer
        self.archives = Archives(self.house._archive)
        self.fail = []
        self.asker = HuntAsker(self.writer, self.snapshot, self.house, self._ask)
        self.added = 0

    def snapshot(self):
        return contextlib.nullcontext(self.writer.state)

    def _ask(self, due, budget):
        if self.fail:
            raise self.fail.pop()
        return ask(self.archives, due, budget)

    def save(self, name="shells", asked=ASKED, **more):
        self.wait(1)
        return self.house.post("hunts/saved", asked, name=name, **more)

    def schedule(self, name="shells", every_s=3600, *, by="ana", **more):
        self.wait(1)
        return self.house.post(f"hunts/saved/{name}/schedule", {"every_s": every_s, **more}, by=by)

    def unschedule(self, name="shells"):
        self.wait(1)
        return self.house.post(f"hunts/saved/{name}/unschedule")

    def remove(self, name="shells"):
        self.wait(1)
        return self.house.post(f"hunts/saved/{name}/remove")

    def arrive(self, *commands):
        """Events that arrive now, whenever they happened."""
        for command in commands:
            self.added += 1
            happened = launched(self.added * 7919 % 5000, "web-01", "/bin/x", command)
            self.house.events.add([happened], file="f", reading=Reading(lines=self.added))

    def wait(self, count):
        self.writer.now = Instant(self.writer.now + seconds(count))

    def fire(self):
        """Makes due what is due."""
        for _, timer in list(self.writer.state.scan(TIMERS)):
            if timer.kind == HUNT_TIMER and timer.due_at <= self.writer.now:
                self.writer.run(lambda tx, timer=timer: take_due(tx, timer))

    def orders(self):
        return [effect for _, effect in self.writer.state.scan(OUTBOX) if effect.kind == RUN_HUNT]

    def carry(self, *, again=False):
        """Asks what is due; `again` as after a crash that lost what was answered."""
        for effect in self.orders():
            for _ in range(1 + again):
                with contextlib.suppress(SafeconductError):
                    asyncio.run(self.asker.carry_out(effect))

    def run(self):
        self.fire()
        self.carry()

    def runs(self, name="shells"):
        return self.house.get("hunts/runs", name=name)[1]["runs"]

    def entries(self, kind):
        return [kind.read(entry) for entry in self.writer.entries if entry.type == kind.name]

    def answers(self):
        """Each run's answers, by the entry that made it due."""
        dues = [entry.id for entry in self.writer.entries if entry.type == DUE.name]
        given = [one.due for one in self.entries(ANSWERED)]
        return {due: given.count(due) for due in dues}
