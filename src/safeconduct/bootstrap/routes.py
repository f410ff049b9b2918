"""The routers of the control API, in the order of the OpenAPI page."""

from safeconduct.http import lists
from safeconduct.http.control import freezes, programs, response, standing, status, telemetry, tokens, triage

ROUTERS = (
    programs.router,
    standing.router,
    tokens.router,
    freezes.router,
    telemetry.router,
    triage.router,
    response.router,
    status.router,
    lists.router,
)
