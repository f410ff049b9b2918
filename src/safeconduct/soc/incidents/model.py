"""What is recorded of an incident: alerts, events, places and kinds, never a value.

Hosts, addresses and people stay with the events.
"""

from dataclasses import dataclass

from safeconduct.kernel.ids import EventId, IncidentId, Origin
from safeconduct.kernel.instants import Instant
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.model import EntityKind
from safeconduct.soc.unusual import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReference:
    """An alert without its matches: the rule with its digest, its events, and how many it counted.

    An anomaly has with `said` why it is one, which no rule finds again.
    """

    id: str
    rule: str
    rule_digest: str
    title: str
    level: str
    techniques: tuple[str, ...]
    at: Instant
    total: int
    events: tuple[EventId, ...]
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeReference:
    """An edge without its value, which stands in the events at the pointers."""

    alerts: tuple[str, str]
    events: tuple[EventId, EventId]
    pointers: tuple[str, str]
    kind: EntityKind
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRecord:
    """What control state knows of an incident. Complete when `parts` of `expected` are in.

    `continued_by` is the later incident that holds its events, `replaced_by` the entry in which a person merged it,
    split it or called it another's duplicate; both are empty while it stands. `made_by` is the entry that made it of
    others, empty for one that correlation found.
    """

    id: IncidentId
    origin: Origin
    opened_at: Instant
    entry_id: str
    first_at: Instant
    last_at: Instant
    score: int
    parts: int
    expected: int
    alerts: tuple[AlertReference, ...]
    edges: tuple[EdgeReference, ...]
    continued_by: str = ""
    owner: str = HOUSE_OWNED
    replaced_by: str = ""
    made_by: str = ""

    @property
    def events(self) -> frozenset[EventId]:
        """The events of its alerts."""
        return frozenset(key for alert in self.alerts for key in alert.events)

    @property
    def stands(self) -> bool:
        """True while nothing came after it."""
        return not (self.continued_by or self.replaced_by)
