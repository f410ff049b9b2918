"""The routers of the control API, in the order of the OpenAPI page."""

from safeconduct.http.control import freezes, programs, standing, status, telemetry, tokens

ROUTERS = (programs.router, standing.router, tokens.router, freezes.router, telemetry.router, status.router)
