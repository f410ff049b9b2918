"""What the checker reads and what it answers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.ids import ClaimId, EventId
from safeconduct.soc.claims import Claim
from safeconduct.soc.hunts.answering import holds
from safeconduct.soc.hunts.model import Hunt, HuntResult
from safeconduct.soc.inventory import NOTHING, Inventory
from safeconduct.soc.model import Event, Incident


class TechniqueInfo(Protocol):
    """What is known of an ATT&CK technique in the pinned version."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def tactics(self) -> Sequence[str]:
        """The tactics it serves."""
        ...

    @property
    def revoked(self) -> bool:
        """Whether another took its place."""
        ...

    @property
    def deprecated(self) -> bool:
        """Whether it is no longer used."""
        ...


class TechniqueTable(Protocol):
    """The pinned ATT&CK version."""

    def get(self, technique_id: str, /) -> TechniqueInfo | None:
        """Returns the technique, or None: no such id in this version."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """What the author of a claim had in view: events, and of each the fields (None: the whole event).

    `hunts` are those whose results the author saw (None: any). What they find is in scope beside the incident.
    `clears` is whether its verdict could clear the incident: of a model, whether its path let it when it was asked.
    """

    fields: Mapping[EventId, frozenset[str] | None]
    hunts: tuple[Hunt, ...] | None = ()
    clears: bool = False

    def covers(self, event: EventId, pointer: str) -> bool:
        """Tells whether this field was in view."""
        if event not in self.fields:
            return False
        pointers = self.fields[event]
        return pointers is None or pointer in pointers

    @classmethod
    def whole(cls, events: Iterable[EventId]) -> "Shown":
        """Everything of these events, as rules see them."""
        return cls(dict.fromkeys(events), None)


Search = Callable[[Hunt], HuntResult]
"""Answers a hunt over the telemetry that the incident is of. It may raise a SafeconductError: then nothing follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What claims about one incident are checked against. `events` are the stored ones, read afresh.

    `verified` are the claims of this incident that were found true before; verdicts may rest on them. `inventory`
    declares how far the clocks of hosts are off, and what is so common that sharing it joins nothing. `search` answers
    hunts again; without it no claim that rests on one holds.
    """

    incident: Incident
    events: Mapping[EventId, Event]
    shown: Shown
    techniques: TechniqueTable
    verified: Mapping[ClaimId, Claim] = field(default_factory=dict)
    inventory: Inventory = NOTHING
    search: Search | None = None
    own: frozenset[EventId] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "own", frozenset(self.incident.events))

    def in_scope(self, event_id: EventId) -> bool:
        """Tells whether an event is of the incident, or was found by a hunt that the author saw the result of."""
        if event_id in self.own:
            return True
        event = self.events.get(event_id)
        return event is not None and any(satisfies(hunt, event) for hunt in self.shown.hunts or ())


def satisfies(hunt: Hunt, event: Event) -> bool:
    """Tells whether an event is one that the hunt finds."""
    after = hunt.first is None or hunt.first <= event.at
    before = hunt.last is None or event.at <= hunt.last
    named = not hunt.sources or event.source in hunt.sources
    return after and before and named and all(holds(where, event) for where in hunt.where)


class Outcome(StrEnum):
    """There is no third: what can't be shown to follow is rejected."""

    VERIFIED = "verified"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedClaim:
    """A claim and what the checker found. `reason.clause` names the numbered rule of docs/spec/grounding.md.

    `reason.code` quotes nothing and may stand in the clear; `reason.text` and `text` may hold values from events.
    """

    claim: Claim
    outcome: Outcome
    reason: Reason
    text: str

    @property
    def verified(self) -> bool:
        """True if every rule held."""
        return self.outcome is Outcome.VERIFIED


def broken(rule: int, code: str, text: str) -> Reason:
    """Returns why a claim breaks a rule of docs/spec/grounding.md."""
    return Reason(code, f"grounding/{rule}", text)
