"""The sidecar between a caller without a secret and a server that says what it got: what goes on, and what does not."""

import asyncio
import contextlib
import json
import socket
import threading
from types import SimpleNamespace

import httpx
import pytest

from safeconduct.access.assertions import check_assertion, signed_claims
from safeconduct.access.possession import Asked as For
from safeconduct.access.possession import check_proof
from safeconduct.adapters.clock import SystemClock
from safeconduct.http import sidecar
from safeconduct.http.bound_client import BoundClient
from safeconduct.http.sidecar import SidecarApp
from support.credentials import AUDIENCE, KEY, SERVICE
from support.patience import PATIENCE_S
from support.ports import silent_port
from support.serving import served

STREAM = [b'data: {"a": 1}\n\n', b": a comment\n\n", b"event: x\r\ndata: \xf0\x9f\x90\x9f\n\n", b"data: [DONE]\n\n"]
CALL = "/openai/v1/chat/completions"


class Gateway:
    """Gives out tokens, checks what comes with them as the real one does, and answers what a test says."""

    def __init__(self):
        self.clock, self.seen, self.issued, self.lives_s, self.ended = SystemClock(), [], 0, 3600, set()
        self.goes_on, self.left, self.broken = threading.Event(), threading.Event(), False

    async def __call__(self, scope, receive, send):
        headers = dict(scope["headers"])
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        if scope["path"] == "/api/v1/credentials":
            return await answer(send, *self.credential(scope, headers, body))
        token = headers[b"authorization"].decode().removeprefix("DPoP ")
        self.holds(scope, headers, token)
        self.seen.append(SimpleNamespace(scope=scope, headers=headers, body=body, token=token))
        if token in self.ended:
            return await answer(send, 401, {"error": {"code": "token-unknown"}})
        return await getattr(self, headers[b"safeconduct-purpose"].decode())(scope, receive, send)

    def holds(self, scope, headers, token):
        address = (headers[b"host"] + scope["raw_path"]).decode()
        held, _ = check_proof(
            headers[b"dpop"].decode(), For(method=scope["method"], address=address, token=token), self.clock.now()
        )
        return held

    def credential(self, scope, headers, body):
        if scope["method"] == "GET":
            return 200, {"audience": AUDIENCE, "seconds": 3600}
        if self.broken:
            return 403, {"title": "refused", "code": "principal-frozen", "detail": "it is frozen"}
        form = dict(httpx.QueryParams(body.decode()))
        claims = signed_claims(form["client_assertion"], KEY.public)
        check_assertion(claims, client=SERVICE, audience=AUDIENCE, now=self.clock.now())
        assert self.holds(scope, headers, "").startswith("jkt:")
        self.issued += 1
        return 200, {"access_token": f"sck_{self.issued}", "token_type": "DPoP", "expires_in": self.lives_s}

    async def stream(self, _scope, _receive, send):
        head = [(b"content-type", b"text/event-stream"), (b"safeconduct-call", b"c"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        for part in STREAM:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def endless(self, _scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()

    async def breaks(self, _scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async def misused(self, _scope, _receive, send):
        content = b'{"error": {"code": "token-unbound", "message": "no"}}'
        head = [(b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 401, "headers": head})
        await send({"type": "http.response.body", "body": content})

    async def refuses(self, _scope, _receive, send):
        await answer(send, 403, {"error": {"code": "frozen", "message": "no"}}, [(b"retry-after", b"7")])


async def answer(send, status, document, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})


class Beside:
    """A sidecar on a loop of its own."""

    def __init__(self, url, time):
        self._url, self._time, self._app, self.hosts = url, time, None, set()

    async def __call__(self, scope, receive, send):
        if self._app is None:
            self._loop = asyncio.get_running_loop()
            self._client = BoundClient(self._url, SERVICE, KEY, SystemClock(), self._time)
            self._app = SidecarApp(self._client, "soc-triage", self.hosts)
        await self._app(scope, receive, send)

    def close(self):
        """Ends the sidecar; the next request begins another, that has no token yet."""
        if self._app is not None:
            asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result(PATIENCE_S)
        self._app = None


@contextlib.contextmanager
def running(url, time):
    made = Beside(url, time)
    with served(made) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
        made.hosts.add(address.removeprefix("http://").encode())
        yield made, client, address
        made.close()


@pytest.fixture(scope="module")
def servers():
    gateway, time = Gateway(), SimpleNamespace(now=0.0)
    with served(gateway) as url, running(url, lambda: time.now) as (made, client, address):
        yield made, SimpleNamespace(gateway=gateway, client=client, time=time, address=address)


@pytest.fixture
def beside(servers):
    made, given = servers
    made.close()
    given.gateway.__init__()
    given.time.now = 0.0
    return given


def asks(beside, purpose="stream", path=CALL, **headers):
    told = {"safeconduct-purpose": purpose, "authorization": "Bearer anything", "x-api-key": "anything", **headers}
    return beside.client.post(path, content=b'{"a": 1}', headers=told)


def code(reply):
    return reply.status_code, reply.json()["error"].get("code")


def test_bytes_pass_as_they_are_both_ways_and_the_callers_own_key_does_not(beside):
    reply = asks(
        beside, path=f"{CALL}?a=%20b", cookie="a=b", **{"anthropic-beta": "x", "content-type": "application/json"}
    )
    assert (reply.status_code, reply.content) == (200, b"".join(STREAM))
    assert (reply.headers["content-type"], reply.headers["safeconduct-call"]) == ("text/event-stream", "c")
    (seen,) = beside.gateway.seen
    assert (seen.body, seen.scope["path"]) == (b'{"a": 1}', f"/paths/soc-triage{CALL}")
    assert seen.scope["query_string"] == b"a=%20b"
    assert "anything" not in repr(seen.headers)
    assert {b"cookie", b"x-api-key", b"user-agent", b"accept-encoding"}.isdisjoint(seen.headers)
    assert (seen.headers[b"anthropic-beta"], seen.headers[b"content-type"]) == (b"x", b"application/json")


def test_each_request_has_a_proof_of_its_own_and_tokens_are_renewed_before_they_end(beside):
    for now, token in ((0, "sck_1"), (3299, "sck_1"), (3300, "sck_2"), (3301, "sck_2")):
        beside.time.now = float(now)
        assert asks(beside).status_code == 200
        assert beside.gateway.seen[-1].token == token
    proofs = {one.headers[b"dpop"] for one in beside.gateway.seen}
    assert len(proofs) == 4


def test_while_a_token_holds_a_server_that_gives_no_other_stops_nothing(beside):
    asks(beside)
    beside.gateway.broken = True
    beside.time.now = 3599.0
    assert asks(beside).status_code == 200
    beside.time.now = 3600.0
    assert code(asks(beside)) == (403, "principal-frozen")


def test_a_token_that_was_ended_is_replaced_once(beside):
    asks(beside)
    beside.gateway.ended.add("sck_1")
    assert asks(beside).status_code == 200
    assert beside.gateway.seen[-1].token == "sck_2"
    beside.gateway.ended |= {"sck_2", "sck_3"}
    assert code(asks(beside)) == (401, "token-unknown")
    assert beside.gateway.issued == 3


def test_what_the_server_refuses_passes_unchanged(beside):
    reply = asks(beside, "refuses")
    assert (reply.status_code, reply.json(), reply.headers["retry-after"]) == (
        403,
        {"error": {"code": "frozen", "message": "no"}},
        "7",
    )


def test_a_token_that_another_would_not_mend_is_told_whole(beside):
    assert code(asks(beside, "misused")) == (401, "token-unbound")


def test_a_caller_who_leaves_ends_the_call(beside):
    with beside.client.stream("POST", CALL, content=b"{}", headers={"safeconduct-purpose": "endless"}) as reply:
        assert next(reply.iter_raw()) == b"data: 1\n\n"
    assert beside.gateway.left.wait(PATIENCE_S)


def test_an_answer_that_breaks_off_is_not_made_whole(beside):
    with pytest.raises(httpx.RemoteProtocolError):
        asks(beside, "breaks")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "evil.example"}, (403, "not-for-browsers")),  # a name that was rebound to loopback
        ({"host": "localhost"}, (403, "not-for-browsers")),  # without the port
        ({"origin": "http://evil.example"}, (403, "not-for-browsers")),
        ({"origin": "null"}, (403, "not-for-browsers")),
        ({"sec-fetch-site": "same-origin"}, (403, "not-for-browsers")),
    ],
)
def test_browsers_do_not_spend_its_credential(beside, headers, expected):
    assert code(asks(beside, **headers)) == expected
    assert beside.gateway.issued == 0


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/tokens",
        "/openai/v1",
        "/openai/v2/models",
        "/openai/v1/../../../../api/v1/status",
        "/openai/v1/%2e%2e/%2e%2e/other/openai/v1/models",
        "/openai/v1//models",
        "/paths/other/openai/v1/models",
    ],
)
def test_nothing_but_the_path_is_reached(beside, path):
    reply = raw(beside.address, path)
    assert b"404" in reply.split(b"\r\n")[0]
    assert beside.gateway.seen == []


def raw(address, path):
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_request_of_the_limit_goes_on_and_one_beyond_does_not(beside, monkeypatch):
    monkeypatch.setattr(sidecar, "BODY_BYTES_MAX", 8)
    assert asks(beside).status_code == 200
    monkeypatch.setattr(sidecar, "BODY_BYTES_MAX", 7)
    assert code(asks(beside)) == (413, "request-too-large")


@pytest.mark.parametrize(("path", "outer"), [(CALL, None), ("/anthropic/v1/messages", "error")])
def test_a_server_that_is_away_is_told_in_the_dialects_shape(path, outer):
    with silent_port() as port, running(f"http://127.0.0.1:{port}", lambda: 0.0) as (_, client, _address):
        reply = client.post(path, content=b"{}")
    assert (reply.json().get("type"), *code(reply)) == (outer, 503, "server-away")
