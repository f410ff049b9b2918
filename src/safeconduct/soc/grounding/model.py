"""What the checker reads and what it answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.ids import ClaimId, EventId
from safeconduct.soc.claims import Claim
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
    """What the author of a claim had in view: events, and of each the fields (None: the whole event)."""

    fields: Mapping[EventId, frozenset[str] | None]

    def covers(self, event: EventId, pointer: str) -> bool:
        """Tells whether this field was in view."""
        if event not in self.fields:
            return False
        pointers = self.fields[event]
        return pointers is None or pointer in pointers

    @classmethod
    def whole(cls, events: Iterable[EventId]) -> "Shown":
        """Everything of these events, as rules see them."""
        return cls(dict.fromkeys(events))


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What claims about one incident are checked against. `events` are the stored ones, read afresh.

    `verified` are the claims of this incident that were found true before; verdicts may rest on them. `inventory`
    declares how far the clocks of hosts are off, and what is so common that sharing it joins nothing.
    """

    incident: Incident
    events: Mapping[EventId, Event]
    shown: Shown
    techniques: TechniqueTable
    verified: Mapping[ClaimId, Claim] = field(default_factory=dict)
    inventory: Inventory = NOTHING


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
