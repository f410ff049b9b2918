"""Connections to model servers, against servers that say more, less, or something else than they should."""

import asyncio
import contextlib
import ssl

import pytest
from yarl import URL

from safeconduct.adapters.models import connections
from safeconduct.adapters.models.connections import Connections
from safeconduct.adapters.models.http1 import HEAD_BYTES_MAX, HEADER_BYTES_MAX, READ_AHEAD_BYTES
from safeconduct.adapters.models.wire import Request
from safeconduct.kernel.errors import UpstreamError
from support.certificates import Authority
from support.patience import PATIENCE_S, until_async

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@contextlib.asynccontextmanager
async def served(*answers, keep=True, tls=None, trusted=None):
    """Serves one request with each answer in turn, the last one for all after it; a callable gets the writer."""
    seen = {"connections": 0, "requests": [], "writers": [], "open": 0}

    async def serve(reader, writer):
        seen["connections"] += 1
        seen["open"] += 1
        seen["writers"].append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await answered(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        seen["open"] -= 1

    async def answered(reader, writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            seen["requests"].append(head + await reader.readexactly(length))
            answer = answers[min(len(seen["requests"]), len(answers)) - 1]
            if callable(answer):
                await answer(writer)
            else:
                writer.write(answer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    origin = URL(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    made = Connections(origin, trusted, keep=keep)
    try:
        yield made, Request(origin / "v1" / "chat", {"accept": "*/*"}), seen
    finally:
        made.close()
        server.close()
        await until_async(lambda: not seen["open"], says="the end of all connections")
        await asyncio.sleep(0.01)  # transports close a turn of the loop later


async def whole(made, request, body=b"ask"):
    answer = await asyncio.wait_for(made.post(request, body), PATIENCE_S)
    data = b""
    while part := await asyncio.wait_for(answer.read(), PATIENCE_S):
        data += part
    return answer, data


async def hang_up(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n\r\nall that there is")
    writer.close()


def test_a_request_is_what_was_asked_for_and_nothing_more():
    async def main():
        async with served(GOOD) as (made, request, seen):
            answer, data = await whole(made, request, b"\x00body")
            assert (answer.status, answer.headers, data) == (200, {"content-length": "2"}, b"{}")
            host = str(request.url.host_port_subcomponent).encode()
            wanted = (
                b"POST /v1/chat HTTP/1.1\r\nhost: " + host + b"\r\naccept: */*\r\ncontent-length: 5\r\n\r\n\x00body"
            )
            assert seen["requests"] == [wanted]

    asyncio.run(main())


def test_a_host_that_was_signed_is_said_once():
    async def main():
        async with served(GOOD) as (made, request, seen):
            await whole(made, Request(request.url, {"Host": "signed.example"}))
            assert seen["requests"][0].lower().count(b"host: ") == 1
            assert b"Host: signed.example\r\n" in seen["requests"][0]

    asyncio.run(main())


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\ny", "a\0"])
def test_a_header_that_would_be_two_is_not_sent(value):
    async def main():
        async with served(GOOD) as (made, request, seen):
            with pytest.raises(ValueError, match="two"):
                await whole(made, Request(request.url, {"authorization": value}))
            assert seen["connections"] == 0

    asyncio.run(main())


def test_what_is_said_on_the_way_is_not_the_answer():
    async def main():
        early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
        async with served(early + GOOD) as (made, request, seen):
            for _ in range(2):
                answer, data = await whole(made, request)
                assert (answer.status, answer.headers, data) == (200, {"content-length": "2"}, b"{}")
            assert seen["connections"] == 1

    asyncio.run(main())


def test_an_answer_that_ends_with_its_connection_is_whole_and_the_connection_is_not_kept():
    async def main():
        async with served(hang_up) as (made, request, seen):
            for number in (1, 2):
                _, data = await whole(made, request)
                assert data == b"all that there is"
                assert seen["connections"] == number

    asyncio.run(main())


@pytest.mark.parametrize(
    "more",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",  # the next call's answer, as somebody would have it
        b"garbage",
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_what_comes_after_an_answer_is_nobodys(more, later):
    async def more_later(writer):
        writer.write(GOOD)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(more)

    async def main():
        async with served(more_later if later else GOOD + more, GOOD) as (made, request, seen):
            _, data = await whole(made, request)
            assert data == b"{}"
            if later:
                await until_async(lambda: not any(one.usable for one in made._all), says="the end of the connection")
            _, data = await whole(made, request)
            assert (data, seen["connections"]) == (b"{}", 2)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("head", "passes"),
    [
        (b"x: " + b"x" * (HEADER_BYTES_MAX - 1) + b"\r\n", True),
        (b"x: " + b"x" * HEADER_BYTES_MAX + b"\r\n", False),
        (b"".join(b"x%d: %b\r\n" % (n, b"x" * 8000) for n in range(7)), True),
        (b"x: " + b"x" * 2 * HEAD_BYTES_MAX, False),  # never ends
        (b"".join(b"x%d: %b\r\n" % (n, b"x" * 8000) for n in range(99)), False),
        (b"content-length: 3\r\n", False),
        (b"transfer-encoding: chunked\r\n", False),
        (b"upgrade: other\r\nconnection: upgrade\r\n", True),
    ],
)
def test_heads_have_bounds_and_one_framing(head, passes):
    async def slowly(writer):
        answer = GOOD.replace(b"content-length", head + b"content-length")
        for at in range(0, len(answer), 4096):
            writer.write(answer[at : at + 4096])
            await writer.drain()
            await asyncio.sleep(0)

    async def main():
        async with served(slowly) as (made, request, _):
            if passes:
                assert (await whole(made, request))[1] == b"{}"
                return
            with pytest.raises(UpstreamError) as caught:
                await whole(made, request)
            assert caught.value.code == "upstream-broke"

    asyncio.run(main())


def test_another_protocol_is_no_answer():
    async def main():
        switch = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"
        async with served(switch) as (made, request, _):
            with pytest.raises(UpstreamError):
                await whole(made, request)

    asyncio.run(main())


def test_a_server_waits_for_a_reader_who_is_slow():
    size, sent = 64 * READ_AHEAD_BYTES, []

    async def large(writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(64):
            writer.write(b"x" * READ_AHEAD_BYTES)
            await writer.drain()
            sent.append(READ_AHEAD_BYTES)

    async def main():
        async with served(large) as (made, request, _):
            answer = await made.post(request, b"ask")
            (connection,) = made._all
            await until_async(lambda: connection._paused, says="that nothing more is read")
            assert connection._waiting_bytes < size / 2
            assert sum(sent) < size
            data = 0
            while part := await asyncio.wait_for(answer.read(), PATIENCE_S):
                data += len(part)
            assert data == size

    asyncio.run(main())


def test_there_are_so_many_connections_and_who_comes_later_waits(monkeypatch):
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 2)

    async def main():
        async with served(GOOD) as (made, request, seen):
            first, second = [await made.post(request, b"ask") for _ in range(2)]
            third, fourth, gone = (asyncio.create_task(made.post(request, b"ask")) for _ in range(3))
            await asyncio.sleep(0.05)
            assert not third.done()
            gone.cancel()
            while await first.read():
                pass  # given back whole
            second.close()  # and cut: its place is free
            for one in (third, fourth):
                assert (await asyncio.wait_for(one, PATIENCE_S)).status == 200
            assert seen["connections"] == 3

    asyncio.run(main())


def test_idle_connections_are_closed_before_servers_close_theirs(monkeypatch):
    monkeypatch.setattr(connections, "KEEP_ALIVE_S", 0.05)

    async def main():
        async with served(GOOD) as (made, request, seen):
            await whole(made, request)
            await until_async(lambda: not made._all, says="the end of what is idle")
            await whole(made, request)
            assert seen["connections"] == 2

    asyncio.run(main())


def test_a_connection_that_the_server_closed_meanwhile_is_not_used():
    async def main():
        async with served(GOOD) as (made, request, seen):
            await whole(made, request)
            seen["writers"][0].close()
            await until_async(lambda: not made._all, says="the end of the connection")
            assert (await whole(made, request))[1] == b"{}"
            assert seen["connections"] == 2

    asyncio.run(main())


def test_who_is_not_trusted_gets_no_request(tmp_path):
    authority = Authority(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*authority.issue("model-server"))

    async def main(trusted):
        async with served(GOOD, tls=tls, trusted=trusted) as (made, request, seen):
            try:
                return (await whole(made, request, b"a secret"))[1]
            except UpstreamError as error:
                assert seen["requests"] == []
                return error.code

    assert asyncio.run(main(ssl.create_default_context(cafile=authority.file))) == b"{}"
    assert asyncio.run(main(None)) == "upstream-unreachable"
