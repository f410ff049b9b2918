"""The inference routes as bare ASGI, below `/paths/{path}`, and `/calls/{call}/proof` and `/appeal`. The rest goes on.

    POST /paths/{path}/openai/v1/chat/completions
    POST /paths/{path}/openai/v1/responses
    POST /paths/{path}/openai/v1/embeddings
    POST /paths/{path}/anthropic/v1/messages
    POST /paths/{path}/anthropic/v1/messages/count_tokens
    GET  /paths/{path}/openai/v1/models
    GET  /paths/{path}/openai/v1/models/{model}
    GET  /paths/{path}/anthropic/v1/models
    GET  /paths/{path}/anthropic/v1/models/{model}
    GET  /calls/{call}/proof
    GET  /calls/{call}/appeal

Errors come in the shape of the route's dialect.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from safeconduct.access.model.stops import Restriction
from safeconduct.gateway.arriving import Admitted, Arrival, identify
from safeconduct.gateway.dialects.model import Dialect
from safeconduct.gateway.dialects.model_lists import MANY, ONE
from safeconduct.gateway.dialects.registry import (
    ANTHROPIC_COUNT,
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RESPONSES,
    dialect_of,
)
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.offered import find_offered
from safeconduct.gateway.prepared import Refusal
from safeconduct.http.arrivals import said_in
from safeconduct.http.asgi import App, Receive, Scope, Send
from safeconduct.http.connection import KEY, BoundedConnection
from safeconduct.http.holding import HELD, Holding
from safeconduct.http.problems import STATUS
from safeconduct.http.proofs import CallDocument, CallProofs
from safeconduct.http.whole import CYCLE, Cycle, answer_whole, head_of, whole_body
from safeconduct.kernel.errors import AbsentError, Kind, LimitedError, SafeconductError, UnavailableError
from safeconduct.kernel.ids import CallId, PathId
from safeconduct.kernel.ports import Receipt
from safeconduct.ledger.receipts import receipt_text
from safeconduct.runtime.calls import Calls

BODY_S = 30.0
"""Seconds that a request's body may take to arrive."""

_STATUS_BY_CODE: Mapping[str, int] = {
    "deadline-exceeded": 504,
    "upstream-timeout": 504,
    "wrong-content-type": 415,
    "content-encoding-not-taken": 415,
    "method-not-allowed": 405,
    "request-timeout": 408,
}
# What a path's routes speak, by their ends. A route that is not here makes no call.
_SPOKEN: Mapping[str, Dialect] = {
    "openai/v1/chat/completions": OPENAI_CHAT,
    "openai/v1/responses": OPENAI_RESPONSES,
    "openai/v1/embeddings": OPENAI_EMBEDDINGS,
    "anthropic/v1/messages": ANTHROPIC_MESSAGES,
    "anthropic/v1/messages/count_tokens": ANTHROPIC_COUNT,
}
_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


class GatewayApp:
    """The inference routes in front of another ASGI app."""

    def __init__(self, calls: Calls, proofs: CallProofs, other: App) -> None:
        self._calls = calls
        self._proofs = proofs
        self._other = other
        self._holding = Holding(calls.clock, calls.in_force.bound)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = scope["path"].split("/") if scope["type"] == "http" else []
        match parts:
            case ["", "paths", path, *route] if (dialect := _SPOKEN.get("/".join(route))) is not None:
                work = self._complete(PathId(path), dialect, scope, receive, send)
                await self._told(scope, send, "POST", work, dialect)
            case ["", "paths", path, "openai" | "anthropic" as family, "v1", "models", *name]:
                work = self._models(PathId(path), family, "/".join(name), scope, send)
                await self._told(scope, send, "GET", work, dialect_of(family))
            case ["", "calls", call, "proof" | "appeal" as wanted]:
                document = self._proofs.document if wanted == "proof" else self._proofs.appeal
                await self._told(scope, send, "GET", self._of_call(document, CallId(call), scope, send))
            case ["", "paths", _, "anthropic", *_]:
                await _answer_error(send, _no_route("anthropic"), dialect_of("anthropic"))
            case ["", "paths", _, *_]:  # whatever SDK it was, most read this form
                await _answer_error(send, _no_route("openai"), dialect_of("openai"))
            case _:
                scope[HELD] = partial(self._holding.of, scope)
                await self._other(scope, receive, send)

    async def _told(
        self,
        scope: Scope,
        send: Send,
        method: str,
        work: Any,  # noqa: ANN401 - a coroutine
        dialect: Dialect = OPENAI_CHAT,
    ) -> None:
        if scope["method"] != method:
            work.close()
            error = DialectError(f"expected {method}, got {scope['method']}", code="method-not-allowed")
            await _answer_error(send, error, dialect)
            return
        try:
            await work
        except SafeconductError as error:
            await _answer_error(send, error, dialect)

    async def _complete(self, path: PathId, dialect: Dialect, scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope.get(KEY)
        if not isinstance(connection, BoundedConnection):
            raise UnavailableError(
                "this server can't cut connections, so it serves no calls",
                code="connection-unbounded",
                remedy="serve with safeconduct serve",
            )
        client = HTTPClient(connection, scope[CYCLE], send, dialect)
        arrival = await self._arrival(path, scope, dialect, dialect.name)
        admitted = await self._admitted(arrival, client, _declared(scope))
        body = await self._body(scope, receive, admitted, arrival, client) if admitted else None
        if body is not None:
            await self._calls.run(arrival, body, client, admitted)

    async def _admitted(self, arrival: Arrival, client: "HTTPClient", size: int) -> Admitted | None:
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

    async def _arrival(self, path: PathId, scope: Scope, spoken: Dialect, dialect: str = "") -> Arrival:
        said, connection = said_in(scope, spoken), scope.get(KEY)
        said["client"] = (scope.get("client") or ("",))[0]
        if said.pop("proof", None) is None and not getattr(connection, "certificate", b""):
            return self._calls.arrival(path, dialect=dialect, **said)
        try:
            holds, unproven = await self._holding.of(scope, said.get("token", "")), None
        except UnavailableError:  # nobody knows what its token is bound to: that says nothing of the proof
            raise
        except SafeconductError as error:
            holds, unproven = (), error
        return self._calls.arrival(path, dialect=dialect, holds=holds, unproven=unproven, **said)

    async def _body(
        self, scope: Scope, receive: Receive, admitted: Admitted, arrival: Arrival, client: "HTTPClient"
    ) -> bytes | None:
        """Returns the whole body, or refuses: too large, too slow, or cut short by its sender."""
        whole = whole_body(scope[CYCLE], admitted.path.limits.request_bytes)
        if whole is not None:  # as most are
            return whole
        message: Mapping[str, Any] = {"more_body": True}
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

    async def _models(self, path: PathId, family: str, name: str, scope: Scope, send: Send) -> None:
        names = await self._calls.offered(await self._arrival(path, scope, dialect_of(family)), family)
        document = ONE[family](find_offered(names, name)) if name else MANY[family](names)
        await _answer(send, 200, msgspec.json.encode(document), _JSON)

    async def _of_call(self, document: CallDocument, call: CallId, scope: Scope, send: Send) -> None:
        arrival = await self._arrival(PathId(""), scope, OPENAI_CHAT)
        principal = await self._calls.in_force.allowed(partial(identify, arrival=arrival))
        told = await asyncio.to_thread(document, call, principal)
        await _answer(send, 200, msgspec.json.encode(told), _JSON)


MARKED_SHOWN_MAX = 16
"""Targets outside the scope that a header names: names are long, clients take headers of some 8 KB. The log has all."""


class HTTPClient:
    """`CallClient` over one ASGI request. The head of an answer of known length waits for its first bytes."""

    def __init__(self, connection: BoundedConnection, cycle: Cycle, send: Send, dialect: Dialect) -> None:
        self._connection = connection
        self._cycle = cycle
        self._send = send
        self._dialect = dialect
        self._aborted = False
        self._close = False
        self._told: list[tuple[bytes, bytes]] = []
        self._begun: tuple[str, int, Receipt] | None = None

    def restricted(self, restrictions: Sequence[Restriction], model: str) -> None:
        told = ", ".join(str(one) for one in restrictions).encode()
        self._told += [(b"safeconduct-restriction", told), (b"safeconduct-model", model.encode())]

    def marked(self, targets: Sequence[str]) -> None:
        more = len(targets) - MARKED_SHOWN_MAX
        shown = [*targets[:MARKED_SHOWN_MAX], *([f"{more} more"] if more > 0 else [])]
        self._told.append((b"safeconduct-targets-outside", ", ".join(shown).encode("ascii", "backslashreplace")))

    def hinted(self, families: Sequence[str]) -> None:
        self._told.append((b"safeconduct-hints", ", ".join(families).encode()))

    def altered(self, tokens: int) -> None:
        self._told.append((b"safeconduct-tokens-altered", b"%d" % tokens))

    def when_gone(self, told: Callable[[], object]) -> None:
        self._connection.when_lost(told)

    def close_after(self) -> None:
        """Ends the connection with the answer, because the request's rest is not read."""
        self._close = True

    async def head(self, content_type: str, length: int | None, intent: Receipt) -> None:
        if length is None or self._told:
            await self._begin(content_type, length, intent)
        else:
            self._begun = content_type, length, intent

    async def _begin(self, content_type: str, length: int | None, intent: Receipt) -> None:
        headers = [
            (b"content-type", content_type.encode()),
            (b"cache-control", b"no-store"),
            (b"safeconduct-call", intent.entry_id.encode()),
            (b"safeconduct-receipt", receipt_text(intent).encode()),
            *self._told,
        ]
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def send(self, data: bytes, *, last: bool) -> None:
        if self._aborted:
            return
        if last:
            self._connection.when_lost(None)
        if self._begun is not None:
            (content_type, length, intent), self._begun = self._begun, None
            if last:
                head = head_of(self._cycle, content_type, intent.entry_id, receipt_text(intent), length)
                await answer_whole(self._cycle, head, data)
                return
            await self._begin(content_type, length, intent)
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def error(self, error: SafeconductError, call: str, *, after_dispatch: bool) -> None:
        self._connection.when_lost(None)
        headers = [(b"safeconduct-call", call.encode())] if call else []
        headers += self._told
        if after_dispatch and error.kind is not Kind.LIMITED:
            # The upstream may have done its work: official clients must not repeat that by themselves.
            headers.append((b"x-should-retry", b"false"))
        if self._close:
            headers.append((b"connection", b"close"))
        await _answer_error(self._send, error, self._dialect, call, headers)

    def abort(self) -> None:
        self._aborted = True
        self._connection.abort()


def _declared(scope: Scope) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


def _late(admitted: Admitted) -> Refusal:
    error = DialectError(f"the body did not arrive in {BODY_S:.0f} s", code="request-timeout", remedy="send it at once")
    return Refusal(step=3, error=error, principal=admitted.principal, path=admitted.path)


def _truncated(admitted: Admitted) -> Refusal:
    error = DialectError("the connection ended within the body", code="request-truncated", remedy="send it whole")
    return Refusal(step=3, error=error, principal=admitted.principal, path=admitted.path)


def _no_route(family: str) -> AbsentError:
    base = "{path}/openai/v1" if family == "openai" else "{path}/anthropic"  # this SDK adds v1 by itself
    routes = ", ".join(sorted(route for route in _SPOKEN if route.startswith(f"{family}/")))
    return AbsentError(
        "there is no such route",
        code="route-unknown",
        remedy=f"an SDK's base URL ends in /paths/{base}; below a path there are {routes}, {family}/v1/models",
    )


async def _answer_error(
    send: Send,
    error: SafeconductError,
    dialect: Dialect,
    call: str = "",
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    status = _STATUS_BY_CODE.get(error.code, STATUS[error.kind])
    retry = _retry(error) if isinstance(error, LimitedError) else ()
    await _answer(send, status, dialect.error(error, call), [*_JSON, *retry, *(headers or ())])


def _retry(error: LimitedError) -> list[tuple[bytes, bytes]]:
    """Says when to ask again. Clients that do so by themselves must not where a budget is used up."""
    found = [] if error.retry_after_s is None else [(b"retry-after", b"%d" % error.retry_after_s)]
    return [*found, (b"x-should-retry", b"false")] if error.code == "budget-exhausted" else found


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
