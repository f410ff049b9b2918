"""Levels of autonomy by path: what is in force and why, and people who raise, lower, stop and resume them."""

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.model.paths import SealedPath
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import read_owners
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.soc.autonomy import changing
from safeconduct.soc.autonomy.changing import Change
from safeconduct.soc.autonomy.evidence import Share, lacking
from safeconduct.soc.autonomy.levels import evidence_of, level_of, standing_of
from safeconduct.soc.autonomy.model import Autonomy

router = APIRouter(prefix="/api/v1/autonomy", tags=["triage"])


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which level, and why; the reason is sealed in the log."""

    level: Autonomy
    reason: str


class Halt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a path is stopped or resumed; the reason is sealed in the log."""

    reason: str


@router.get("")
async def levels(control: Installation, reader: Reading) -> Response:
    """Says of each path which level is in force and why, what speaks for it, and what a higher level lacks."""
    with control.snapshot() as records:
        owners = read_owners(control, records, reader)
        return answer([_document(records, path) for _, path in records.scan(kept.PATHS) if path.telemetry_of in owners])


@router.post("/{path_id}/promote")
async def promote(control: Installation, signed: SignedJson[Level], path_id: str) -> Response:
    """Raises a path's level on the evidence as it stands; refused where that does not carry it."""
    return await _change(
        control, signed, Change(path=path_id, reason=signed.body.reason, level=signed.body.level), changing.promote
    )


@router.post("/{path_id}/demote")
async def demote(control: Installation, signed: SignedJson[Level], path_id: str) -> Response:
    """Lowers a path's level at once."""
    return await _change(
        control, signed, Change(path=path_id, reason=signed.body.reason, level=signed.body.level), changing.demote
    )


@router.post("/{path_id}/stop")
async def stop(control: Installation, signed: SignedJson[Halt], path_id: str) -> Response:
    """Stops a path: nothing a model says on it counts, and none is asked. It waits for no other party."""
    return await _change(control, signed, Change(path=path_id, reason=signed.body.reason), changing.stop)


@router.post("/{path_id}/resume")
async def resume(control: Installation, signed: SignedJson[Halt], path_id: str) -> Response:
    """Ends a stop. What the path had earned is gone."""
    return await _change(control, signed, Change(path=path_id, reason=signed.body.reason), changing.resume)


async def _change(control: Installation, signed: Signed[Any], change: Change, use: Callable[..., object]) -> Response:
    def command(tx: Transaction) -> dict[str, Any]:
        use(tx, signed.act, change, operation=signed.operation, content=signed.content)
        return _document(tx, changing.path_named(tx, change.path))

    return answer((await commit(control.writer, command)).value)


def _document(records: Records, path: SealedPath) -> dict[str, Any]:
    standing, in_force = standing_of(records, path), level_of(records, path.id)
    evidence, ceiling = evidence_of(records, standing), Autonomy(path.autonomy)
    higher = [level for level in Autonomy if in_force.rank < level.rank <= ceiling.rank]
    return {
        "path": path.id,
        "in_force": in_force,
        "ceiling": ceiling,
        "start": path.autonomy_start,
        "models": path.models,
        "stopped_by": standing.stopped_by,
        "why": standing.why,
        "since": rfc3339(standing.since) if standing.why else "",
        "entry": standing.entry,
        "accepted": _share(evidence.accepted) | {"answers": _counted(evidence.answers)},
        "verified": _share(evidence.grounded) | {"claims": _counted(evidence.verified)},
        "confirmed": _share(evidence.confirmed) | {"looks": _counted(evidence.looks)},
        "lacking": {level: list(lacking(level, evidence)) for level in higher},
    }


def _share(one: Share) -> dict[str, Any]:
    return _counted(one) | {"interval": [round(bound, 3) for bound in one.interval]}


def _counted(one: Share) -> dict[str, Any]:
    return {"found": one.found, "of": one.of}
