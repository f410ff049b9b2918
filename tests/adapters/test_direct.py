"""The HTTP client towards model servers, against sockets that say more, less or something else than they were asked."""

import asyncio
import contextlib

import pytest
from yarl import URL

from safeconduct.adapters.models import direct, reply
from safeconduct.adapters.models.direct import Connections
from safeconduct.adapters.models.reply import HEAD_BYTES_MAX, READ_AHEAD_BYTES

OK = b"HTTP/1.1 200 OK\r\n"
GOOD = OK + b"content-length: 2\r\n\r\nhi"


class Server:
    """Answers each request with the next of `answers`; after one that is `close` it closes."""

    def __init__(self, *answers, close=False):
        self._answers = list(answers)
        self._close = close
        self.came, self.connections, self.open = [], 0, 0

    async def _serve(self, reader, writer):
        self.connections += 1
        self.writer = writer
        self.open += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
                self.came.append(head + body)
                writer.write(self._answers.pop(0))
                await writer.drain()
                if self._close:
                    break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self.open -= 1

    @contextlib.asynccontextmanager
    async def running(self, **options):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/x?y=1")
        connections = Connections(**{"tls": None, "keep": True} | options)
        try:
            yield connections
        finally:
            connections.close()
            server.close()
            while self.open:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.005)  # transports close a turn of the loop later


async def answer_of(connections, url, body=b"{}", **headers):
    came = await connections.post(url, {"accept": "a"} | headers, body)
    await came.head()
    data = b""
    while part := await came.read():
        data += part
    return came.status, data


def asked(*answers, times=1, **options):
    """Returns what a server with these answers gives, and how it was asked."""

    async def main():
        server = Server(*answers, **options)
        async with server.running() as connections:
            found = [await answer_of(connections, server.url) for _ in range(times)]
            return found, server

    return asyncio.run(main())


def test_a_request_is_sent_as_it_is_given():
    _, server = asked(GOOD)
    port = server.url.port
    assert server.came == [
        b"POST /v1/x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:%d\r\naccept: a\r\ncontent-length: 2\r\n\r\n{}" % port
    ]


@pytest.mark.parametrize(
    ("answer", "body", "connections"),
    [
        (GOOD, b"hi", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD, b"hi", 1),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + GOOD, b"hi", 1),
        (OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\nx-after: 1\r\n\r\n", b"hi!", 1),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", 1),
        (GOOD + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged", b"hi", 2),
        (GOOD + b"more", b"hi", 2),
        (OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhi", b"hi", 2),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", b"hi", 2),
    ],
)
def test_a_connection_serves_again_only_if_nothing_but_the_answer_came(answer, body, connections):
    found, server = asked(answer, GOOD, times=2)
    assert [data for _, data in found] == [body, b"hi"]
    assert server.connections == connections


def test_an_answer_without_a_length_ends_with_its_connection():
    assert asked(OK + b"\r\nall of it", close=True)[0] == [(200, b"all of it")]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        OK + b"content-length: 3\r\n\r\nhi",
        OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
        OK + b"transfer-encoding: gzip\r\n\r\nhi",
        OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nhi!",
        OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        OK + b"x: 1\r\n" * (HEAD_BYTES_MAX // 6) + b"\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n" + b"x: 1\r\n" * (HEAD_BYTES_MAX // 3),
    ],
)
def test_what_is_no_whole_answer_is_a_broken_connection(answer):
    with pytest.raises(ConnectionError):
        asked(answer, close=True)


def test_what_nobody_asked_for_closes_an_idle_connection():
    async def main():
        server = Server(GOOD, GOOD)
        async with server.running() as connections:
            await answer_of(connections, server.url)
            server.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")
            while not server.writer.is_closing() and connections._idle[next(iter(connections._idle))][0].usable:
                await asyncio.sleep(0.001)
            assert await answer_of(connections, server.url) == (200, b"hi")
            assert server.connections == 2

    asyncio.run(main())


def test_an_idle_connection_is_closed_after_its_time(monkeypatch):
    monkeypatch.setattr(direct, "KEEP_ALIVE_S", 0.02)

    async def main():
        server = Server(GOOD, GOOD)
        async with server.running() as connections:
            await answer_of(connections, server.url)
            assert len(connections._all) == 1
            while connections._all:
                await asyncio.sleep(0.01)
            await answer_of(connections, server.url)
            assert server.connections == 2

    asyncio.run(main())


def test_a_reader_that_waits_lets_the_server_wait():
    async def main():
        server = Server(OK + b"\r\n" + b"x" * 20_000_000, close=True)
        async with server.running() as connections:
            came = await connections.post(server.url, {"accept": "a"}, b"")
            await came.head()
            await asyncio.sleep(0.1)
            assert came.waiting_bytes < READ_AHEAD_BYTES + 300_000  # one read of the loop beyond it
            total = 0
            while data := await came.read():
                total += len(data)
            assert total == 20_000_000

    asyncio.run(main())


@pytest.mark.parametrize("value", ["a\r\nx-forged: 1", "a\nb", "a\rb", "a\0b"])
def test_a_header_of_several_lines_is_not_sent(value):
    async def main():
        server = Server(GOOD)
        async with server.running() as connections:
            with pytest.raises(ValueError, match="several lines"):
                await connections.post(server.url, {"accept": value}, b"")
            assert not server.came

    asyncio.run(main())


def test_calls_beyond_the_connections_wait_for_one(monkeypatch):
    monkeypatch.setattr(direct, "CONNECTIONS_MAX", 2)

    async def main():
        server = Server(*[GOOD] * 6)
        async with server.running() as connections:
            held = [await connections.post(server.url, {"accept": "a"}, b"") for _ in range(2)]
            third = asyncio.create_task(answer_of(connections, server.url))
            await asyncio.sleep(0.01)
            assert server.connections <= 2
            held[0].close()
            assert await third == (200, b"hi")

    asyncio.run(main())


def test_after_a_close_nothing_counts_as_a_whole_answer():
    async def main():
        server = Server(OK + b"\r\nbegun")
        async with server.running() as connections:
            came = await connections.post(server.url, {"accept": "a"}, b"")
            await came.head()
            assert await came.read() == b"begun"
            came.close()
            with pytest.raises(ConnectionError):
                await came.read()

    asyncio.run(main())


def test_a_header_field_at_its_limit_and_one_beyond():
    most = reply.HEADER_BYTES_MAX - len("x")
    fits = OK + b"x: " + b"y" * most + b"\r\ncontent-length: 2\r\n\r\nhi"
    assert asked(fits)[0] == [(200, b"hi")]
    with pytest.raises(ConnectionError):
        asked(fits.replace(b"x: ", b"x: y"))
