"""Whether a call may send its body, and the whole of it: in time, within its path's limit, or refused."""

import asyncio

from safeconduct.gateway.arriving import Admitted, Arrival
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.prepared import Refusal
from safeconduct.http.asgi import Receive, Scope
from safeconduct.http.call_client import HTTPClient
from safeconduct.http.whole import CYCLE, whole_body
from safeconduct.kernel.errors import UnavailableError
from safeconduct.runtime.calls import Calls

BODY_S = 30.0
"""Seconds that a request's body may take to arrive."""


def declared_bytes(scope: Scope) -> int:
    """Returns the size that a request says its body has; 0 where it says none."""
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


class CallBodies:
    """Reads the bodies of one process' calls; what `calls` does not admit is never read."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def admitted(self, arrival: Arrival, client: HTTPClient, size: int) -> Admitted | None:
        """Steps 1 and 2, and a body's size. Where they refuse, that is told and on record, and no body is read."""
        try:
            admitted = await self._calls.admit(arrival, size)
        except UnavailableError as error:
            client.close_after()
            await client.error(error, "", after_dispatch=False)
            return None
        if isinstance(admitted, Admitted):
            return admitted
        client.close_after()
        await self._calls.refusals.tell(admitted, arrival, b"", client)
        return None

    async def whole(
        self, scope: Scope, receive: Receive, admitted: Admitted, arrival: Arrival, client: HTTPClient
    ) -> bytes | None:
        """Returns the whole body, or refuses: too large, too slow, or cut short by its sender."""
        whole = whole_body(scope[CYCLE], admitted.path.limits.request_bytes)
        if whole is not None:  # as most are
            return whole
        message: Scope = {"more_body": True}
        body = b""
        found: Admitted | Refusal = admitted
        try:
            async with asyncio.timeout(BODY_S):
                while isinstance(found, Admitted) and message.get("more_body"):
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > found.path.limits.request_bytes:
                        found = await self._calls.admit(arrival, len(body))
        except TimeoutError:
            found = _late(admitted)
        if isinstance(found, Admitted) and message["type"] == "http.disconnect":
            found = _truncated(admitted)
        if isinstance(found, Admitted):
            return body
        client.close_after()
        await self._calls.refusals.tell(found, arrival, body, client)
        return None


def _late(admitted: Admitted) -> Refusal:
    error = DialectError(f"the body did not arrive in {BODY_S:.0f} s", code="request-timeout", remedy="send it at once")
    return Refusal(step=3, error=error, principal=admitted.principal, path=admitted.path)


def _truncated(admitted: Admitted) -> Refusal:
    error = DialectError("the connection ended within the body", code="request-truncated", remedy="send it whole")
    return Refusal(step=3, error=error, principal=admitted.principal, path=admitted.path)
