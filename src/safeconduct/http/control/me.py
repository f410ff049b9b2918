"""One's own standing: how far one reaches and why, one's grants, refusals, dates and requests. Nothing of others."""

import heapq
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from safeconduct.access.grant_conditions import conditions_document
from safeconduct.access.model.parties import Principal
from safeconduct.access.reading_rights import Reader
from safeconduct.gateway.events import CALL_REFUSED
from safeconduct.http.control.budgets import budget_documents
from safeconduct.http.control.calendar import due_document
from safeconduct.http.control.callers import Myself
from safeconduct.http.control.calls import latest_calls
from safeconduct.http.control.context import Control, Installation, Newest
from safeconduct.http.control.frame import answer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnauthenticatedError
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.program.own import OwnGrant, Usable, Waiting, asked_of, ceilings, due_of, own_grants, waiting_for

router = APIRouter(prefix="/api/v1/me", tags=["me"])

Denials = Annotated[int, Query(ge=0, le=100)]


@router.get("")
def show_me(me: Myself, control: Installation, standing: Newest, denials: Denials = 10) -> Response:
    """Returns the caller's own standing, with the last `denials` refusals among the latest calls."""
    now = control.clock.now()
    person = standing.principals.get(me.principal)
    if person is None:
        raise UnauthenticatedError(f"no principal {me.principal!r} is in the program", code="signer-unknown")
    bounds = list(ceilings(standing, person, me.signed_in))
    grants = list(own_grants(standing, person, now, me.signed_in))
    with control.snapshot() as records:
        budgets = budget_documents(records, Reader(who=person), now)
        document = {
            "principal": person.id,
            "organization": person.organization,
            "kind": person.kind,
            "roles": person.roles,
            "sponsor": person.sponsor,
            "tier": {"reaches": min(one.tier for one in bounds), "bounds": bounds},
            "paths": _paths(grants, now),
            "grants": [_grant(one, budgets, now) for one in grants],
            "due": [due_document(one, now) for one in due_of(records, person, now)],
            "requests": [_waiting(one) for one in waiting_for(records, person)],
            "votes": [_waiting(one) for one in asked_of(records, person, now)],
        }
    return answer(document | {"denials": _denials(control, person, denials)})


def _paths(grants: list[OwnGrant], now: Instant) -> dict[str, list[str]]:
    """Returns the models that may be used now, by path."""
    usable: dict[str, set[str]] = {}
    for one in grants:
        models = {model.model for model in one.models if not model.against and one.grant.window.holds(now)}
        usable.setdefault(one.grant.path, set()).update(models)
    return {path: sorted(models) for path, models in usable.items()}


def _grant(one: OwnGrant, budgets: list[dict[str, Any]], now: Instant) -> dict[str, Any]:
    grant = one.grant
    return {
        "id": grant.id,
        "path": grant.path,
        "purpose": grant.purpose,
        "scope": grant.scope,
        "origin": grant.origin,
        "from": rfc3339(grant.window.opens_at),
        "until": rfc3339(grant.window.closes_at),
        "open": grant.window.holds(now),
        "tier": one.tier,
        "conditions": conditions_document(grant.conditions),
        "budgets": [found for found in budgets if found["owner"] == f"grant:{grant.id}"],
        "freezes": sorted({each.clause for model in one.models for each in model.against if each.code == "frozen"}),
        "restrictions": [
            {"id": each.id, "selector": str(each.selector), "kind": each.kind} for each in one.restrictions
        ],
        "models": [_model(model) for model in one.models],
    }


def _model(one: Usable) -> dict[str, Any]:
    return {"model": one.model, "tier": one.tier, "usable": not one.against, "against": one.against}


def _waiting(one: Waiting) -> dict[str, Any]:
    return asdict(one) | {"until": rfc3339(one.until) if one.until is not None else None}


def _denials(control: Control, person: Principal, count: int) -> list[dict[str, Any]]:
    own = (one for one in latest_calls(control) if _is_denial(one, person))
    return [_denial(one) for one in heapq.nlargest(count, own, key=lambda one: one.id)]


def _is_denial(entry: Entry, person: Principal) -> bool:
    return entry.type == CALL_REFUSED.name and entry.body["principal"] == person.id


def _denial(entry: Entry) -> dict[str, Any]:
    event = CALL_REFUSED.read(entry)
    return {
        "call": entry.id,
        "at": rfc3339(entry.at),
        "path": event.path,
        "model": event.model,
        "code": event.code,
        "clause": event.clause,
        "remedy": event.remedy,
        "appeal": f"/calls/{entry.id}/appeal",
    }
