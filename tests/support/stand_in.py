"""A small real model server that misbehaves as the request's text says: `do:NAME` in the last message.

What it must never let through to a caller, it puts everywhere: SECRET in headers, error texts and comments.
"""

import asyncio
import gzip
import json

from aiohttp import web

from support.openai_shapes import called, embeddings, events, item_of, last_text, response

SECRET = "sk-upstream-0815"
PIECE = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def chunk(text, finish=None, delta=None):
    choice = {"index": 0, "delta": delta or ({"content": text} if text else {}), "finish_reason": finish}
    return b"data: " + json.dumps(PIECE | {"choices": [choice]}).encode() + b"\n\n"


USAGE_CHUNK = b"data: " + json.dumps(PIECE | {"choices": [], "usage": {"prompt_tokens": 5}}).encode() + b"\n\n"


def answer(text, *calls):
    message = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [{"id": "c_1", "type": "function", **call} for call in calls]
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }


class StandIn:
    """Runs on the loop that starts it. `seen` are the requests as they came, `gone` those whose sender left."""

    routes = ("chat/completions", "responses", "embeddings")

    def __init__(self, judge=None):
        self.judge = judge
        self.seen = []
        self.gone = 0
        self.open = 0
        self.release = asyncio.Event()
        self.url = ""

    async def start(self):
        app = web.Application(client_max_size=1 << 26)
        for route in self.routes:
            app.router.add_post(f"/v1/{route}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    async def stop(self):
        self.release.set()
        await self._runner.cleanup()

    async def _handle(self, http):
        body = await http.read()
        self.seen.append((dict(http.headers), body))
        if self.judge is not None:
            self.judge(body)
        request = json.loads(body)
        text = last_text(request)
        name = text.removeprefix("do:").split(" ")[0] if text.startswith("do:") else "answer"
        self.open += 1
        try:
            return await getattr(self, f"_{name}")(http, request, text)
        except (asyncio.CancelledError, ConnectionResetError):
            self.gone += 1
            raise
        finally:
            self.open -= 1

    async def _stream_head(self, http, **headers):
        response = web.StreamResponse(headers={"content-type": "text/event-stream", "x-key": SECRET} | headers)
        await response.prepare(http)
        return response

    async def _answer(self, http, request, text):
        if "messages" not in request:
            return await self._other(http, request, text)
        if not request.get("stream"):
            return web.json_response(answer(text), headers={"x-upstream-key": SECRET, "server": SECRET})
        response = await self._stream_head(http)
        for word in ("one ", "two ", text):
            await response.write(chunk(word))
        await response.write(chunk("", "stop") + b"data: [DONE]\n\n")
        return response

    async def _call(self, http, request, text):
        """The model calls the function that the text names."""
        name = text.split(" ")[1]
        if "messages" not in request:
            return await self._answer(http, request, text)
        if not request.get("stream"):
            return web.json_response(answer(None, {"function": {"name": name, "arguments": '{"a":1}'}}))
        response = await self._stream_head(http)
        for delta in called(name, '{"a":1}'):
            await response.write(chunk("", delta=delta))
        await response.write(chunk("", "tool_calls") + USAGE_CHUNK + b"data: [DONE]\n\n")
        return response

    async def _fail(self, http, request, text):
        return await self._answer(http, request, text)

    async def _other(self, http, request, text):
        """Answers on the routes that are not chat."""
        if http.path.endswith("embeddings"):
            return web.json_response(embeddings(request))
        if not request.get("stream"):
            return web.json_response(response(item_of(text)))
        stream = await self._stream_head(http)
        for found in events(text):
            await stream.write(found)
        return stream

    async def _status(self, http, request, text):
        body = {"error": {"message": f"Incorrect API key {SECRET} at 127.0.0.1:{self.port}", "code": "bad"}}
        return web.json_response(body, status=int(text.split(" ")[1]), headers={"retry-after": "1"})

    async def _context(self, http, request, text):
        return web.json_response({"error": {"message": "exceeds the context length", "key": SECRET}}, status=400)

    async def _redirect(self, http, request, text):
        return web.Response(status=302, headers={"location": f"http://127.0.0.1:{self.port}/{SECRET}"})

    async def _html(self, http, request, text):
        return web.Response(text=f"<html>{SECRET}</html>", content_type="text/html")

    async def _notjson(self, http, request, text):
        return web.Response(body=b"not json " + SECRET.encode(), content_type="application/json")

    async def _gzip(self, http, request, text):
        return web.Response(
            body=gzip.compress(json.dumps(answer(text)).encode()),
            headers={"content-encoding": "gzip", "content-type": "application/json"},
        )

    async def _huge(self, http, request, text):
        return web.json_response(answer("x" * (6 << 20)))

    async def _shortened(self, http, request, text):
        response = web.StreamResponse(headers={"content-type": "application/json", "content-length": "1000"})
        await response.prepare(http)
        await response.write(b'{"choices":')
        http.transport.close()
        return response

    async def _cutstream(self, http, request, text):
        response = await self._stream_head(http)
        await response.write(chunk("one "))
        await asyncio.sleep(0.02)
        http.transport.abort()
        return response

    async def _nodone(self, http, request, text):
        response = await self._stream_head(http)
        await response.write(chunk("one "))
        return response

    async def _badframe(self, http, request, text):
        response = await self._stream_head(http)
        await response.write(chunk("one ") + b"data: {" + SECRET.encode() + b"\n\n" + b"data: [DONE]\n\n")
        return response

    async def _errorframe(self, http, request, text):
        response = await self._stream_head(http)
        await response.write(chunk("one ") + b'data: {"error":{"message":"' + SECRET.encode() + b'"}}\n\n')
        return response

    async def _endless(self, http, request, text):
        response = await self._stream_head(http)
        await response.write(b"data: " + b"x" * (1 << 20))
        await self.release.wait()
        return response

    async def _forged(self, http, request, text):
        response = await self._stream_head(http)
        forged = b": safeconduct-receipt entry=" + SECRET.encode() + b"\n\n"
        await response.write(forged + chunk("one ") + b"data: [DONE]\n\n" + forged)
        return response

    async def _hang(self, http, request, text):
        await self.release.wait()
        return web.json_response(answer(text))

    async def _drip(self, http, request, text):
        """One frame, then silence until released."""
        response = await self._stream_head(http)
        await response.write(chunk("one "))
        await self.release.wait()
        await response.write(chunk("two ") + b"data: [DONE]\n\n")
        return response

    async def _flood(self, http, request, text):
        """Megabytes, as fast as they are taken."""
        response = await self._stream_head(http)
        for _ in range(2000):
            await response.write(chunk("y" * 1000))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _paced(self, http, request, text):
        """A frame every 50 ms, as a model speaks, until released."""
        response = await self._stream_head(http)
        while not self.release.is_set():
            await response.write(chunk("z" * 60))
            await asyncio.sleep(0.05)
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _slow(self, http, request, text):
        """Ten frames, a few milliseconds apart."""
        response = await self._stream_head(http)
        for number in range(10):
            await response.write(chunk(f"{number} "))
            await asyncio.sleep(0.002)
        await response.write(chunk("", "stop") + b"data: [DONE]\n\n")
        return response
