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
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from safeconduct.gateway.arriving import Arrival, identify
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
from safeconduct.http.arrivals import said_in
from safeconduct.http.asgi import App, Receive, Scope, Send
from safeconduct.http.call_bodies import CallBodies, declared_bytes
from safeconduct.http.call_client import HTTPClient
from safeconduct.http.call_errors import JSON, answer, answer_error
from safeconduct.http.connection import KEY, BoundedConnection
from safeconduct.http.holding import HELD, Holding
from safeconduct.http.proofs import CallDocument, CallProofs
from safeconduct.http.whole import CYCLE
from safeconduct.kernel.errors import AbsentError, SafeconductError, UnavailableError
from safeconduct.kernel.ids import CallId, PathId
from safeconduct.runtime.calls import Calls

# What a path's routes speak, by their ends. A route that is not here makes no call.
_SPOKEN: Mapping[str, Dialect] = {
    "openai/v1/chat/completions": OPENAI_CHAT,
    "openai/v1/responses": OPENAI_RESPONSES,
    "openai/v1/embeddings": OPENAI_EMBEDDINGS,
    "anthropic/v1/messages": ANTHROPIC_MESSAGES,
    "anthropic/v1/messages/count_tokens": ANTHROPIC_COUNT,
}


class GatewayApp:
    """The inference routes in front of another ASGI app."""

    def __init__(self, calls: Calls, proofs: CallProofs, other: App) -> None:
        self._calls = calls
        self._bodies = CallBodies(calls)
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
                await answer_error(send, _no_route("anthropic"), dialect_of("anthropic"))
            case ["", "paths", _, *_]:  # whatever SDK it was, most read this form
                await answer_error(send, _no_route("openai"), dialect_of("openai"))
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
            await answer_error(send, error, dialect)
            return
        try:
            await work
        except SafeconductError as error:
            await answer_error(send, error, dialect)

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
        admitted = await self._bodies.admitted(arrival, client, declared_bytes(scope))
        body = await self._bodies.whole(scope, receive, admitted, arrival, client) if admitted else None
        if body is not None:
            await self._calls.run(arrival, body, client, admitted)

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

    async def _models(self, path: PathId, family: str, name: str, scope: Scope, send: Send) -> None:
        names = await self._calls.offered(await self._arrival(path, scope, dialect_of(family)), family)
        document = ONE[family](find_offered(names, name)) if name else MANY[family](names)
        await answer(send, 200, msgspec.json.encode(document), JSON)

    async def _of_call(self, document: CallDocument, call: CallId, scope: Scope, send: Send) -> None:
        arrival = await self._arrival(PathId(""), scope, OPENAI_CHAT)
        principal = await self._calls.in_force.allowed(partial(identify, arrival=arrival))
        told = await asyncio.to_thread(document, call, principal)
        await answer(send, 200, msgspec.json.encode(told), JSON)


def _no_route(family: str) -> AbsentError:
    base = "{path}/openai/v1" if family == "openai" else "{path}/anthropic"  # this SDK adds v1 by itself
    routes = ", ".join(sorted(route for route in _SPOKEN if route.startswith(f"{family}/")))
    return AbsentError(
        "there is no such route",
        code="route-unknown",
        remedy=f"an SDK's base URL ends in /paths/{base}; below a path there are {routes}, {family}/v1/models",
    )
