"""The HTTP upstream against real sockets that misbehave."""

import asyncio
import contextlib
import json
import socket

import pytest

from safeconduct.adapters.models import http_upstream
from safeconduct.adapters.models.http_upstream import HEADER_BYTES_MAX
from safeconduct.adapters.models.openai_compatible import OpenAICompatible
from safeconduct.kernel.errors import InvalidInputError, UpstreamError
from support.call_ends import ask, request
from support.patience import PATIENCE_S, until_async
from support.ports import silent_port
from support.stand_in import SECRET, StandIn


@contextlib.asynccontextmanager
async def upstream(url=None, **options):
    stand_in = StandIn()
    await stand_in.start()
    model = OpenAICompatible(url or stand_in.url, SECRET, **options)
    await model.start()
    try:
        yield model, stand_in
    finally:
        await model.stop()
        await stand_in.stop()


async def quiet(seen):
    while seen["open"]:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)  # transports close a turn of the loop later


@contextlib.asynccontextmanager
async def raw_server(answer, heads=None):
    """Answers each connection's first bytes with `answer(number of connection)`; counts connections and requests."""
    seen = {"connections": 0, "requests": 0, "open": 0}

    async def serve(reader, writer):
        seen["connections"] += 1
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            seen["requests"] += 1
            if heads is not None:
                heads.append(head)
            data, keep = answer(seen)
            writer.write(data)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            if not keep:
                return

    async def guarded(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            seen["open"] += 1
            try:
                await serve(reader, writer)
            finally:
                seen["open"] -= 1
                writer.close()
                await writer.wait_closed()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", seen
    finally:
        server.close()
        await asyncio.wait_for(quiet(seen), PATIENCE_S)


async def exchange(model, body=None, *, stream=False, **asked):
    made = model.exchange(ask(body, stream=stream, **asked))
    try:
        head = await made.head()
        data = b""
        while part := await made.read():
            data += part
    finally:
        made.close()
    return head, data


GOOD = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n{"choices":[]}'


def test_an_answer_with_its_head():
    async def main():
        async with upstream() as (model, stand_in):
            head, data = await exchange(model, request(text="hi"))
            assert (head.status, head.content_encoding) == (200, "")
            assert head.content_type.startswith("application/json")
            assert json.loads(data)["choices"][0]["message"]["content"] == "hi"
            headers, body = stand_in.seen[0]
            assert body == request(text="hi")
            assert headers["Authorization"] == f"Bearer {SECRET}"

    asyncio.run(main())


def test_only_allowed_headers_come_with_a_head():
    told = b"retry-after: 7\r\nX-RateLimit-Remaining-Tokens: 0\r\nserver: vendor-host-17\r\nset-cookie: a=b\r\n"
    data = GOOD.replace(b"content-length", told + b"content-length")

    async def main():
        async with raw_server(lambda _: (data, True)) as (url, _), upstream(url) as (model, _):
            head, _ = await exchange(model)
            assert head.headers == {"retry-after": "7", "x-ratelimit-remaining-tokens": "0"}

    asyncio.run(main())


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ("openai.chat", b"POST /v1/chat/completions "),
        ("openai.responses", b"POST /v1/responses "),
        ("openai.embeddings", b"POST /v1/embeddings "),
    ],
)
def test_each_dialect_has_its_own_address(dialect, path):
    heads = []

    async def main():
        async with raw_server(lambda _: (GOOD, True), heads) as (url, _), upstream(url) as (model, _):
            await exchange(model, dialect=dialect)
        assert heads[0].startswith(path)

    asyncio.run(main())


def test_connections_are_kept_unless_told_otherwise():
    async def count(**options):
        async with raw_server(lambda _: (GOOD, True)) as (url, seen), upstream(url, **options) as (model, _):
            for _ in range(3):
                await exchange(model)
            return seen["connections"]

    assert asyncio.run(count()) == 1
    assert asyncio.run(count(keep_connections=False)) == 3


def test_a_request_on_a_connection_that_just_closed_is_lost_and_not_sent_again():
    """The server answers once and closes without saying so: the second request must fail, not go twice."""

    async def main():
        def answer(seen):
            return (GOOD, True) if seen["requests"] == 1 else (b"", False)

        async with raw_server(answer) as (url, seen), upstream(url) as (model, _):
            await exchange(model)
            with pytest.raises(UpstreamError) as caught:
                await exchange(model)
            assert caught.value.code == "upstream-broke"
            assert seen["requests"] == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nx-long: " + b"x" * (HEADER_BYTES_MAX + 1) + b"\r\n\r\n",
        b"",
    ],
)
def test_broken_http_is_one_error_without_the_librarys_words(data):
    async def main():
        async with raw_server(lambda _: (data, False)) as (url, _), upstream(url) as (model, _):
            with pytest.raises(UpstreamError) as caught:
                await exchange(model)
            assert caught.value.code == "upstream-broke"
            assert "127.0.0.1" not in str(caught.value)

    asyncio.run(main())


def test_redirects_are_not_followed_and_nothing_is_decompressed():
    async def main():
        async with upstream() as (model, stand_in):
            head, _ = await exchange(model, request(text="do:redirect"))
            assert (head.status, len(stand_in.seen)) == (302, 1)
            head, data = await exchange(model, request(text="do:gzip"))
            assert head.content_encoding == "gzip"
            assert data.startswith(b"\x1f\x8b")

    asyncio.run(main())


def test_closing_amid_a_stream_closes_the_connection():
    async def main():
        async with upstream() as (model, stand_in):
            made = model.exchange(ask(request(text="do:drip", stream=True), stream=True))
            await made.head()
            assert b"one " in await made.read()
            made.close()
            made.close()
            await until_async(lambda: stand_in.gone, says="the end of the exchange")
            assert stand_in.gone == 1

    asyncio.run(main())


def test_cancelling_the_wait_for_a_head_closes_the_connection():
    async def main():
        async with upstream() as (model, stand_in):
            made = model.exchange(ask(request(text="do:hang")))
            task = asyncio.create_task(made.head())
            while not stand_in.open:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            made.close()
            await until_async(lambda: stand_in.gone, says="the end of the exchange")
            assert stand_in.gone == 1

    asyncio.run(main())


def test_nothing_listens():
    async def main():
        with silent_port() as port:
            async with upstream(f"http://127.0.0.1:{port}/v1") as (model, _):
                with pytest.raises(UpstreamError) as caught:
                    await exchange(model)
                assert caught.value.code == "upstream-unreachable"

    asyncio.run(main())


def test_a_connection_that_nobody_takes_up_is_none(monkeypatch):
    monkeypatch.setattr(http_upstream, "CONNECT_S", 0.2)

    async def main():
        with socket.socket() as listener, socket.socket() as waiting, socket.socket() as another:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)  # one waits, the next are not answered
            for one in (waiting, another):
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
            async with upstream(f"http://127.0.0.1:{listener.getsockname()[1]}/v1") as (model, _):
                with pytest.raises(UpstreamError) as caught:
                    await exchange(model)
        assert caught.value.code == "upstream-unreachable"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("url", "key", "code"),
    [
        ("ftp://models.example/v1", "", "upstream-url-invalid"),
        ("models.example/v1", "", "upstream-url-invalid"),
        ("https://user:pw@models.example/v1", "", "upstream-url-invalid"),
        ("https://models.example/v1?key=1", "", "upstream-url-invalid"),
        ("http://models.example/v1", "sk-1", "upstream-url-insecure"),
        ("http://10.0.0.1/v1", "sk-1", "upstream-url-insecure"),
    ],
)
def test_urls_that_are_not_taken(url, key, code):
    with pytest.raises(InvalidInputError) as caught:
        OpenAICompatible(url, key)
    assert caught.value.code == code
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://models.example/v1/", "sk-1"),
        ("http://127.0.0.1:1/v1", "sk-1"),
        ("http://[::1]:1/v1", "sk-1"),
        ("http://localhost:1/v1", "sk-1"),
        ("http://10.0.0.1/v1", ""),
    ],
)
def test_urls_that_are_taken_and_not_shown(url, key):
    model = OpenAICompatible(url, key)
    assert "sk-1" not in repr(model)
    assert str(model._wire._urls["openai.chat"]).endswith("/v1/chat/completions")


def test_an_upstream_is_started_before_it_is_asked():
    with pytest.raises(RuntimeError):
        OpenAICompatible("https://models.example/v1").exchange(ask())
