"""The official client and raw sockets against a gateway on real sockets."""

import asyncio
import base64
import hashlib
import json
import socket
import time

import msgspec
import openai
import pytest

from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME, CALL_REFUSED
from safeconduct.gateway.moves import End
from safeconduct.http import call_bodies
from safeconduct.http.connection import HEADERS_BYTES_MAX, SEND_BUFFER_BYTES, WRITE_LIMIT_BYTES
from safeconduct.http.inprocess import Ask
from safeconduct.http.inprocess import ask as ask_app
from safeconduct.ledger.checkpoints import parse_checkpoint
from safeconduct.ledger.merkle import leaf_hash, verify_inclusion
from safeconduct.ledger.receipts import parse_receipt, verify_receipt
from safeconduct.runtime.patience import Patience
from support.call_ends import request
from support.gateway_world import MODEL, PATH, SIGNERS
from support.patience import PATIENCE_S, until
from support.ports import silent_port
from support.stand_in import SECRET
from support.wire import ask, post, wire


@pytest.fixture(scope="module")
def gate():
    with wire() as served:
        yield served


@pytest.fixture(scope="module")
def hasty():
    """A gate that soon gives a silent upstream up; whatever the machine holds up looks silent to it."""
    with wire(patience=Patience(first_byte_s=0.2, idle_s=0.2)) as served:
        yield served


@pytest.fixture
def client(gate):
    with sdk(gate) as made:
        yield made


GOOD = request()


def sdk(gate, *, token=None, retries=0, **headers):
    return openai.OpenAI(
        base_url=gate.base_url,
        api_key=token or gate.world.tokens["ana"],
        max_retries=retries,
        timeout=PATIENCE_S,
        default_headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def say(text):
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], "max_tokens": 64}


def last_outcome(gate, call=None):
    """Returns the outcome of a call, by default of the last one, once none runs."""
    return [end for end in gate.ends() if call in (None, end.call)][-1]


def test_the_official_client_gets_its_answer_and_a_receipt(gate, client):
    raw = client.chat.completions.with_raw_response.create(**say("hello"))
    assert raw.parse().choices[0].message.content == "hello"
    receipt = parse_receipt(raw.headers["safeconduct-receipt"])
    call = raw.headers["safeconduct-call"]
    evidence = gate.world.reader.evidence(call)
    assert leaf_hash(evidence.leaf) == receipt.leaf_hash
    assert (evidence.index, receipt.entry_id) == (receipt.index, call)
    verify_receipt(receipt, [SIGNERS[receipt.origin].verifier])
    assert last_outcome(gate, call).released_sha256 == hashlib.sha256(raw.http_response.content).hexdigest()


def test_the_official_client_streams(gate, client):
    chunks = list(client.chat.completions.create(**say("three"), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "one two three"
    outcome = last_outcome(gate)
    assert (outcome.end, outcome.finish_reason) == (End.COMPLETED, "stop")


def test_a_stream_ends_with_a_receipt_of_its_outcome(gate):
    raw = ask(gate.port, post(gate.world.tokens["ana"], request(stream=True), headers=["connection: close"]))
    comment = raw.split(b": safeconduct-receipt ")[1].split(b"\n")[0].decode()
    receipt = parse_receipt(comment)
    entry = gate.world.reader.entry(receipt.entry_id)
    assert (entry.type, entry.index) == (CALL_OUTCOME.name, receipt.index)
    assert receipt.leaf_hash == leaf_hash(gate.world.reader.evidence(entry.id).leaf)


def test_the_models_are_the_paths(client):
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("org/other")
    assert caught.value.code == "model-unknown"


def test_only_what_the_dialect_needs_is_sent_on(gate, client):
    client.chat.completions.create(**say("plain"), extra_headers={"cookie": "a=b", "x-mine": "1"})
    headers, body = gate.upstream.seen[-1]
    headers = {name.lower(): value for name, value in headers.items()}
    assert set(headers) == {
        "host",
        "content-type",
        "accept-encoding",
        "accept",
        "user-agent",
        "authorization",
        "content-length",
    }
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert gate.world.tokens["ana"].encode() not in body


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("do:status 400", openai.BadRequestError, "upstream-refused-request"),
        ("do:status 401", openai.InternalServerError, "upstream-misconfigured"),
        ("do:status 403", openai.InternalServerError, "upstream-misconfigured"),
        ("do:status 404", openai.InternalServerError, "upstream-misconfigured"),
        ("do:status 429", openai.RateLimitError, "upstream-busy"),
        ("do:status 500", openai.InternalServerError, "upstream-failed"),
        ("do:status 503", openai.InternalServerError, "upstream-failed"),
        ("do:status 504", openai.InternalServerError, "upstream-timeout"),
        ("do:context", openai.BadRequestError, "context-too-long"),
        ("do:redirect", openai.InternalServerError, "upstream-failed"),
        ("do:html", openai.InternalServerError, "upstream-answer-invalid"),
        ("do:notjson", openai.InternalServerError, "upstream-answer-invalid"),
        ("do:gzip", openai.InternalServerError, "upstream-answer-invalid"),
        ("do:huge", openai.InternalServerError, "upstream-answer-invalid"),
        ("do:shortened", openai.InternalServerError, "upstream-broke"),
        ("do:hang", openai.InternalServerError, "upstream-timeout"),
    ],
)
def test_a_failing_upstream_is_an_error_with_an_entry_and_no_secret(gate, hasty, text, kind, code):
    gate = hasty if text == "do:hang" else gate
    with sdk(gate) as client, pytest.raises(kind) as caught:
        client.chat.completions.create(**say(text))
    error = caught.value.body
    assert error["code"] == code
    outcome = last_outcome(gate, error["call"])
    assert outcome.why == code
    assert outcome.end is (
        End.REFUSED_BY_UPSTREAM if kind in (openai.BadRequestError, openai.RateLimitError) else End.UPSTREAM_FAILED
    )
    told = caught.value.response.content + str(dict(caught.value.response.headers)).encode()
    assert SECRET.encode() not in told
    assert f":{gate.upstream.port}".encode() not in told
    assert error["appeal"] == f"/calls/{error['call']}/appeal"
    assert error["remedy"] in error["message"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("do:cutstream", "upstream-broke"),
        ("do:nodone", "upstream-cut-stream"),
        ("do:badframe", "upstream-answer-invalid"),
        ("do:errorframe", "upstream-failed"),
        ("do:endless", "upstream-answer-invalid"),
        ("do:drip", "upstream-timeout"),
    ],
)
def test_a_stream_that_breaks_is_an_error_in_the_official_client(gate, hasty, text, code):
    gate = hasty if text == "do:drip" else gate
    with sdk(gate) as client, pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(**say(text), stream=True))
    assert caught.value.code == code
    assert SECRET not in str(caught.value.body)
    assert last_outcome(gate, caught.value.body["call"]).why == code


def test_an_upstream_can_not_forge_a_receipt(gate):
    token = gate.world.tokens["ana"]
    raw = ask(gate.port, post(token, request(stream=True, text="do:forged"), headers=["connection: close"]))
    assert SECRET.encode() not in raw
    assert raw.count(b"safeconduct-receipt entry=") == 1


def test_an_upstream_that_is_down(gate):
    with silent_port() as port, wire(upstream_url=f"http://127.0.0.1:{port}/v1") as down, sdk(down) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(**say("hello"))
        assert caught.value.body["code"] == "upstream-unreachable"
        assert str(port) not in caught.value.response.text
        assert last_outcome(down).end is End.UPSTREAM_FAILED


def test_the_official_client_repeats_no_call_that_was_dispatched(gate):
    with sdk(gate, retries=2) as client:
        before = len(gate.upstream.seen)
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(**say("do:status 500"))
        assert len(gate.upstream.seen) == before + 1


def test_a_wrong_purpose_names_the_clause(gate):
    with sdk(gate, safeconduct_purpose="red-team") as client:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.chat.completions.create(**say("hello"))
        error = caught.value.body
        assert (error["code"], error["clause"]) == ("purpose-mismatch", f"path:{PATH}/purpose")
        assert gate.world.reader.entry(error["call"]).type == CALL_REFUSED.name


def test_a_caller_nobody_knows(gate):
    with sdk(gate, token="wrong") as client, pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(**say("hello"))
    assert (caught.value.code, caught.value.body["call"]) == ("token-unknown", None)


@pytest.mark.parametrize("scheme", ["Basic abc", "Bearer", "Bearer " + "x" * 513, ""])
def test_a_request_without_a_bearer_token(gate, scheme):
    asked = post("x", GOOD).replace(b"authorization: Bearer x", f"authorization: {scheme}".encode())
    assert raw_error(ask(gate.port, asked))[1]["code"] == "token-missing"


def raw_error(answer: bytes):
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), json.loads(body)["error"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b'{"model": "\xff"}', [], 400, "body-not-utf8"),
        (GOOD[:-1], [], 400, "body-not-json"),
        (b"", [], 400, "body-not-json"),
        (b"[1]", [], 400, "body-not-an-object"),
        (b'{"model":"a","model":"b"}', [], 400, "duplicate-name"),
        (b'{"model":' + b"[" * 5000, [], 400, "body-too-deep"),
        (GOOD, ["content-type: text/plain"], 415, "wrong-content-type"),
        (GOOD, ["content-encoding: gzip"], 415, "content-encoding-not-taken"),
        (GOOD, ["safeconduct-purpose: a\tb"], 400, "header-invalid"),
        (GOOD, ["safeconduct-grant: " + "x" * 257], 400, "header-invalid"),
        (b" " * 262144 + b"!", [], 413, "request-too-large"),
    ],
)
def test_bad_input_has_its_own_code_and_leaves_an_entry(gate, body, headers, status, code):
    got, error = raw_error(ask(gate.port, post(gate.world.tokens["ana"], body, headers=headers)))
    assert (got, error["code"]) == (status, code)
    entry = gate.world.reader.entry(error["call"])
    assert CALL_REFUSED.read(entry).code == code


def test_a_request_at_the_limit_is_taken(gate):
    body = GOOD + b" " * (262144 - len(GOOD))
    assert ask(gate.port, post(gate.world.tokens["ana"], body)).startswith(b"HTTP/1.1 200")


def test_a_body_without_end_is_refused_at_the_limit(gate):
    head = post(gate.world.tokens["ana"], b"", headers=["transfer-encoding: chunked"]).replace(
        b"content-length: 0\r\n", b""
    )
    chunked = b"10000\r\n" + b" " * 65536 + b"\r\n"
    status, error = raw_error(ask(gate.port, head + chunked * 5))
    assert (status, error["code"]) == (413, "request-too-large")


def test_a_body_that_is_cut_short_leaves_an_entry(gate):
    gate.over()
    before = len(gate.world.entries())
    with socket.create_connection(("127.0.0.1", gate.port)) as connection:
        connection.sendall(post(gate.world.tokens["ana"], GOOD, length=len(GOOD) + 10))
        time.sleep(0.05)
    new = until(lambda: gate.world.entries()[before:], says="the refusal")
    assert [CALL_REFUSED.read(entry).code for entry in new] == ["request-truncated"]


@pytest.mark.parametrize("body", [GOOD, b""], ids=["in part", "at all"])
def test_a_body_that_does_not_come(gate, monkeypatch, body):
    monkeypatch.setattr(call_bodies, "BODY_S", 0.05)
    answer = ask(gate.port, post(gate.world.tokens["ana"], body, length=len(body) + 10))
    status, error = raw_error(answer)
    assert (status, error["code"]) == (408, "request-timeout")
    assert CALL_REFUSED.read(gate.world.reader.entry(error["call"])).code == "request-timeout"


@pytest.mark.parametrize("call", ["nonsense", "01ARZ3NDEKTSV4RRFFQ69G5FAV"])
def test_a_call_that_is_not_there_has_no_proof(gate, call):
    token = gate.world.tokens["ana"]
    get = f"GET /calls/{call}/proof HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n\r\n"
    status, error = raw_error(ask(gate.port, get.encode()))
    assert (status, error["code"]) == (404, "call-unknown")


def test_headers_at_their_limit(gate):
    token = gate.world.tokens["ana"]
    plain = post(token, GOOD, headers=["x-pad: "])
    used = sum(len(line) - 2 for line in plain.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:])
    pad = HEADERS_BYTES_MAX - used
    assert ask(gate.port, post(token, GOOD, headers=["x-pad: " + "p" * pad])).startswith(b"HTTP/1.1 200")
    assert ask(gate.port, post(token, GOOD, headers=["x-pad: " + "p" * (pad + 1)])).startswith(b"HTTP/1.1 400")


def test_a_header_that_comes_twice_is_refused(gate):
    answer = ask(gate.port, post(gate.world.tokens["ana"], GOOD, headers=["authorization: Bearer other"]))
    status, error = raw_error(answer)
    assert (status, error["code"], error["param"]) == (400, "duplicate-header", "authorization")


def test_other_methods_and_routes(gate):
    token = gate.world.tokens["ana"]
    wrong = post(token, GOOD, path=f"/paths/{PATH}/openai/v1/models")
    assert raw_error(ask(gate.port, wrong))[1]["code"] == "method-not-allowed"
    absent = post(token, GOOD, path=f"/paths/{PATH}/openai/v1/files")
    assert raw_error(ask(gate.port, absent))[1]["code"] == "route-unknown"
    half = post(token, GOOD, path=f"/paths/{PATH}/chat/completions")  # a base URL that ends too early
    assert raw_error(ask(gate.port, half))[1]["code"] == "route-unknown"
    assert b"an SDK's base URL ends in /paths/{path}/openai/v1" in ask(gate.port, half)
    assert ask(gate.port, post(token, GOOD, path="/api/v1/status")).startswith(b"HTTP/1.1 418")


def test_a_path_that_is_not_there_and_one_that_is_not_open_look_alike(gate):
    missing = raw_error(
        ask(gate.port, post(gate.world.tokens["ana"], GOOD, path="/paths/none/openai/v1/chat/completions"))
    )
    closed = raw_error(ask(gate.port, post(gate.world.tokens["bo"], GOOD)))
    assert (missing[0], missing[1]["code"]) == (closed[0], closed[1]["code"]) == (404, "path-unknown")


def test_a_call_is_proven_to_its_own_organization_only(gate, client):
    raw = client.chat.completions.with_raw_response.create(**say("prove me"))
    call = raw.headers["safeconduct-call"]
    last_outcome(gate, call)

    def proof(token):
        get = f"GET /calls/{call}/proof HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n\r\n"
        head, _, body = ask(gate.port, get.encode()).partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), json.loads(body)

    status, document = proof(gate.world.tokens["bo"])
    assert status == 200
    for name, kind in (("intent", CALL_INTENT), ("outcome", CALL_OUTCOME)):
        leaf = base64.b64decode(document[name]["leaf"])
        said = parse_checkpoint(document[name]["checkpoint"]).checkpoint
        nodes = [base64.b64decode(node) for node in document[name]["proof"]]
        verify_inclusion(document[name]["index"], said.size, leaf_hash(leaf), nodes, said.root)
        assert json.loads(leaf)["type"] == kind.name
    status, document = proof(gate.world.token("ops"))
    assert (status, document["error"]["code"]) == (404, "call-unknown")


def test_a_client_that_leaves_cuts_its_call(gate):
    with sdk(gate) as client:
        stream = client.chat.completions.create(**say("do:drip"), stream=True)
        next(iter(stream))
        call = stream.response.headers["safeconduct-call"]
        until(lambda: gate.upstream.open == 1, says="the end of exchanges before it")
        gone = gate.upstream.gone
        stream.close()
    outcome = last_outcome(gate, call)
    assert (outcome.end, outcome.why) == (End.CUT, "client-gone")
    until(lambda: gate.upstream.gone > gone, says="the end of the exchange")
    assert gate.upstream.gone == gone + 1


def test_one_connection_serves_call_after_call(gate):
    token = gate.world.tokens["ana"]
    with socket.create_connection(("127.0.0.1", gate.port), timeout=PATIENCE_S) as connection:
        for number in range(3):
            connection.sendall(post(token, request(text=f"number {number}")))
            received = b""
            while f"number {number}".encode() not in received.partition(b"\r\n\r\n")[2]:
                received += connection.recv(65536)
            assert received.startswith(b"HTTP/1.1 200 ")
            assert received.count(b"safeconduct-call: ") == 1


def test_a_freeze_is_a_cut_for_a_reader_that_does_not_read():
    with wire() as gate, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.connect(("127.0.0.1", gate.port))
        connection.settimeout(PATIENCE_S)
        connection.sendall(post(gate.world.tokens["ana"], request(stream=True, text="do:flood", max_tokens=1000)))
        first = connection.recv(1)
        time.sleep(0.2)  # all buffers on the way are full now
        freeze = gate.world.run(gate.world.freeze_command(f"path:{PATH}")).value
        (report,) = until(
            lambda: list(gate.calls.running.reports), says="the cut"
        )  # how soon, `make bench ONLY=freeze` tells
        assert len(report.cut_at) == 1
        received = len(first)
        try:
            while data := connection.recv(65536):
                received += len(data)
        except ConnectionResetError:
            pass
        # Linux doubles what is asked for, on both sides; a frame may stand in pieces.
        assert received < 2 * SEND_BUFFER_BYTES + WRITE_LIMIT_BYTES + 16 * 1024 + 128 * 1024
        outcome = last_outcome(gate)
        assert (outcome.end, outcome.why, outcome.clause) == (End.CUT, "freeze", f"freeze:{freeze.id}")
        assert outcome.released_bytes < 400_000


def test_a_shutdown_does_not_wait_for_a_stream():
    with wire() as gate:
        connection = socket.create_connection(("127.0.0.1", gate.port), timeout=PATIENCE_S)
        connection.sendall(post(gate.world.tokens["ana"], request(stream=True, text="do:drip")))
        while b"one " not in connection.recv(65536):
            pass
        world = gate.world
        gate.server.should_exit = True
        gate._thread.join(PATIENCE_S)
        assert not gate._thread.is_alive()
        connection.close()
        (outcome,) = [CALL_OUTCOME.read(entry) for entry in world.entries() if entry.type == CALL_OUTCOME.name]
        assert (outcome.end, outcome.why) == (End.CUT, "shutdown")


def test_a_server_that_can_not_cut_serves_no_calls(gate):
    async def asked():
        app = gate.server.config.loaded_app
        headers = {"authorization": f"Bearer {gate.world.tokens['ana']}", "content-type": "application/json"}
        return await ask_app(
            app, Ask(method="POST", path=f"/paths/{PATH}/openai/v1/chat/completions", headers=headers, body=GOOD)
        )

    answer = gate.run(asked())
    assert (answer.status, msgspec.json.decode(answer.body)["error"]["code"]) == (503, "connection-unbounded")


def test_answers_never_cross_between_64_callers():
    """Each caller's answer carries its own words, with connections to the upstream shared and calls cut in between."""

    async def load(port, token):
        async def one(number):
            text = f"do:slow {number}" if number % 5 == 0 else f"mine {number}"
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post(token, request(text=text, stream=number % 5 == 0), headers=["connection: close"]))
            if number % 5 == 0:
                await reader.read(400)
                writer.transport.abort()
                return None
            data = await reader.read()
            writer.close()
            return data

        gate_of_64 = asyncio.Semaphore(64)

        async def bounded(number):
            async with gate_of_64:
                return await one(number)

        return await asyncio.gather(*map(bounded, range(400)))

    with wire() as gate:
        answers = asyncio.run(load(gate.port, gate.world.tokens["ana"]))
        for number, answer in enumerate(answers):
            if number % 5:
                content = json.loads(answer.partition(b"\r\n\r\n")[2])["choices"][0]["message"]["content"]
                assert content == f"mine {number}"
