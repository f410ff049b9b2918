"""Bedrock as AWS checks it: the SDK's signer says which signature is right, its reader how the framing is read."""

import asyncio
import base64
import binascii
import json
import struct
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.adapters.models.bedrock import EVENT_STREAM, BedrockEvents
from safeconduct.adapters.models.event_stream import MESSAGE_BYTES_MAX, Messages
from safeconduct.adapters.upstreams import make_upstream
from safeconduct.adapters.upstreams_file import Bedrock
from safeconduct.kernel.errors import UpstreamError
from support.immediate import START
from support.vendors import Reply, VendorStandIn, asked, started

KEY, SECRET, SESSION, REGION = (
    "AKIDEXAMPLE",
    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "a+session/token==",
    "eu-central-1",
)
MODEL = "eu.anthropic.claude-x-20260101-v1:0"


class StillClock:
    def now(self):
        return START


def message(headers, payload=b""):
    """Returns the bytes of one message, as AWS documents them."""
    packed = b"".join(
        struct.pack(">B", len(name)) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    head = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    body = head + struct.pack(">I", binascii.crc32(head)) + packed + payload
    return body + struct.pack(">I", binascii.crc32(body))


def chunk(event):
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abc"}).encode()
    return message({":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}, payload)


def wrong(came):
    """Returns what AWS would refuse a request for, or nothing."""
    names = came.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    request = AWSRequest(
        method=came.method,
        url=f"http://{came.headers['host']}{came.target}",
        headers={name: came.headers[name] for name in names},
        data=came.body,
    )
    moment = came.headers["x-amz-date"]
    request.context["timestamp"] = moment
    auth = SigV4Auth(Credentials(KEY, SECRET, SESSION), "bedrock", REGION)
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    told = f"AWS4-HMAC-SHA256 Credential={KEY}/{auth.scope(request).partition('/')[2]}"
    at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    checks = {
        "who": came.headers["authorization"].startswith(told),
        "signature": came.headers["authorization"].endswith(f"Signature={expected}"),
        "host": {"host", "x-amz-date", "x-amz-security-token"} <= set(names),
        "time": abs(at - START / 1e6) < 1,
        "session": came.headers["x-amz-security-token"] == SESSION,
    }
    return [name for name, right in checks.items() if not right]


def strict(reply):
    def answer(came):
        problems = wrong(came)
        return Reply(403, parts=(json.dumps({"message": f"{problems}"}).encode(),)) if problems else reply

    return answer


def run(reply, *, secret=SECRET, **what):
    async def main():
        async with VendorStandIn(strict(reply)).running() as vendor:
            values = {"KEY": secret, "SESSION": SESSION}
            described = Bedrock(
                experimental=True,
                aws_region=REGION,
                access_key=KEY,
                key_env="KEY",
                session_env="SESSION",
                url=vendor.origin,
            )
            upstream = make_upstream(described, lambda variable, _file: values[variable], StillClock())
            async with started(upstream):
                head, data = await asked(
                    upstream, b'{"max_tokens":1}', dialect="anthropic.messages", model=MODEL, **what
                )
        return vendor.came[0], head, data

    return asyncio.run(main())


def test_a_request_that_the_sdks_signer_would_have_made():
    came, head, data = run(Reply(parts=(b'{"type":"message"}',)))
    assert (head.status, data) == (200, b'{"type":"message"}')
    assert unquote(came.target) == f"/model/{MODEL}/invoke"
    assert ":" not in came.target


def test_another_secret_is_refused():
    _, head, data = run(Reply(), secret="another")
    assert (head.status, json.loads(data)["message"]) == (403, "['signature']")


@given(
    model=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30),
    body=st.binary(max_size=64),
)
def test_any_models_name_is_signed_as_the_sdk_signs_it(model, body):
    from safeconduct.adapters.models.bedrock import BedrockWire
    from support.call_ends import ask
    from support.vendors import Came

    wire = BedrockWire("https://bedrock.example", REGION, key=KEY, session=SESSION)
    if model in (".", ".."):
        with pytest.raises(UpstreamError):
            wire.request(ask(body, model=model), SECRET, START)
        return
    made = wire.request(ask(body, model=model, dialect="anthropic.messages"), SECRET, START)
    assert wrong(Came("POST", made.url.raw_path, dict(made.headers), body)) == []


EVENTS = [{"type": "message_start"}, {"type": "content_block_delta", "text": "a\nb"}, {"type": "message_stop"}]
FRAMES = b"".join(
    b"event: " + event["type"].encode() + b"\ndata: " + json.dumps(event).encode() + b"\n\n" for event in EVENTS
)


def test_a_stream_comes_out_as_anthropics_events_however_it_was_cut():
    wire = b"".join(map(chunk, EVENTS))
    parts = tuple(wire[at : at + 7] for at in range(0, len(wire), 7))
    came, head, data = run(Reply(content_type=EVENT_STREAM, parts=parts), stream=True)
    assert came.target.endswith("/invoke-with-response-stream")
    assert (head.content_type, data) == ("text/event-stream", FRAMES)


def test_an_exception_within_a_stream_becomes_anthropics_error_without_the_vendors_words():
    told = message({":message-type": "exception", ":exception-type": "throttlingException"}, b'{"message":"host 17"}')
    _, _, data = run(Reply(content_type=EVENT_STREAM, parts=(chunk(EVENTS[0]), told)), stream=True)
    assert data.endswith(b'event: error\ndata: {"type":"error","error":{"type":"rate_limit_error"}}\n\n')
    assert b"host 17" not in data


def test_an_error_answer_to_a_stream_stays_what_it_is():
    reply = Reply(429, parts=(b'{"message":"slow"}',), headers={"retry-after": "2"})
    _, head, data = run(reply, stream=True)
    assert (head.status, head.content_type, data) == (429, "application/json", b'{"message":"slow"}')
    assert head.headers == {"retry-after": "2"}


@given(st.lists(st.binary(max_size=40), max_size=4), st.integers(1, 50))
def test_messages_are_read_as_the_sdk_reads_them(payloads, cut):
    wire = b"".join(message({":event-type": "chunk"}, payload) for payload in payloads)
    theirs = EventStreamBuffer()
    theirs.add_data(wire)
    ours = Messages()
    read = [m for at in range(0, len(wire), cut) for m in ours.feed(wire[at : at + cut])]
    assert [(m.headers, m.payload) for m in read] == [(e.headers, e.payload) for e in theirs]
    assert not ours.inside


def events_of(wire):
    events = BedrockEvents()
    read = events.feed(wire)
    events.end()
    return read


@given(st.data())
def test_no_changed_bit_gets_through(data):
    wire = bytearray(chunk(EVENTS[0]))
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(UpstreamError) as caught:
        events_of(bytes(wire))
    assert caught.value.code == "upstream-answer-invalid"


@pytest.mark.parametrize(
    "wire",
    [
        chunk(EVENTS[0])[:-1],
        message({":event-type": "chunk", ":message-type": "event"}, b'{"bytes":"!"}'),
        message({":event-type": "chunk", ":message-type": "event"}, b'{"bytes":"e30="}'),
        chunk({"type": "message_stop\ndata: x"}),
    ],
)
def test_what_is_no_event_is_no_answer(wire):
    with pytest.raises(UpstreamError):
        events_of(wire)


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_message_of_the_longest_and_one_byte_more(beyond):
    wire = message({}, b"x" * (MESSAGE_BYTES_MAX - 16 + beyond))
    if beyond:
        with pytest.raises(UpstreamError):
            list(Messages().feed(wire))
    else:
        assert len(list(Messages().feed(wire))) == 1
