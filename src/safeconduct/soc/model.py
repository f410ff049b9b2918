"""Events, alerts and incidents. Every id is derived from content, so that ingesting twice changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from safeconduct.kernel.ids import EventId, IncidentId
from safeconduct.kernel.instants import Instant


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One stored record of telemetry: what came (`raw`) and what it means (`ocsf`), never one without the other.

    `id` is the first 32 hex digits of SHA-256 over the canonical (source, raw). `source` names the kind of record,
    one of docs/telemetry.md's. `raw` is the parsed record with its original names, `ocsf` the OCSF object (pinned
    version, class_uid always present).
    """

    id: EventId
    source: str
    at: Instant
    raw: Mapping[str, Any]
    ocsf: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Returns the JSON document into which a claim's pointers point: `/raw/...`, `/ocsf/...`."""
        return {"id": self.id, "time": self.at, "source": self.source, "raw": self.raw, "ocsf": dict(self.ocsf)}


class EntityKind(StrEnum):
    """What can join two alerts."""

    IP = "ip"
    HOST = "host"
    USER = "user"
    PROCESS = "process"
    DOMAIN = "domain"
    URL = "url"
    FILE = "file"
    HASH = "hash"
    SESSION = "session"
    CREDENTIAL = "credential"
    CONNECTION = "connection"


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """A typed value in its normal form.

    Lower-case domains and hosts, canonical addresses; an account is its SID, its ARN or `user@host`, a process its GUID
    or `pid@host`, a logon session `id@host`.
    """

    kind: EntityKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A predicate that held: the event, the JSON pointer of the field, the Sigma operator and value, what was there.

    Of a condition that only rules values out, the operator is `not`, and the value lists what was ruled out.
    """

    event: EventId
    pointer: str
    operator: str
    value: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule that fired. `id` is derived from the rule's content hash and the event ids.

    `techniques` are ATT&CK ids from the rule's tags; `matches` are the predicates that held, at least one. `at` is when
    the rule fired: for a count, when it was reached. `total` is how many events it counted, where `events` names only
    the first and the last of very many; the id covers all of them.
    """

    id: str
    rule: str
    rule_digest: str
    title: str
    level: str
    techniques: tuple[str, ...]
    events: tuple[EventId, ...]
    at: Instant
    matches: tuple[Match, ...]
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Why two alerts stand in one incident: a shared entity, found at these pointers, within the window.

    Anyone can recompute it from the two events.
    """

    alerts: tuple[str, str]
    events: tuple[EventId, EventId]
    pointers: tuple[str, str]
    entity: Entity
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Correlated alerts. `id` is derived from the ids of the alerts; `events` are all their events in time order."""

    id: IncidentId
    alerts: Sequence[Alert]
    edges: Sequence[Edge]
    events: Sequence[EventId]
    first_at: Instant
    last_at: Instant
    score: int
    score_reasons: Sequence[str]
