"""Requests that came whole and answers that go whole, past the messages of ASGI: nearly every call of a model.

What uvicorn does message by message for a request of any form - waiting for parts, framing, looking through each header
for what would split it - is known beforehand of these, and is half of what a server costs a call.
"""

from typing import Any, Protocol

CYCLE = "safeconduct.cycle"
"""Where a request's scope holds uvicorn's state of it."""

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncache-control: no-store\r\n"
    b"safeconduct-call: %b\r\nsafeconduct-receipt: %b\r\ncontent-length: %d\r\n%b\r\n"
)
_CLOSE = b"connection: close\r\n"


class Cycle(Protocol):
    """uvicorn's `RequestResponseCycle`, as far as it is used here."""

    transport: Any
    flow: Any
    message_event: Any
    body: bytearray
    more_body: bool
    disconnected: bool
    keep_alive: bool
    response_started: bool
    response_complete: bool
    on_response: Any


def whole_body(cycle: Cycle, most: int) -> bytes | None:
    """Takes a request's body if all of it came and it has at most so many bytes.

    Else None: it has to be waited for, its sender is gone, or it is too large, however it is framed.
    """
    if cycle.more_body or cycle.disconnected or len(cycle.body) > most:
        return None
    cycle.flow.resume_reading()  # a large one paused it: that its sender leaves is read, too
    body, cycle.body = bytes(cycle.body), bytearray()
    return body


def head_of(cycle: Cycle, content_type: str, call: str, receipt: str, length: int) -> bytes:
    """Returns the head of a good answer. All values are ours, ids, base64 and names of types: none splits it."""
    close = b"" if cycle.keep_alive else _CLOSE
    return _HEAD % (content_type.encode(), call.encode(), receipt.encode(), length, close)


async def answer_whole(cycle: Cycle, head: bytes, body: bytes) -> None:
    """Writes a whole answer at once, when the connection takes more; nothing where its reader is gone.

    Raises:
        RuntimeError: it was answered before.
    """
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    if cycle.response_started:
        raise RuntimeError("a request is answered once")
    cycle.response_started = cycle.response_complete = True
    cycle.transport.write(head + body)
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
