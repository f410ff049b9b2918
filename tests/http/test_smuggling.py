"""Requests that two readers of HTTP read differently, over real sockets: one answer of ours, and the end of it."""

import json
import os
import socket
import threading
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.gateway_world import MODEL
from support.patience import PATIENCE_S
from support.two_vendors import ROUTES, BothClients, BothStandIns, body_of, program
from support.wire import wire

HIDDEN = b"GET /hidden HTTP/1.1\r\nhost: g\r\n\r\n"
THREADS_MAX = 40
"""Far fewer than there are requests; beyond those that were there before the gate, from whatever test."""


@pytest.fixture(scope="module")
def gate():
    before = threading.active_count()
    with wire(program=program(), model_server=BothStandIns(), client=BothClients) as served:
        served.threads = before
        yield served


def head(gate, way, *lines, method="POST", end=b"\r\n"):
    token = gate.world.tokens["ana"]
    always = ("host: g", f"authorization: Bearer {token}", "content-type: application/json")
    first = f"{method} {ROUTES[way]} HTTP/1.1".encode()
    return end.join([first, *(line.encode() for line in always), *(line.encode("latin-1") for line in lines), b"", b""])


def good(way, text="hello"):
    return json.dumps(body_of(way, text, stream=False, model=MODEL)).encode()


def chunked(body):
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def said(port, pieces, *, leave=True):
    """Sends the pieces, ends its side, and returns all that comes until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        received = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            if leave:
                connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65536):
                received += data
        except TimeoutError:
            raise
        except OSError:
            pass  # the other side had closed already
        return received


def statuses(received):
    """Returns the statuses of the answers in what came."""
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def ours(received):
    """Tells whether what came are answers of this server's own, and no traceback."""
    return b"Traceback" not in received and b"Internal Server Error" not in received and 500 not in statuses(received)


def framings(body):
    size = f"content-length: {len(body)}"
    return {
        "both lengths": ([size, "transfer-encoding: chunked"], chunked(body)),
        "both lengths, the other order": (["transfer-encoding: chunked", size], chunked(body)),
        "two lengths": ([size, "content-length: 1"], body),
        "a list of lengths": ([f"content-length: {len(body)}, 1"], body),
        "a signed length": ([f"content-length: +{len(body)}"], body),
        "a negative length": (["content-length: -1"], body),
        "a hexadecimal length": ([f"content-length: 0x{len(body):x}"], body),
        "a huge length": (["content-length: " + "9" * 40], body),
        "a space before the colon": ([f"content-length : {len(body)}"], body),
        "a folded line": (["x-a: b", " transfer-encoding: chunked", size], body),
        "an unknown coding": (["transfer-encoding: gzip"], chunked(body)),
        "chunked not last": (["transfer-encoding: chunked, gzip"], chunked(body)),
        "a coding in disguise": (["transfer-encoding: xchunked"], chunked(body)),
        "a NUL in a header": ([size, "x-a: b\0c"], body),
        "a line end in a name": ([size, "x\ra: b"], body),
        "a chunk of no number": (["transfer-encoding: chunked"], b"zz\r\n" + body),
        "a chunk of a huge number": (["transfer-encoding: chunked"], b"f" * 17 + b"\r\n" + body),
        "a chunk that is longer than it says": (["transfer-encoding: chunked"], b"1\r\n" + body + b"\r\n0\r\n\r\n"),
    }


REFUSED = framings(b"")


@pytest.mark.parametrize("way", ["chat", "messages"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_request_with_two_readings_reaches_nobody(gate, way, case):
    lines, body = framings(good(way))[case]
    server = gate.upstream.chat if way == "chat" else gate.upstream.messages
    gate.over()
    before = len(server.seen)
    received = said(gate.port, [head(gate, way, *lines), body, HIDDEN], leave=False)
    assert ours(received), received
    assert len(statuses(received)) <= 1, received
    assert all(400 <= status < 500 for status in statuses(received)), received
    assert len(server.seen) == before


def test_what_is_read_in_one_way_is_answered(gate):
    body = good("chat")
    size, close = f"content-length: {len(body)}", "connection: close"
    assert statuses(said(gate.port, [head(gate, "chat", size, close), body], leave=False)) == [200]
    extended = b"%x;a=b\r\n%b\r\n0\r\nx-trailer: c\r\n\r\n" % (len(body), body)
    coded = head(gate, "chat", "transfer-encoding: chunked", close)
    assert statuses(said(gate.port, [coded, extended], leave=False)) == [200]


def test_what_follows_a_refused_body_is_no_request(gate):
    """A refusal that leaves a body unread ends the connection: the rest of that body could read as a request."""
    refused = head(gate, "chat", "content-length: 999").replace(b"Bearer ", b"Bearer x")
    received = said(gate.port, [refused, HIDDEN * 3], leave=False)
    assert statuses(received) == [401]
    assert b"connection: close" in received.lower()


@pytest.mark.parametrize("coded", [False, True])
def test_a_hundred_megabytes_are_refused_unread(gate, coded):
    line = "transfer-encoding: chunked" if coded else f"content-length: {100 << 20}"
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n" if coded else b" " * 65536
    received = said(gate.port, [head(gate, "chat", line), *[piece] * 1600], leave=False)
    assert statuses(received) in ([413], []), received  # none: the reset overtook the answer
    gate.over()


def test_thousands_of_headers_are_refused(gate):
    lines = [f"x-{number}: y" for number in range(10_000)]
    assert statuses(said(gate.port, [head(gate, "chat", *lines)], leave=False)) == [400]


BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"", b"{", b"[" * 10_000, b'{"a":' * 10_000, b'{"model":"m","model":"n"}', b'"\\ud800"']),
    st.sampled_from([b'{"max_tokens":' + b"9" * 5000 + b"}", b'{"max_tokens":1e999}', b'{"temperature":-0.0e-99999}']),
    st.sampled_from([b'{"model":"\\ud800"}', b"\xef\xbb\xbf{}", b'{"a":NaN}', b'{"messages":[{"role":"user"}]}']),
)
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=20)
LINES = st.lists(
    st.one_of(
        st.builds("{}: {}".format, TOKENS, TOKENS),
        st.sampled_from(["content-length: 5", "transfer-encoding: chunked", "expect: 100-continue", "upgrade: h2c"]),
        st.sampled_from(["content-encoding: gzip", "connection: upgrade", "authorization: Bearer x", " folded", ":"]),
    ),
    max_size=4,
)
METHODS = st.sampled_from(["POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI", "P\0ST", ""])


@st.composite
def requests(draw):
    """Draws a request of any route as bytes, cut into segments."""
    body, lines = draw(BODIES), draw(LINES)
    if draw(st.booleans()):
        lines.append(f"content-length: {len(body)}")
    return draw(st.sampled_from(sorted(ROUTES))), draw(METHODS), lines, body, draw(st.lists(st.integers(1, 400)))


@settings(
    max_examples=2000 if os.environ.get("SAFECONDUCT_LONG") else 60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=requests(), end=st.sampled_from([b"\r\n", b"\r\n", b"\n", b"\r"]))
def test_any_bytes_on_any_route_end_in_an_answer_of_ours_or_none(gate, drawn, end):
    way, method, lines, body, cuts = drawn
    whole = head(gate, way, *lines, method=method, end=end) + body
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    received = said(gate.port, [whole[a:b] for a, b in pairwise(edges)])
    assert ours(received), received
    # 100 is no answer yet: what `expect: 100-continue` asks for.
    assert set(statuses(received)) <= {100, 200, 400, 401, 403, 404, 405, 408, 413, 415, 429}, received
    assert gate._thread.is_alive()
    assert threading.active_count() < gate.threads + THREADS_MAX
