"""People promote, demote, stop and resume a path's model. What raises did nothing.

To stop is safe and quick, and anybody who may freeze may do it; to widen takes evidence, and to start again its people.
"""

from dataclasses import dataclass
from typing import TypeVar

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.humans import accounts_of
from safeconduct.access.model.paths import SealedPath
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType
from safeconduct.soc import reasons
from safeconduct.soc.autonomy.evidence import Evidence, lacking, too_few
from safeconduct.soc.autonomy.level_events import (
    DEMOTED,
    PROMOTED,
    RESUMED,
    STOPPED,
    ByIncident,
    Demoted,
    Promoted,
    Resumed,
    Stopped,
)
from safeconduct.soc.autonomy.levels import evidence_of, level_of, refuse_stopped, standing_of
from safeconduct.soc.autonomy.model import Autonomy
from safeconduct.soc.owners import origin_of

T = TypeVar("T")

_INVALID, _SHOW = "autonomy-invalid", "safeconduct autonomy show"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What somebody asks for: a path, why, and of a promotion or demotion the level."""

    path: str
    reason: str
    level: Autonomy = Autonomy.ADVISE


def promote(tx: Transaction, signed: SignedAct, asked: Change, *, operation: str, content: str) -> Autonomy:
    """Records that a path's models have a higher level, on the evidence as it stands, and returns the level in force.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `path-unknown`. InvalidInputError: `autonomy-invalid`: no reason, or no higher level.
        RefusedError: `autonomy-stopped`; `autonomy-ceiling`: the program allows less; `autonomy-too-few-incidents`:
            too few were reviewed; `autonomy-unearned`: the evidence does not carry it; `autonomy-own-review`: the
            signer gave some of it.
    """
    path, by = _admitted(tx, signed, asked, Capability.RAISE_AUTONOMY, operation=operation, content=content)
    refuse_stopped(tx, path.id)
    former, evidence = level_of(tx, path.id), evidence_of(tx, standing_of(tx, path))
    if asked.level.rank <= former.rank:
        raise _invalid(f"path {path.id} has level {former}; a promotion is to a higher one")
    _refuse_over_ceiling(path, asked.level)
    _refuse_unearned(path, asked.level, evidence)
    _refuse_own_reviews(tx, path, evidence, by)
    event = Promoted(
        path=path.id,
        models=path.models,
        former=former,
        level=asked.level,
        accepted=evidence.answers,
        confirmed=evidence.looks,
        verified=evidence.verified,
        by=by,
        incidents=ByIncident(accepted=evidence.accepted, confirmed=evidence.confirmed, verified=evidence.grounded),
    )
    _append(tx, PROMOTED, event, signed, asked)
    return level_of(tx, path.id)


def _refuse_unearned(path: SealedPath, level: Autonomy, evidence: Evidence) -> None:
    few = too_few(level, evidence)
    if few:
        raise RefusedError(
            f"level {level} on path {path.id} takes more incidents: {few}",
            code="autonomy-too-few-incidents",
            clause=f"path:{path.id}/autonomy",
            remedy="review what it answers about other incidents (safeconduct review list), then promote it",
        )
    missing = list(lacking(level, evidence))
    if missing:
        raise RefusedError(
            f"the evidence does not carry level {level} on path {path.id}: {'; '.join(missing)}",
            code="autonomy-unearned",
            clause=f"path:{path.id}/autonomy",
            remedy="review what it answers (safeconduct review list), then promote it",
        )


def _refuse_own_reviews(records: Records, path: SealedPath, evidence: Evidence, by: PrincipalId) -> None:
    # One person with both roles would be all the eyes that there are: who reviewed leaves it to another.
    own = accounts_of(records, by)
    if any(not own.isdisjoint(one.by) for one in evidence.by_review):
        raise RefusedError(
            f"{by} gave some of the reviews that speak for path {path.id}",
            code="autonomy-own-review",
            clause=f"path:{path.id}/autonomy",
            remedy="another person promotes it, who reviewed none of these answers",
        )


def demote(tx: Transaction, signed: SignedAct, asked: Change, *, operation: str, content: str) -> Autonomy:
    """Records that a person lowers a path's level, at once, and returns the level in force.

    Raises:
        UnauthenticatedError, RefusedError, AbsentError: as `promote`. InvalidInputError: no reason, or no lower level.
    """
    path, by = _admitted(tx, signed, asked, Capability.LOWER_AUTONOMY, operation=operation, content=content)
    former = level_of(tx, path.id)
    if asked.level.rank >= former.rank:
        raise _invalid(f"path {path.id} has level {former}; a demotion is to a lower one")
    event = Demoted(path=path.id, models=path.models, former=former, level=asked.level, by=by)
    _append(tx, DEMOTED, event, signed, asked)
    return level_of(tx, path.id)


def stop(tx: Transaction, signed: SignedAct, asked: Change, *, operation: str, content: str) -> None:
    """Records that nothing a model says on the path counts from now on. It waits for nobody.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not. AbsentError, InvalidInputError: as `promote`.
        ConflictError: `autonomy-stands`: it is stopped.
    """
    path, by = _admitted(tx, signed, asked, Capability.LOWER_AUTONOMY, operation=operation, content=content)
    if standing_of(tx, path).stopped_by:
        raise ConflictError(f"path {path.id} is stopped already", code="autonomy-stands")
    _append(tx, STOPPED, Stopped(path=path.id, by=by), signed, asked)


def resume(tx: Transaction, signed: SignedAct, asked: Change, *, operation: str, content: str) -> Autonomy:
    """Records that a stop is over, and returns the level in force: what was earned before it is gone.

    Raises:
        UnauthenticatedError, RefusedError, AbsentError, InvalidInputError: as `promote`.
        ConflictError: `autonomy-stands`: it is not stopped.
    """
    path, by = _admitted(tx, signed, asked, Capability.RAISE_AUTONOMY, operation=operation, content=content)
    if not standing_of(tx, path).stopped_by:
        raise ConflictError(f"path {path.id} is not stopped", code="autonomy-stands")
    _append(tx, RESUMED, Resumed(path=path.id, by=by), signed, asked)
    return level_of(tx, path.id)


def path_named(records: Records, name: str) -> SealedPath:
    """Returns a path of the program in force.

    Raises:
        AbsentError: `path-unknown`.
    """
    found = records.get(kept.PATHS, name)
    if found is None:
        raise AbsentError(f"no path {name[:64]!r}", code="path-unknown", remedy="safeconduct path list")
    return found


def _admitted(
    tx: Transaction, signed: SignedAct, asked: Change, capability: Capability, *, operation: str, content: str
) -> tuple[SealedPath, PrincipalId]:
    reasons.check(asked.reason, code=_INVALID, remedy=_SHOW)
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=capability)
    return path_named(tx, asked.path), signer.id


def _refuse_over_ceiling(path: SealedPath, wanted: Autonomy) -> None:
    if wanted.rank > Autonomy(path.autonomy).rank:
        raise RefusedError(
            f"the program allows {path.autonomy} on path {path.id}, and no promotion goes beyond it",
            code="autonomy-ceiling",
            clause=f"path:{path.id}/autonomy",
            remedy="change paths.<name>.autonomy in the program, which both parties see",
        )


def _append(tx: Transaction, kind: EventType[T], event: T, signed: SignedAct, asked: Change) -> None:
    draft = kind.draft(event, sealed={"reason": asked.reason}, subject=f"path:{asked.path}", act=signed.envelope())
    tx.append(origin_of(tx), draft)


def _invalid(text: str) -> InvalidInputError:
    return InvalidInputError(text, code=_INVALID, remedy=_SHOW)
