"""Runs rules over events as they come, behind everything else (docs/spec/live.md).

One process at a time does. What it holds in memory is derived (R3): it is made again at a start, and where rules,
inventory or index changed, of what was found before and the events since, or of all events. Each step's incidents and
how far it got are one transaction (R1).
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from safeconduct.kernel.errors import AbsentError, SafeconductError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records
from safeconduct.runtime.freeze import Snapshot
from safeconduct.runtime.queued import QueuedWriter
from safeconduct.soc.anomaly_orders import tells_anomalies
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.incidents.regrouping import rulings
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.live.events import LiveRecord
from safeconduct.soc.live.keeping import Again, Found, KeptHits, KeptStep, made_of, resumed
from safeconduct.soc.live.orders import live_orders, require_may_run, step
from safeconduct.soc.live.running import Live
from safeconduct.soc.ports import EventStore
from safeconduct.soc.tune_outs import tune_outs

LOOK_S = 1.0
"""Seconds between two looks at what came: with what a step takes, how far an alert is behind its event."""

STEP_EVENTS_MAX = 4_000
"""Events of one step: a tenth of a second of work, so that calls beside it wait no longer."""

RETRY_LOOKS = 30
"""Looks that an owner is passed over after a step failed: then it is begun as by a new process."""

_EPOCH = Instant(0)

_log = logging.getLogger(__name__)


class Watched(Protocol):
    """One owner's events, and what they are looked at with now."""

    @property
    def events(self) -> EventStore:
        """The events."""

    @property
    def kept(self) -> KeptHits:
        """Where what was found in them is kept."""

    def rules(self) -> RuleSet:
        """Reads the rules in use: the same object until something of them changes."""

    def inventory(self) -> Inventory:
        """Reads the inventory in use."""


@dataclass
class _Going:
    """What is held in memory of one owner, and what it was made of. `number` is that of the last event taken.

    The first `together` events were there when it began: what they give is told as one, as in a whole run.
    """

    order: str
    edition: str
    generation: str
    rules: RuleSet
    inventory: Inventory
    anomalies: bool
    live: Live
    together: int
    number: int = 0
    events: int = 0
    kept: KeptHits | None = None
    until: Instant = _EPOCH
    not_kept: int = 0

    def resume(self, watched: Watched) -> None:
        """Goes on where the steps end that were kept; where none are, from the first event on."""
        made = made_of(self.rules, self.generation)
        if self.anomalies:
            watched.kept.begin(made, Again.ANOMALIES)
            return
        self.kept = watched.kept
        step = resumed(self.kept, watched.events, made)
        if step is None:
            return
        try:
            self.live.resume(step.found)
        except AbsentError:
            self.distrust()
            raise
        self.number, self.events = step.number, step.events

    def distrust(self) -> None:
        """Forgets what was kept. Whoever writes the file can make it fit together; what it names is here or not."""
        if self.kept is not None:
            self.kept.begin(made_of(self.rules, self.generation), Again.DAMAGED)

    def keep(self, found: Found, last: EventId, looked: int) -> None:
        """Keeps what was found in the last so many events; where that is nothing, only now and then that it is."""
        self.not_kept += looked
        self.until = max(self.until, found.until)
        if self.kept is not None and (found.hits or self.not_kept >= STEP_EVENTS_MAX):
            whole = Found(hits=found.hits, until=self.until)
            self.kept.add(KeptStep(number=self.number, last=last, events=self.events, found=whole))
            self.not_kept = 0


class Detector:
    """Looks at what came. `watched` returns an owner's events and rules."""

    def __init__(self, writer: QueuedWriter, snapshot: Snapshot, watched: Callable[[str], Watched]) -> None:
        self._writer = writer
        self._snapshot = snapshot
        self._watched = watched
        self._going: dict[str, _Going] = {}
        self._passed_over: dict[str, int] = {}

    def look(self) -> bool:
        """Takes one step for each order in force; tells whether all that came was looked at.

        An order that may not run now waits until it may; one whose step failed is begun anew. Others go on.
        """
        with self._snapshot() as records:
            orders = live_orders(records)
            allowed = [one for one in orders if _may_run(records, one)]
        for owner in self._going.keys() - {one.owner for one in orders}:
            del self._going[owner]
        whole = [self._stepped(order) for order in allowed]
        return all(whole)

    def _stepped(self, order: LiveRecord) -> bool:
        if self._passed_over.get(order.owner):
            self._passed_over[order.owner] -= 1
            return True
        try:
            return self._step(order)
        except SafeconductError as error:
            going = self._going.pop(order.owner, None)
            if going is not None and isinstance(error, AbsentError):
                going.distrust()
            self._passed_over[order.owner] = RETRY_LOOKS
            _log.warning("events are not looked at as they come for %d s: %s", RETRY_LOOKS * LOOK_S, error)
            return True

    def _step(self, order: LiveRecord) -> bool:
        watched = self._watched(order.owner)
        going = self._current(order, watched)
        found = watched.events.arrived(going.number, STEP_EVENTS_MAX)
        if found:
            hits = going.live.take([event for _, event in found])
            going.number, going.events = found[-1][0], going.events + len(found)
            going.keep(hits, found[-1][1].id, len(found))
        whole = len(found) < STEP_EVENTS_MAX
        if whole or going.events >= going.together:
            self._tell(order, going)
        return whole

    def _tell(self, order: LiveRecord, going: _Going) -> None:
        with self._snapshot() as records:
            going.live.decide(rulings(records, order.owner), tune_outs(records, order.owner))
        incidents = going.live.incidents()
        if incidents or going.events != order.events:
            taken = partial(step, order=order, incidents=incidents, events=going.events, alerts=going.live.told)
            self._writer.submit(taken).result()

    def _current(self, order: LiveRecord, watched: Watched) -> _Going:
        going = self._going.get(order.owner)
        rules, inventory, generation = watched.rules(), watched.inventory(), watched.events.generation()
        edition = watched.events.edition()  # another one where events were destroyed: what is held of them goes
        with self._snapshot() as records:
            anomalies = tells_anomalies(records, order.owner)
        made_of = (order.entry, edition, inventory, anomalies)
        if (
            going is None
            or going.rules is not rules
            or (going.order, going.edition, going.inventory, going.anomalies) != made_of
        ):
            live = Live(rules, inventory, watched.events.many, anomalies=anomalies)
            together = sum(watched.events.counts().values())
            going = _Going(order.entry, edition, generation, rules, inventory, anomalies, live, together)
            going.resume(watched)
            self._going[order.owner] = going
        return going


def _may_run(records: Records, order: LiveRecord) -> bool:
    try:
        require_may_run(records, order)
    except SafeconductError:
        return False
    return True


async def detect_as_they_come(detector: Detector) -> None:
    """Looks again and again."""
    while True:
        try:
            whole = await asyncio.to_thread(detector.look)
        except SafeconductError as error:
            _log.warning("which events to look at as they come is not known now: %s", error)
            whole = True
        await asyncio.sleep(LOOK_S if whole else 0)
