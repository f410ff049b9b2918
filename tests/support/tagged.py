"""Model servers whose answers bear the tag of their request, in small pieces that other calls come between."""

import asyncio
import json
import re

from aiohttp import web

from support.anthropic_stand_in import USAGE, AnthropicStandIn, event
from support.openai_shapes import events, item_of, last_text, response
from support.stand_in import StandIn, answer, chunk

TAG = re.compile(rb"tag-(\d{7})-")
PIECES = 5


def tag_of(number):
    """Returns the text of a request. Long enough that streams run beside each other."""
    return f"tag-{number:07}-"


class TaggedStandIn(StandIn):
    """Speaks OpenAI's dialects."""

    def __init__(self):
        super().__init__(None)

    async def _handle(self, http):
        request = json.loads(await http.read())
        tag = last_text(request)
        await asyncio.sleep(0)
        if http.path.endswith("embeddings"):
            data = [{"object": "embedding", "index": 0, "embedding": tag}]
            return web.json_response({"object": "list", "data": data, "model": tag, "usage": {"prompt_tokens": 1}})
        responses = http.path.endswith("responses")
        if not request.get("stream"):
            return web.json_response(response(item_of(tag)) if responses else answer(tag) | {"id": tag})
        pieces = events(tag) if responses else [chunk(tag)] * PIECES + [chunk("", "stop"), b"data: [DONE]\n\n"]
        return await _written(await self._stream_head(http), pieces)


class TaggedAnthropic(AnthropicStandIn):
    """Speaks Anthropic's. A count is the tag's number."""

    def __init__(self):
        super().__init__(None)

    async def _handle(self, http):
        request = json.loads(await http.read())
        tag = _said(request)
        await asyncio.sleep(0)
        if http.path.endswith("count_tokens"):
            return web.json_response({"input_tokens": int(tag.split("-")[1])})
        text = {"type": "text", "text": tag}
        message = {"id": tag, "type": "message", "role": "assistant", "model": request["model"], "content": [text],
                   "stop_reason": "end_turn", "stop_sequence": None, "usage": USAGE}  # fmt: skip
        if not request.get("stream"):
            return web.json_response(message)
        return await _written(await self._stream_head(http), _events(message, tag))


def _said(request):
    content = request["messages"][-1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def _events(message, tag):
    yield event("message_start", message=message | {"content": [], "stop_reason": None})
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for _ in range(PIECES):
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": tag})
    yield event("content_block_stop", index=0)
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    yield event("message_delta", delta=ended, usage=USAGE) + event("message_stop")


async def _written(response, pieces):
    for piece in pieces:
        await response.write(piece)
        await asyncio.sleep(0)
    return response
