"""Changes that wait for the other party, and the acts that brought them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safeconduct.access.model.agreements import Witness
from safeconduct.access.model.programs import ProgramRecord
from safeconduct.kernel.ids import EntryId, FreezeId, GrantId, Origin, PathId, PrincipalId
from safeconduct.kernel.instants import Instant


class RequestKind(StrEnum):
    """What can wait for the partner's cosignature."""

    PROGRAM = "program"
    UNFREEZE = "unfreeze"
    RELEASE_HOLD = "release-hold"
    DESTRUCTION = "destruction"
    ROTATION = "rotation"
    MODEL_APPROVAL = "model-approval"
    ELEVATION = "elevation"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUse:
    """One version of a model on one path: what an approval is for. A later version is another."""

    path: PathId
    model: str
    version: str

    @property
    def key(self) -> str:
        """Where its approval stands in the records."""
        return f"{self.path}/{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record to write, or to remove where `after` is None. `noun` is a key of `changes.NOUNS`."""

    noun: str
    name: str
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some of a request's changes: entries are small, programs need not be."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """Another key for a log: `statement` says so, signed by both keys (ledger.rotation)."""

    origin: Origin
    old: str
    new: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A request that waits: in force when the witness cosigned a checkpoint of `origin` that covers it."""

    request: EntryId
    kind: RequestKind
    origin: Origin
    witness: Witness
    by: PrincipalId
    at: Instant
    agreement_origin: Origin
    program: ProgramRecord | None = None
    changes: tuple[Change, ...] = ()
    freeze: FreezeId | None = None
    hold: EntryId | None = None
    rotation: KeyChange | None = None
    use: ModelUse | None = None
    grant: GrantId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedAct:
    """That an act was used, so that it is not used again."""

    entry: EntryId
    at: Instant
