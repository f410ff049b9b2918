"""Both ends of a call, scripted: an upstream that does as told, and a client that can be slow or leave."""

import asyncio
import json

from safeconduct.gateway.moves import UpstreamHead
from safeconduct.gateway.ports import Ask, UpstreamFacts
from safeconduct.gateway.providers import Configured
from safeconduct.kernel.errors import UpstreamError

ANSWER = b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5}}'
CHUNK = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
JSON_HEAD = UpstreamHead(200, "application/json")
STREAM_HEAD = UpstreamHead(200, "text/event-stream")


def request(model="smollm2-135m", text="hello", **fields) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": text}], **fields}).encode()


def ask(body=None, *, model="smollm2-135m", stream=False, dialect="openai.chat", **more) -> Ask:
    return Ask(dialect=dialect, model=model, body=request() if body is None else body, stream=stream, **more)


def configured(facts=None, *, name="local", names=None):
    """Returns one upstream that runs, by default one of which nothing is stated."""
    facts = facts or UpstreamFacts(vendor="scripted", dialects=frozenset(("openai.chat",)))
    return {name: Configured(facts=facts, names=names or {})}


class Wait:
    """A step at which the upstream says nothing until `go`."""

    def __init__(self):
        self.reached = asyncio.Event()
        self.go = asyncio.Event()


class ScriptedUpstream:
    """Each exchange plays the script: a head, bytes, errors to raise, and waits; it ends where the script does."""

    facts = UpstreamFacts(vendor="scripted", dialects=frozenset(("openai.chat",)))

    def __init__(self, *script):
        self.script = script
        self.exchanges = []

    def exchange(self, ask):
        exchange = ScriptedExchange(ask.body, ask.stream, list(self.script))
        self.exchanges.append(exchange)
        return exchange


class ScriptedExchange:
    def __init__(self, body, stream, script):
        self.body, self.stream, self.script = body, stream, script
        self.closed = False

    async def _next(self):
        while self.script:
            step = self.script.pop(0)
            if isinstance(step, Wait):
                step.reached.set()
                await step.go.wait()
            elif isinstance(step, UpstreamError):
                raise step
            else:
                return step
        return b""

    async def head(self):
        return await self._next()

    async def read(self):
        return await self._next()

    def close(self):
        self.closed = True


class ScriptedClient:
    """Keeps what it was handed. With `gate` it takes bytes only while the gate is open, like a full transport."""

    def __init__(self, *, gate=None):
        self.gate = gate
        self.blocked = asyncio.Event()
        self.status = None
        self.receipt = None
        self.data = b""
        self.ended = False
        self.aborted = False
        self.failure = None
        self.call = None
        self._released = asyncio.Event()
        self.gone = None

    def when_gone(self, told):
        self.gone = told

    def restricted(self, restrictions, model):
        assert self.status is None

    def altered(self, tokens):
        assert self.status is None

    async def head(self, content_type, length, intent):
        assert not self.aborted
        self.status, self.call, self.receipt = 200, intent.entry_id, intent

    async def send(self, data, *, last):
        if self.gate is not None and not self.gate.is_set():
            self.blocked.set()
            waits = [asyncio.ensure_future(event.wait()) for event in (self.gate, self._released)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        if not self.aborted:
            self.data += data
            self.ended = last

    async def error(self, error, call, *, after_dispatch):
        assert self.status is None
        assert self.failure is None
        self.failure, self.call, self.ended = error, call, True

    def abort(self):
        self.aborted = True
        self._released.set()
