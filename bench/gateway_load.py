"""The load of bench/gateway.py: so many connections, each asking again as soon as it was answered, for some seconds."""

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from itertools import count, islice

from bench.gateway_targets import Server

BODY_BYTES = 1064
LATE_S = 60.0
"""Seconds that the last answers may take: the slowest peer's 64 take five on a busy machine."""

_HEAD_END = b"\r\n\r\n"
_CHUNKS_END = b"\r\n0\r\n\r\n"


@dataclass
class Answers:
    """What came back, one number a call, in milliseconds."""

    total_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)  # to the first byte of the answer's body


async def load(server: Server, *, connections: int, stream: bool, seconds: float, calls: int | None = None) -> Answers:
    """Asks until the time is up, or so many calls were made.

    Raises:
        RuntimeError: an answer is no success, or a stream has no end.
        TimeoutError: one did not come LATE_S after all should be over.
    """
    answers, until = Answers(), time.monotonic() + seconds
    numbers = islice(count(), calls)

    async def ask_on() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for number in numbers:
            if time.monotonic() >= until:
                break
            writer.write(request(server, number, stream=stream))
            await _answer(reader, answers, stream=stream)
        writer.close()
        await writer.wait_closed()

    async with asyncio.timeout(seconds + LATE_S):
        await asyncio.gather(*(ask_on() for _ in range(connections)))
    return answers


def request(server: Server, number: int, *, stream: bool) -> bytes:
    """Returns a whole request of BODY_BYTES; each has another text."""
    document = {
        "model": server.model,
        "max_tokens": 64,
        "stream": stream,
        "messages": [{"role": "user", "content": ""}],
    }
    text = server.texts(number, BODY_BYTES - len(json.dumps(document)))
    document["messages"] = [{"role": "user", "content": text}]
    body = json.dumps(document).encode()
    return server.head(number, len(body)) + body


async def _answer(reader: asyncio.StreamReader, answers: Answers, *, stream: bool) -> None:
    asked = time.monotonic()
    head = await reader.readuntil(_HEAD_END)
    if stream:
        body = first = await reader.read(65_536)
        came = time.monotonic()
        while not body.endswith(_CHUNKS_END):
            more = await reader.read(65_536)
            body += more
            if not more:
                break
        good = first != b"" and b"data: [DONE]" in body
    else:
        came = time.monotonic()
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        body = await (reader.readexactly(int(length[1])) if length else reader.readuntil(_CHUNKS_END))
        good = True
    if not head.startswith(b"HTTP/1.1 200") or not good:
        raise RuntimeError(f"the call failed: {(head + body)[:1000]!r}")
    answers.total_ms.append((time.monotonic() - asked) * 1000)
    answers.first_ms.append((came - asked) * 1000)
