"""What rules found so far, kept beside the events, so that a start reads only the events that came since.

Kept are the hits on single events, in the steps they were found in: the rest follows from them. Derived (R3): what was
found by other rules, in another index, or is damaged is thrown away, and all events are read again.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from importlib.metadata import version
from typing import Protocol

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.detection.measuring import Hit
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.ports import EventStore

FORM = 1
"""Raised whenever the same rules find something else in the same events: what was kept before is thrown away."""


class Again(StrEnum):
    """Why all events were read again."""

    NOTHING = "nothing-kept"
    OTHER = "other-rules"
    DAMAGED = "damaged"
    ELSEWHERE = "other-events"
    ANOMALIES = "anomalies"  # each event is held against all before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What rules find in events by themselves: hits by rule, and the time of the latest event."""

    hits: Mapping[str, Sequence[Hit]]
    until: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStep:
    """What was found up to the event of a number, `last`, with which `events` events were looked at."""

    number: int
    last: EventId
    events: int
    found: Found


class KeptHits(Protocol):
    """Where steps are kept, one after the other. Nothing here raises: what can't be kept is found again."""

    def read(self, made_of: str) -> KeptStep | Again:
        """Returns all steps as one, or why there is none to go on from: of other rules, or damaged.

        A last step that was not written to its end is as if it had not been.
        """
        ...

    def begin(self, made_of: str, because: Again) -> None:
        """Forgets what there was, and keeps steps from now on under what they are made of; notes why."""
        ...

    def add(self, step: KeptStep) -> None:
        """Keeps a step after those that were read or added before."""
        ...

    def keep_only(self, there: Callable[[Collection[EventId]], Collection[EventId]]) -> None:
        """Forgets the hits on events that are there no more, by what returns those of some that are.

        Raises:
            UnavailableError: it can't: what was found in them may still be there. Ask again.
        """
        ...

    def because(self) -> str:
        """Returns why all events were read again when it last began; empty where nothing is kept."""
        ...


def made_of(rules: RuleSet, generation: str) -> str:
    """Returns a digest of all that decides what is found: rules, engine and whose life of the index."""
    said = (FORM, version("safeconduct"), generation, tuple(rules.events), tuple(rules.correlations))
    return sha256(repr(said).encode(errors="surrogatepass")).hexdigest()


def resumed(kept: KeptHits, events: EventStore, made: str) -> KeptStep | None:
    """Returns where to go on from; None, with `kept` begun anew, where all events must be read again."""
    step = kept.read(made)
    if isinstance(step, KeptStep):
        there = events.arrived(step.number - 1, 1)
        if [(number, event.id) for number, event in there] == [(step.number, step.last)]:
            return step
        step = Again.ELSEWHERE
    kept.begin(made, step)
    return None
