"""Policies in force, and why a call would be allowed or not."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from safeconduct.access.model.calls import CallRequest
from safeconduct.access.reading_rights import concerns
from safeconduct.gateway.prepared import held_whatever
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Installation, Newest
from safeconduct.http.control.frame import answer
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import GrantId, PathId, PrincipalId
from safeconduct.kernel.instants import rfc3339

router = APIRouter(prefix="/api/v1", tags=["standing"])


@router.get("/policies")
def show_policies(_reading: Reading, standing: Newest) -> Response:
    """Returns the policies in force."""
    policies = standing.policies
    return answer({"digest": policies.digest, "ids": policies.ids, "text": policies.text})


@router.get("/policies/explain")
def explain(
    reader: Reading,
    control: Installation,
    standing: Newest,
    *,
    principal: str,
    path: str,
    purpose: str | None = None,
    model: str | None = None,
    grant: str | None = None,
) -> Response:
    """Returns how such a call would be decided now, with every reason. Purpose and model default to the path's.

    `restrictions` hold for it too, and `held` says why a person must approve exactly it first, if one must. What it
    says, and what is left of budgets, can hold up a call beside that.
    """
    with control.snapshot() as records:
        if not concerns(records, reader, principal):
            raise AbsentError(f"there is no principal {principal[:64]!r} that you may see", code="principal-unknown")
    found = standing.path(PathId(path))
    request = CallRequest(
        principal=PrincipalId(principal),
        path=PathId(path),
        purpose=purpose or (found.purpose if found else ""),
        model=model or (found.models[0] if found else ""),
        grant=GrantId(grant) if grant else None,
        now=control.clock.now(),
    )
    decision, under = standing.authorize(request)
    who = standing.principals.get(request.principal)
    restrictions = standing.restricted(who, found, under) if who and found and under else ()
    return answer(
        {
            "effect": decision.effect,
            "grant": under.id if under else None,
            "reasons": decision.reasons,
            "determining": decision.determining,
            "errors": decision.errors,
            "restrictions": [
                {"id": one.id, "selector": str(one.selector), "kind": one.kind, "slow_ms": one.slow_ms}
                for one in restrictions
            ],
            "held": held_whatever(restrictions, under) if under else None,
            "request": asdict(request) | {"now": rfc3339(request.now)},
            "policies": standing.policies.digest,
            "entities": standing.entities.digest,
        }
    )
