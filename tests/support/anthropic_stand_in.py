"""A small real model server that speaks Anthropic's messages, and a gateway's client for it.

The request's last text says what it does: `do:NAME`. What it must never let through stands in headers and error texts.
"""

import json

from aiohttp import web

from safeconduct.adapters.models.anthropic import AnthropicWire
from safeconduct.adapters.models.http_upstream import HTTPUpstream
from safeconduct.gateway.ports import UpstreamFacts
from support.programs import demo_program
from support.stand_in import SECRET, StandIn

ALL_DIALECTS = b"    dialects: [openai.chat, anthropic.messages, anthropic.count-tokens]\n"
USAGE = {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 2}
TEXT = {"type": "text", "text": "one two"}
CALL = {"type": "tool_use", "id": "call_1", "name": "look", "input": {"where": "here"}}


def program():
    """Returns the demo's program with a path that takes both dialects and one function."""
    opened = demo_program().replace(b"    upstream: local\n", b"    upstream: local\n" + ALL_DIALECTS)
    return opened.replace(b"    tools: []\n", b"    tools: [look]\n")


def anthropic_client(url, secret):
    """Returns an upstream that asks the stand-in in its dialect."""
    wire = AnthropicWire(url.removesuffix("/v1"))
    return HTTPUpstream(UpstreamFacts(vendor="anthropic", dialects=wire.dialects), wire, lambda: secret)


def event(kind, **members):
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | members)}\n\n".encode()


class AnthropicStandIn(StandIn):
    """Runs on the loop that starts it. `seen` are the requests as they came."""

    routes = ("messages", "messages/count_tokens")

    async def _handle(self, http):
        body = await http.read()
        self.seen.append((dict(http.headers), body))
        request = json.loads(body)
        if http.path.endswith("count_tokens"):
            return web.json_response({"input_tokens": 12})
        last = request["messages"][-1]["content"]
        text = last if isinstance(last, str) else str(last[-1].get("text", ""))
        content, stop = ([TEXT, CALL], "tool_use") if text == "do:call" else ([TEXT], "end_turn")
        if text == "do:refuse":
            content, stop = [], "refusal"
        if text.startswith("do:status"):
            error = {"type": "error", "error": {"type": "api_error", "message": f"key {SECRET}"}}
            return web.json_response(error, status=int(text.split(" ")[1]))
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": request["model"], "content": content,
                   "stop_reason": stop, "stop_sequence": None, "usage": USAGE}  # fmt: skip
        if not request.get("stream"):
            return web.json_response(message, headers={"x-key": SECRET})
        return await self._stream(http, message, broken=text == "do:break")

    async def _stream(self, http, message, *, broken):
        response = await self._stream_head(http)
        await response.write(event("message_start", message=message | {"content": [], "stop_reason": None}))
        await response.write(event("ping"))
        for index, block in enumerate(message["content"]):
            empty = {"text": ""} if block["type"] == "text" else {"input": {}}
            await response.write(event("content_block_start", index=index, content_block=block | empty))
            said = block.get("text") or json.dumps(block["input"])
            for piece in (said[:4], said[4:]):
                kind = {"text": ("text_delta", "text"), "tool_use": ("input_json_delta", "partial_json")}[block["type"]]
                await response.write(event("content_block_delta", index=index, delta={"type": kind[0], kind[1]: piece}))
            await response.write(event("content_block_stop", index=index))
        if broken:
            await response.write(event("error", error={"type": "overloaded_error", "message": SECRET}))
            return response
        ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        await response.write(event("message_delta", delta=ended, usage=USAGE) + event("message_stop"))
        return response
