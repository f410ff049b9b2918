"""Requests that came whole and answers that go whole, as uvicorn's state of them says."""

import asyncio
from types import SimpleNamespace

import pytest

from safeconduct.http.whole import answer_whole, head_of, whole_body


class Transport:
    def __init__(self):
        self.written, self.closed = b"", False

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True


def cycle(body=b"{}", **state):
    """Returns uvicorn's state of a request that came whole; `told` is what became of it."""
    told = []

    async def drain():
        told.append("drained")

    flow = SimpleNamespace(write_paused=False, drain=drain, resume_reading=lambda: told.append("reading"))
    fields = {"more_body": False, "disconnected": False, "keep_alive": True}
    started = {"response_started": False, "response_complete": False}
    return SimpleNamespace(
        transport=Transport(),
        flow=flow,
        message_event=asyncio.Event(),
        body=bytearray(body),
        on_response=lambda: told.append("answered"),
        told=told,
        **(fields | started | state),
    )


def test_a_body_is_taken_where_all_of_it_came_and_it_is_not_too_large():
    one = cycle(b"12345")
    assert whole_body(one, 5) == b"12345"
    assert one.body == b""
    assert one.told == ["reading"]  # else nobody would hear that its sender left
    assert whole_body(cycle(b"12345"), 4) is None
    assert whole_body(cycle(b"12345", more_body=True), 5) is None
    assert whole_body(cycle(b"12345", disconnected=True), 5) is None


@pytest.mark.parametrize("keep_alive", [True, False])
def test_an_answer_goes_in_one_piece_and_says_whether_the_connection_stays(keep_alive):
    one = cycle(keep_alive=keep_alive)
    head = head_of(one, "application/json", "C1", "entry=1", 2)
    asyncio.run(answer_whole(one, head, b"{}"))
    lines, _, body = one.transport.written.partition(b"\r\n\r\n")
    assert body == b"{}"
    assert lines.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"content-type: application/json",
        b"cache-control: no-store",
        b"safeconduct-call: C1",
        b"safeconduct-receipt: entry=1",
        b"content-length: 2",
        *([] if keep_alive else [b"connection: close"]),
    ]
    assert one.transport.closed is not keep_alive
    assert (one.response_started, one.response_complete) == (True, True)
    assert one.told == ["answered"]


def test_a_reader_who_is_slow_is_waited_for_and_one_who_is_gone_gets_nothing():
    slow = cycle()
    slow.flow.write_paused = True
    asyncio.run(answer_whole(slow, b"h", b"b"))
    assert slow.told == ["drained", "answered"]
    gone = cycle(disconnected=True)
    asyncio.run(answer_whole(gone, b"h", b"b"))
    assert gone.transport.written == b""
    with pytest.raises(RuntimeError):
        asyncio.run(answer_whole(slow, b"h", b"b"))
