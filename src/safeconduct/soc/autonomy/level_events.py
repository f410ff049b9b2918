"""Levels in the log: who promoted, demoted, stopped or resumed a path's model. The reasons are sealed."""

from dataclasses import dataclass

from safeconduct.kernel.entries import Retention
from safeconduct.kernel.ids import PathId, PrincipalId
from safeconduct.ledger.events import EventType
from safeconduct.soc.autonomy.evidence import Share
from safeconduct.soc.autonomy.model import Autonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class ByIncident:
    """The same evidence by incident, each once: what a promotion rests on (docs/spec/autonomy.md, rule 11)."""

    accepted: Share
    confirmed: Share
    verified: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """A path's models were given a level, on this evidence: reviews, second looks, claims, as they stood then.

    `incidents` is what they come to by incident; None in entries of before incidents were counted.
    """

    path: PathId
    models: tuple[str, ...]
    former: Autonomy
    level: Autonomy
    accepted: Share
    confirmed: Share
    verified: Share
    by: PrincipalId
    incidents: ByIncident | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demoted:
    """A person lowered a path's level."""

    path: PathId
    models: tuple[str, ...]
    former: Autonomy
    level: Autonomy
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Nothing that a model says on the path counts from now on, and none is asked on it about incidents."""

    path: PathId
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A stop was ended; what the path had earned before it is gone."""

    path: PathId
    by: PrincipalId


PROMOTED = EventType("soc.autonomy.promoted/1", Promoted, Retention.OPERATIONS)
DEMOTED = EventType("soc.autonomy.demoted/1", Demoted, Retention.OPERATIONS)
STOPPED = EventType("soc.autonomy.stopped/1", Stopped, Retention.OPERATIONS)
RESUMED = EventType("soc.autonomy.resumed/1", Resumed, Retention.OPERATIONS)
