"""A model server that puts what nobody may learn wherever it can: everywhere in an HTTP answer but in the answer."""

import asyncio
import json

from support.anthropic_stand_in import TEXT, USAGE, event
from support.openai_shapes import events, item_of, response
from support.stand_in import SECRET, USAGE_CHUNK, answer, chunk

LEAKS = (SECRET, "10.9.8.7", "gpu-17.internal.example", "0.000042 USD", "tag-9999999-", "tenant-blue")
"""A key, an address, a host, a price, another caller's tag, another tenant's name."""

LEAK = " ".join(LEAKS)
_NAMES = (
    "server via x-upstream-host x-api-key x-cost x-request-id openai-organization anthropic-organization-id set-cookie"
    " location www-authenticate retry-after x-ratelimit-remaining-tokens cf-ray safeconduct-call safeconduct-receipt"
    " x-should-retry warning link"
)
_HEADERS = "".join(f"{name}: {LEAK}\r\n" for name in _NAMES.split())
_ERROR = json.dumps({"type": "error", "request_id": LEAK, "error": {"type": LEAK, "code": LEAK, "message": LEAK}})
_MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [TEXT],
            "stop_reason": "end_turn", "stop_sequence": None, "usage": USAGE}  # fmt: skip

STATUSES = (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503, 529, 302, 204)
WHOLE = ("good", "error-in-200", "garbage", "other-type", *(f"status-{status}" for status in STATUSES))
STREAMED = (*WHOLE, "failing", "broken-off")


class Leaky:
    """Runs on the loop that starts it. The mode is the last word of the request's text."""

    def __init__(self):
        self.judge = None

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    async def stop(self):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
        mode = next(mode for mode in STREAMED if f"do:{mode} ".encode() in body)
        route, stream = head.split(" ")[1], b'"stream": true' in body or b'"stream":true' in body
        writer.write(_answer(route, mode, stream=stream))
        await writer.drain()
        writer.close()


def _answer(route, mode, *, stream):
    if mode.startswith("status-"):
        return _framed(int(mode.split("-")[1]), "application/json", [_ERROR.encode()])
    if mode == "error-in-200":
        return _framed(200, "application/json", [_ERROR.encode()])
    if mode == "garbage":
        return _framed(
            200, "text/event-stream" if stream else "application/json", [b"data: {" + LEAK.encode() + b"\n\n"]
        )
    if mode == "other-type":
        return _framed(200, f"text/html; charset={LEAK}", [_ERROR.encode()])
    if not stream:
        return _framed(200, f'application/json; note="{LEAK}"', [json.dumps(_whole(route)).encode()])
    pieces = [_outside(piece) for piece in _pieces(route)]
    if mode == "failing":
        pieces[-1:] = [b"event: error\ndata: " + _ERROR.encode() + b"\n\n"]
    sent = _framed(200, f'text/event-stream; note="{LEAK}"', [*pieces, _outside(b"data: " + LEAK.encode() + b"\n\n")])
    return sent[: sent.index(pieces[-1])] if mode == "broken-off" else sent


def _framed(status, content_type, pieces):
    """Returns an answer in chunks, with leaks in the reason, the headers, the chunks' extensions and the trailer."""
    head = f"HTTP/1.1 {status} {LEAK}\r\n{_HEADERS}content-type: {content_type}\r\n"
    if status == 204:
        return f"{head}\r\n".encode()
    chunks = b"".join(b"%x;note=%b\r\n%b\r\n" % (len(piece), _quoted(), piece) for piece in pieces)
    ending = f"0\r\nx-trailer: {LEAK}\r\n\r\n".encode()
    return f"{head}transfer-encoding: chunked\r\n\r\n".encode() + chunks + ending


def _quoted():
    return b'"' + LEAK.encode() + b'"'


def _outside(frame):
    """Adds what a frame of server-sent events may hold besides its data."""
    leak = LEAK.encode()
    return b": " + leak + b"\n\nid: " + leak + b"\nretry: 1\n: " + leak + b"\nx: " + leak + b"\n" + frame


def _whole(route):
    if route.endswith("embeddings"):
        return {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}], "model": "m"}
    if route.endswith("count_tokens"):
        return {"input_tokens": 7}
    if route.endswith("messages"):
        return _MESSAGE
    return response(item_of("one")) if route.endswith("responses") else answer("one")


def _pieces(route):
    if route.endswith("responses"):
        return list(events("one"))
    if route.endswith("completions"):
        return [chunk("one"), chunk("", "stop"), USAGE_CHUNK, b"data: [DONE]\n\n"]
    block = {"index": 0}
    return [
        event("message_start", message=_MESSAGE | {"content": [], "stop_reason": None}),
        event("content_block_start", **block, content_block={"type": "text", "text": ""}),
        event("content_block_delta", **block, delta={"type": "text_delta", "text": "one"}),
        event("content_block_stop", **block),
        event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=USAGE),
        event("message_stop"),
    ]
