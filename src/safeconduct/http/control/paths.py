"""Paths in force: what bounds them, which models wait for an approval, and a call that tries one out."""

from dataclasses import asdict
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.model import SealedPath
from safeconduct.access.model_approvals import request_approval, withdraw_approval
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import Reading, SignedBytes, answer, commit, parse
from safeconduct.http.control.programs import settled
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import PathId

router = APIRouter(prefix="/api/v1/paths", tags=["paths"])


class Approve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model, and why."""

    model: str
    reason: str


@router.get("")
def list_paths(_reading: Reading, control: Installation) -> Response:
    """Returns the paths in force."""
    with control.snapshot() as records:
        return answer([_path(path) for _, path in records.scan(kept.PATHS)])


@router.get("/{path_id}")
def show_path(_reading: Reading, control: Installation, path_id: str) -> Response:
    """Returns a path's version in force, and the digests of all its versions."""
    with control.snapshot() as records:
        path = records.get(kept.PATHS, path_id)
        versions = [version for _, version in records.scan(kept.PATH_VERSIONS, f"{path_id}/")]
    if path is None:
        raise AbsentError(f"no path {path_id!r} is in force", code="path-unknown")
    shown = [{"version": version.version, "digest": version.digest} for version in versions]
    return answer(_path(path) | {"versions": shown})


@router.post("/{path_id}/approvals")
async def approve_model(signed: SignedBytes, control: Installation, path_id: str) -> Response:
    """Requests that a model which needs an approval be used on a path, and asks the witness for its cosignature."""
    wanted = parse(signed, Approve).body
    committed = await commit(
        control.writer,
        lambda tx: request_approval(
            tx,
            signed.act,
            PathId(path_id),
            wanted.model,
            wanted.reason,
            operation=signed.operation,
            content=signed.content,
        ),
    )
    return answer(await settled(control, committed.value) | {"path": path_id, "model": wanted.model})


@router.post("/{path_id}/approvals/withdraw")
async def withdraw_model(signed: SignedBytes, control: Installation, path_id: str) -> Response:
    """Withdraws an approval. When this answers, the model is refused and running calls of it are being cut."""
    wanted = parse(signed, Approve).body
    committed = await commit(
        control.writer,
        lambda tx: withdraw_approval(
            tx,
            signed.act,
            PathId(path_id),
            wanted.model,
            wanted.reason,
            operation=signed.operation,
            content=signed.content,
        ),
    )
    return answer(asdict(committed.value))


def _path(path: SealedPath) -> dict[str, Any]:
    return asdict(path)
