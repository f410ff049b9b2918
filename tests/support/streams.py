"""Many running streams, read at their sockets: what arrived, and when."""

import asyncio
import re
import socket
import time
from dataclasses import dataclass

from support.call_ends import request
from support.gateway_world import PATH
from support.patience import PATIENCE_S
from support.wire import post

SLOW_PAUSE_S = 0.05
FLOWING_S = 0.2
SLOW_BYTES = 8192
_RECEIPT = re.compile(rb": safeconduct-receipt [^\n]*\n\n$")


@dataclass
class Reader:
    """One caller of a stream. A slow one has a small receive buffer, and takes SLOW_BYTES every SLOW_PAUSE_S."""

    text: str
    slow: bool = False
    received: bytes = b""
    last_at: float = 0.0
    ended: bool = False

    async def run(self, port, token, *, host="127.0.0.1"):
        loop, connection = asyncio.get_running_loop(), socket.socket()
        if self.slow:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, (host, port))
            body = request(stream=True, text=self.text, max_tokens=1000)
            await loop.sock_sendall(connection, post(token, body, path=f"/paths/{PATH}/openai/v1/chat/completions"))
            while data := await self._read(loop, connection):
                self.received += data
                self.last_at = time.monotonic()
        except ConnectionError:
            pass  # a cut shows as a reset
        finally:
            self.ended = True
            connection.close()

    async def _read(self, loop, connection):
        if self.slow:
            await asyncio.sleep(SLOW_PAUSE_S)
        return await loop.sock_recv(connection, SLOW_BYTES if self.slow else 65536)

    @property
    def begun(self):
        return self.received.count(b"\n\n") > 1

    @property
    def body(self):
        """The answer's body as far as it came, without its chunked framing and our receipt."""
        return _RECEIPT.sub(b"", body_of(self.received))


def body_of(received):
    """Returns as much of a chunked body as came."""
    rest, found = received.partition(b"\r\n\r\n")[2], []
    while rest:
        size, end, rest = rest.partition(b"\r\n")
        if not end or not size:
            break
        found.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return b"".join(found)


def flowing(readers):
    """Tells whether most of them got something just now: a freeze of streams that stand still shows nothing."""
    return sum(time.monotonic() - reader.last_at < FLOWING_S for reader in readers) > len(readers) / 2


async def frozen_midway(port, token, texts, freeze, *, slow="do:flood", patience_s=PATIENCE_S):
    """Starts a stream for each text and one slow reader, awaits `freeze(readers)` when all run, and reads to the end.

    Returns the readers, the slow one last, and when the freeze was ordered.
    """
    readers = [*(Reader(text) for text in texts), Reader(slow, slow=True)]
    async with asyncio.timeout(patience_s), asyncio.TaskGroup() as tasks:
        for reader in readers:
            tasks.create_task(reader.run(port, token))
        while not (all(reader.begun for reader in readers) and flowing(readers)):
            await asyncio.sleep(0.01)
        ordered_at = time.monotonic()
        await freeze(readers)
    return readers, ordered_at
