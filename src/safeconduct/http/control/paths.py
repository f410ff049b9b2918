"""Paths in force: what bounds them, which models wait for an approval, and a call that tries one out."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.catalogue import TIER_MAX, Provider
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.model_approvals import request_approval, withdraw_approval
from safeconduct.access.reading_rights import Reader, reads_path
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.gateway.providers import equal, outside
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.programs import settled
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import PathId

router = APIRouter(prefix="/api/v1/paths", tags=["paths"])


class Approve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model, and why."""

    model: str
    reason: str


@router.get("")
def list_paths(reader: Reading, control: Installation) -> Response:
    """Returns the paths in force that the reader may read of."""
    with control.snapshot() as records:
        found = [path for name, path in records.scan(kept.PATHS) if reads_path(records, reader, name)]
        return answer([_sealed(reader, path) for path in found])


@router.get("/{path_id}")
def show_path(reader: Reading, control: Installation, path_id: str) -> Response:
    """Returns a path as it is sealed, which models are approved, what runs of it here, and its versions' digests.

    The house's people see its canary too, where its answers are looked through.
    """
    with control.snapshot() as records:
        path = records.get(kept.PATHS, path_id)
        if path is None or not reads_path(records, reader, path_id):
            raise AbsentError(f"no path {path_id!r} is in force that you may see", code="path-unknown")
        versions = [version for _, version in records.scan(kept.PATH_VERSIONS, f"{path_id}/")]
        approved = [one.version for _, one in records.scan(kept.MODEL_APPROVALS, f"{path_id}/")]
        document = _sealed(reader, path)
    shown = [{"version": version.version, "digest": version.digest} for version in versions]
    runs = [_running(path, provider, control.upstreams) for provider in path.providers]
    approved = [version for version in approved if any(one["version"] == version for one in document["catalogue"])]
    if path.output is not None and reader.of_house:
        document["canary"] = control.canary(path.id)
    return answer(document | {"approved": approved, "running": runs, "versions": shown})


@router.post("/{path_id}/approvals")
async def approve_model(signed: SignedJson[Approve], control: Installation, path_id: str) -> Response:
    """Requests that a model which needs an approval be used on a path, and asks the witness for its cosignature."""
    wanted = signed.body
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
async def withdraw_model(signed: SignedJson[Approve], control: Installation, path_id: str) -> Response:
    """Withdraws an approval. When this answers, the model is refused and running calls of it are being cut."""
    wanted = signed.body
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


def _sealed(reader: Reader, path: SealedPath) -> dict[str, Any]:
    """Returns a path as it is sealed. A pre-release is not in it for a person below its tier."""
    tier = reader.who.tier if reader.who else TIER_MAX
    there = [model for model in path.catalogue if model.there_for(tier)]
    return asdict(path) | {"models": [model.name for model in there], "catalogue": [asdict(model) for model in there]}


def _running(path: SealedPath, provider: Provider, upstreams: Mapping[str, UpstreamFacts] | None) -> dict[str, Any]:
    """Returns what is known of a provider here; None where no server runs, so that nobody knows."""
    facts = (upstreams or {}).get(provider.upstream)
    return {
        "upstream": provider.upstream,
        "configured": None if upstreams is None else facts is not None,
        "inside": None if facts is None else not outside(provider, facts),
        "otherwise": [] if facts is None else outside(provider, facts),
        "equal": equal(provider, path.providers[0]),
    }
