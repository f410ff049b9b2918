"""The witness's one route, as a bare ASGI app: POST /add-checkpoint (C2SP tlog-witness)."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.witness import REQUEST_BYTES_MAX, WitnessAnswer

_Message = MutableMapping[str, Any]


class WitnessApp:
    """Hands request bodies to a witness. `add_checkpoint` may block; it runs in a thread."""

    def __init__(self, add_checkpoint: Callable[[bytes], WitnessAnswer]) -> None:
        self._add_checkpoint = add_checkpoint

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        answer = await self._answer(scope, receive)
        body = answer.body.encode()
        headers = [(b"content-type", answer.content_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: _Message, receive: Callable[[], Awaitable[_Message]]) -> WitnessAnswer:
        if scope["path"] != "/add-checkpoint":
            return WitnessAnswer(404, "a witness serves POST /add-checkpoint\n")
        if scope["method"] != "POST":
            return WitnessAnswer(405, "expected POST\n")
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return WitnessAnswer(400, "the request was cut off\n")
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > REQUEST_BYTES_MAX:
                return WitnessAnswer(400, f"a request has at most {REQUEST_BYTES_MAX} bytes\n")
        try:
            return await asyncio.to_thread(self._add_checkpoint, bytes(body))
        except SafeconductError as error:
            return WitnessAnswer(503, f"{error.message}\n")
