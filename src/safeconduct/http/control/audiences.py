"""One table of who may read what: every route that only reads, its audience, and what of the answer concerns whom.

Commands that change something are not in it: their use cases say who may. A route that reads and has no row is for
whoever has the data folder in hand. docs/spec/reading.md shows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.reading_rights import Audience


@dataclass(frozen=True, slots=True)
class Row:
    """Whom a route answers; `narrowed` says which of all there is each reader finds, where that is not all."""

    audience: Audience
    narrowed: str = ""


_OF_OWNER = "the house's its own people; others' their own, and who has a grant now on a path for it"
_OF_PRINCIPAL = "of principals that concern the reader"

READERS: Mapping[str, Row] = {
    "GET /healthz": Row(Audience.ANYBODY),
    "GET /readyz": Row(Audience.ANYBODY),
    "GET /metrics": Row(Audience.METRICS),
    "GET /api/v1/openapi.json": Row(Audience.ANYBODY),
    "GET /api/v1/sign-ins/providers": Row(Audience.ANYBODY),
    "GET /api/v1/credentials": Row(Audience.ANYBODY),
    "GET /.well-known/authzen-configuration": Row(Audience.ANYBODY),
    "GET /edl/{name}.txt": Row(Audience.ANYBODY, "with a token of the list"),
    "HEAD /edl/{name}.txt": Row(Audience.ANYBODY, "with a token of the list"),
    "GET /scim/v2/{organization}/{path:path}": Row(Audience.ANYBODY, "with a credential of that directory"),
    "POST /scim/v2/{organization}/{path:path}": Row(Audience.ANYBODY, "with a credential of that directory"),
    "PUT /scim/v2/{organization}/{path:path}": Row(Audience.ANYBODY, "with a credential of that directory"),
    "PATCH /scim/v2/{organization}/{path:path}": Row(Audience.ANYBODY, "with a credential of that directory"),
    "DELETE /scim/v2/{organization}/{path:path}": Row(Audience.ANYBODY, "with a credential of that directory"),
    "GET /api/v1/directories": Row(Audience.PARTIES),
    "GET /api/v1/directories/{organization}/people": Row(Audience.CONCERNED, "protectors their own organization's"),
    "GET /api/v1/directories/{organization}/orphans": Row(
        Audience.CONCERNED, "protectors their own organization's, overseers all"
    ),
    "GET /api/v1/calendar": Row(Audience.CONCERNED, "what they own, answer for or administer"),
    "GET /api/v1/me": Row(Audience.CONCERNED, "about oneself; nobody about anybody else"),
    "GET /api/v1/notices": Row(Audience.CONCERNED, "those to their organization"),
    "GET /api/v1/notices/channels": Row(Audience.HOUSE),
    "GET /api/v1/status": Row(Audience.PARTIES),
    "POST /api/v1/programs/plan": Row(Audience.OVERSEERS),
    "GET /api/v1/programs": Row(Audience.AGREEMENT),
    "GET /api/v1/programs/ownerless": Row(Audience.PARTIES),
    "GET /api/v1/agreement": Row(Audience.AGREEMENT),
    "GET /api/v1/agreement/history": Row(Audience.AGREEMENT),
    "GET /api/v1/agreement/clocks": Row(Audience.KNOWN),
    "GET /api/v1/obligations": Row(Audience.AGREEMENT),
    "GET /api/v1/obligations/{name}": Row(Audience.AGREEMENT),
    "GET /api/v1/recertifications": Row(Audience.PARTIES),
    "GET /api/v1/recertifications/{campaign_id}": Row(Audience.PARTIES),
    "GET /api/v1/paths": Row(Audience.CONCERNED, "people of the agreement all, others those of their grants"),
    "GET /api/v1/paths/{path_id}": Row(Audience.CONCERNED, "as the list"),
    "GET /api/v1/data/breaches": Row(Audience.CONCERNED, f"of calls {_OF_PRINCIPAL}"),
    "GET /api/v1/data/breaches/{breach}": Row(Audience.CONCERNED, "as the list"),
    "GET /api/v1/data/map": Row(Audience.CONCERNED, "as paths"),
    "GET /api/v1/grants": Row(Audience.CONCERNED, _OF_PRINCIPAL),
    "GET /api/v1/grant-requests": Row(Audience.CONCERNED, "as grants, and those that they asked for or vote on"),
    "GET /api/v1/grants/{grant_id}": Row(Audience.CONCERNED, "as the list"),
    "GET /api/v1/break-glass": Row(Audience.PARTIES),
    "GET /api/v1/break-glass/reviews": Row(Audience.CONCERNED, _OF_PRINCIPAL),
    "GET /api/v1/scopes": Row(Audience.CONCERNED, "people of the parties all, others those of their grants"),
    "GET /api/v1/scopes/{scope}": Row(Audience.CONCERNED, "as the list"),
    "GET /api/v1/policies": Row(Audience.AGREEMENT),
    "GET /api/v1/policies/explain": Row(Audience.CONCERNED, f"calls {_OF_PRINCIPAL}"),
    "POST /api/v1/policies/replay": Row(Audience.OVERSEERS),
    "GET /api/v1/policies/proposals": Row(Audience.PARTIES),
    "GET /api/v1/budgets": Row(Audience.CONCERNED, "people of the parties all, others those of their grants"),
    "GET /api/v1/budgets/check": Row(Audience.OVERSEERS),
    "GET /api/v1/budgets/{owner}": Row(Audience.CONCERNED, "as the list"),
    "GET /api/v1/tokens": Row(Audience.CONCERNED, _OF_PRINCIPAL),
    "GET /api/v1/passkeys": Row(Audience.CONCERNED, _OF_PRINCIPAL),
    "GET /api/v1/passkeys/site": Row(Audience.KNOWN),
    "GET /api/v1/to-sign/{kind}/{subject}": Row(Audience.CONCERNED, "as each of these kinds"),
    "GET /api/v1/freezes": Row(Audience.CONCERNED, "protectors all, others those that stop what concerns them"),
    "GET /api/v1/freezes/preview": Row(Audience.PROTECTORS),
    "GET /api/v1/restrictions": Row(Audience.CONCERNED, "as freezes"),
    "GET /api/v1/vetting": Row(Audience.CONCERNED, "protectors all, others their own and those they answer for"),
    "GET /api/v1/vetting/reasons": Row(Audience.KNOWN),
    "GET /api/v1/vetting/transparency": Row(Audience.KNOWN),
    "GET /api/v1/vetting/readiness/{principal_id}": Row(Audience.CONCERNED, "as the list"),
    "GET /api/v1/vetting/{case_id}": Row(Audience.CONCERNED, "as the list"),
    "GET /api/v1/calls": Row(Audience.CONCERNED, _OF_PRINCIPAL),
    "GET /api/v1/calls/held": Row(Audience.CONCERNED, f"{_OF_PRINCIPAL}, and those they vote on"),
    "GET /api/v1/calls/{call_id}": Row(Audience.CONCERNED, "as the list"),
    "GET /api/v1/calls/{call_id}/labels": Row(Audience.CONCERNED, _OF_PRINCIPAL),
    "GET /api/v1/calls/{call_id}/explanation": Row(Audience.CONCERNED, "calls of their organization"),
    "GET /api/v1/tool-decisions/keys": Row(Audience.KNOWN),
    "GET /api/v1/cases": Row(Audience.CONCERNED, "overseers all, others what stopped them or whom they answer for"),
    "GET /api/v1/cases/signals": Row(Audience.KNOWN),
    "GET /api/v1/cases/report": Row(Audience.OVERSEERS),
    "GET /api/v1/cases/{case_id}": Row(Audience.CONCERNED, "as the list"),
    "GET /api/v1/honeytokens": Row(Audience.OVERSEERS),
    "GET /api/v1/appeals": Row(Audience.CONCERNED, "trust and safety all, others those of their organization"),
    "GET /api/v1/usage/outcomes": Row(Audience.PARTIES),
    "GET /api/v1/telemetry": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/telemetry/{digest}/dead-letters": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/events/{event_id}": Row(Audience.CONCERNED, _OF_OWNER),
    "POST /api/v1/hunts": Row(Audience.CONCERNED, _OF_OWNER),
    "POST /api/v1/hunts/rules": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/hunts/columns": Row(Audience.KNOWN),
    "GET /api/v1/incidents": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/incidents/{incident_id}": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/incidents/{incident_id}/finding": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/incidents/{incident_id}/alerts/findings": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/incidents/{incident_id}/claims": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/incidents/{incident_id}/report": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/incidents/{incident_id}/candidates": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/anomalies": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/incident-regroupings": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/model-assets": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/rules": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/rules/collections": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/rules/coverage": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/rules/tune-outs": Row(Audience.CONCERNED, _OF_OWNER),
    "GET /api/v1/actions": Row(Audience.PARTIES, "the partner's people all, others those they vote on"),
    "GET /api/v1/actions/{action_id}": Row(Audience.PARTIES, "as the list"),
    "GET /api/v1/logs": Row(Audience.LOG, "the parties all, others the joint log"),
    "GET /api/v1/logs/entries": Row(Audience.CONCERNED, "of logs that they read whole, else those that name them"),
    "GET /api/v1/logs/entries/{entry_id}": Row(Audience.CONCERNED, "as the list"),
    "GET /api/v1/logs/entries/{entry_id}/proof": Row(Audience.CONCERNED, "as the list"),
    "GET /api/v1/logs/verify": Row(Audience.OVERSEERS),
    "GET /api/v1/logs/export": Row(Audience.LOG, "logs that they read whole"),
    "GET /api/v1/logs/report": Row(Audience.LOG, "logs that they read whole"),
    "GET /api/v1/logs/openings": Row(Audience.CONCERNED, "what they asked for or vote on; overseers all"),
    "GET /api/v1/logs/holds": Row(Audience.LOG),
    "GET /api/v1/logs/destructions": Row(Audience.LOG),
    "GET /api/v1/logs/destructions/{order_id}": Row(Audience.LOG),
    "GET /api/v1/promises": Row(Audience.AGREEMENT),
    "GET /log/{origin:path}/checkpoint": Row(Audience.LOG, "logs that they read whole"),
    "GET /log/{origin:path}/tile/{tile:path}": Row(Audience.LOG, "logs that they read whole"),
    "GET /log/{origin:path}/wrapped-keys/{after}": Row(Audience.LOG, "keys wrapped for their organization"),
    "GET /log/{origin:path}/payload/{entry_id}/{field}": Row(Audience.LOG, "fields sealed for their organization"),
    "POST /access/v1/evaluation": Row(Audience.CONCERNED, "about oneself; administrators about everybody"),
    "POST /access/v1/evaluations": Row(Audience.CONCERNED, "about oneself; administrators about everybody"),
}
"""By method and path, as the routers have them."""
