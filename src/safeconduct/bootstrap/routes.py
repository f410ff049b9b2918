"""The routers of the control API, in the order of the OpenAPI page."""

from safeconduct.http import copies, lists, log
from safeconduct.http.control import (
    calls,
    destructions,
    freezes,
    holds,
    log_keys,
    logs,
    openings,
    programs,
    promises,
    reports,
    response,
    standing,
    status,
    telemetry,
    tokens,
    triage,
)

ROUTERS = (
    programs.router,
    standing.router,
    tokens.router,
    freezes.router,
    calls.router,
    telemetry.router,
    triage.router,
    response.router,
    status.router,
    reports.router,
    logs.router,
    promises.router,
    openings.router,
    holds.router,
    destructions.router,
    log_keys.router,
    log.router,
    copies.router,
    lists.router,
)
