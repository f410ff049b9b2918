"""A desk whose program has kinds that take effect at points, and the carrier of their effects."""

import asyncio
from dataclasses import dataclass, field
from types import MappingProxyType

from safeconduct.adapters.memory.points import MemoryPoint
from safeconduct.adapters.responses import carrying
from safeconduct.kernel.effects import OUTBOX
from safeconduct.soc.actions.keeping import CARRY_OUT, PREPARE, UNDO, VERIFY
from support.programs import demo_program
from support.responses import desk

BOUNDS = "rate_per_hour: 10, active_max: 10, expires_s: 3600, blast_radius: 5"


def program(*kinds, severe=True):
    """Returns the demo's program with further kinds, each as (kind, what else its rule says)."""
    source = demo_program().decode().rstrip()
    rules = "".join(f"\n  {kind}: {{never: [], {BOUNDS}{', ' if more else ''}{more}}}" for kind, more in kinds)
    if severe:
        groups = "{groups: [{organization: northwind, role: responder, count: 1}]}"
        source = source.replace("\napprovals:", f"\napprovals:\n  response-severe: {groups}", 1)
    return (source + rules + "\n").encode()


@dataclass
class Field:
    """Points, and who carries out what is ordered at them. `steps` counts what ran."""

    here: object
    points: dict = field(default_factory=dict)
    steps: list = field(default_factory=list)

    def carrier(self):
        return carrying.PointCarrier(self.here.writer, lambda: MappingProxyType(self.points))

    def waiting(self):
        return [effect for _, effect in self.here.writer.state.scan(OUTBOX) if "points" in effect.body]

    def step(self):
        """Carries out what is ordered now, and tells whether there was anything."""
        carrier, waiting = self.carrier(), self.waiting()
        does = {PREPARE: carrier.prepare, CARRY_OUT: carrier.carry_out, VERIFY: carrier.look, UNDO: carrier.undo}
        for effect in waiting:
            self.steps.append(effect.kind)
            asyncio.run(does[effect.kind](effect))
        return bool(waiting)

    def settle(self):
        """Carries out whatever is ordered, until nothing is."""
        while self.step():
            pass


def field_of(kind="drop-ip", points=("edge-1", "edge-2"), more="", **named):
    """Returns a desk and its points in memory."""
    stated = f"points: [{', '.join(points)}]" + (f", {more}" if more else "")
    here = desk(program=program((kind, stated)), **named)
    return Field(here, {(name, kind): MemoryPoint() for name in points})
