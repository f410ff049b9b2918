"""How commands reach a server on another machine."""

import json
from pathlib import Path

import pytest

from safeconduct.adapters.outbound import server_address
from safeconduct.cli.client import Client
from safeconduct.cli.exchanging import PIECE_BYTES
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from support.liars import Raw, says


def test_an_https_address_is_never_asked_in_the_clear():
    with Raw(says("[]")) as server:
        assert Client(Path(), url=server.url).get("/api/v1/logs") == []
        with pytest.raises(UnavailableError):
            Client(Path(), url=server.url.replace("http://", "https://")).get("/api/v1/logs")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{url}/x", "path"),
        ("{url}/x/", "path"),
        ("{url}?x=1", "query"),
        ("{url}#x", "fragment"),
        ("{at}ana:secret@{host}", "user or password"),
        ("{at}@{host}", "user or password"),
        ("{at}ana:secret@{host}/x?y", "user or password, path, query"),
    ],
)
def test_an_address_that_says_more_than_where_the_server_is_is_refused_before_anything_is_sent(written, told):
    with Raw(says("[]")) as server:
        at, host = server.url[:7], server.url[7:]
        with pytest.raises(InvalidInputError) as refused:
            Client(Path(), url=written.format(url=server.url, at=at, host=host)).get("/api/v1/logs")
    assert refused.value.message == f"expected the server's address as https://host:port, got one with {told}"
    assert refused.value.remedy == f"leave it at {server.url}"


@pytest.mark.parametrize("end", ["", "/"])
def test_a_slash_at_the_end_of_an_address_is_no_path(end):
    with Raw(says("[]")) as server:
        assert Client(Path(), url=server.url + end).get("/api/v1/logs") == []


@pytest.mark.parametrize("text", ["host:8700", "ftp://host", "https://", "https://host:0", "https://[::1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InvalidInputError, match="expected https://host:port, got"):
        server_address(text, "https://host:port")


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n2\r\n[]\r\n"


@pytest.mark.parametrize("answer", [b"hello\r\n\r\n", OK + b"content-length: 9\r\n\r\n[]", CHUNKED, b""])
def test_what_does_not_answer_whole_or_not_in_http_is_told_as_no_answer(answer):
    with (
        Raw(lambda connection: connection.sendall(answer)) as server,
        pytest.raises(UnavailableError, match=r"does not answer: ."),
    ):
        Client(Path(), url=server.url).get("/api/v1/logs")


@pytest.mark.parametrize("answer", [OK + b"content-length: 2\r\n\r\n[]", CHUNKED + b"0\r\n\r\n", OK + b"\r\n[]"])
def test_what_answers_to_its_end_is_read(answer):
    with Raw(lambda connection: connection.sendall(answer)) as server:
        assert Client(Path(), url=server.url).get("/api/v1/logs") == []


@pytest.mark.parametrize("size", [1, 7, PIECE_BYTES, PIECE_BYTES + 1])
def test_lines_are_told_once_each_however_they_come(size):
    lines = [b'{"done": %d, "more": "%s"}\n' % (number, b"x" * (number * 9_000)) for number in range(1, 12)]
    whole, told = b"".join(lines), []
    pieces = [whole[begin : begin + size] for begin in range(0, len(whole), size)] if size > 1 else [whole]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"
    answer = OK + b"transfer-encoding: chunked\r\n\r\n" + chunks
    with Raw(lambda connection: connection.sendall(answer)) as server:
        last = Client(Path(), url=server.url).lines("/api/v1/detections", b"", told.append)
    assert told == lines
    assert last == json.loads(lines[-1])
