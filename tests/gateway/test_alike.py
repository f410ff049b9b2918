"""Frames told by comparing bytes come out, or are refused, exactly as those that are read one by one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.gateway.dialects.alike import Alike
from safeconduct.gateway.dialects.anthropic_request import read_messages
from safeconduct.gateway.dialects.anthropic_stream import MessageStream
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.dialects.openai_answer import AnswerStream
from safeconduct.gateway.dialects.openai_chat import read_chat
from safeconduct.gateway.limits import FRAME_BYTES_MAX
from safeconduct.kernel.errors import UpstreamError
from support.call_ends import request

CHAT = read_chat(request(stream=True), Shapes())
MESSAGES = read_messages(request(max_tokens=9, stream=True), Shapes())
BEGIN, END = b'data: {"choices":[{"delta":{"content":"', b'"}}]}\n\n'


def chat(text):
    return BEGIN + text + END


def block(kind, **members):
    body = json.dumps({"type": kind, **members}).encode()
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)


FIRST = chat(b"a")


def learnt(frame=FIRST):
    alike = Alike("content")
    alike.learn(frame)
    return alike


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" word",
        b'\\"quoted\\" and \\\\ \\n',
        "café".encode(),
        b"data: ",
    ],
)
def test_frames_that_differ_in_their_text_alone_are_alike(text):
    for data in (chat(text), chat(text) * 3, chat(b"b") + chat(text)):
        assert learnt().run(data) == len(data)
    assert learnt().run(chat(text) + b"data: [DONE]\n\n") == len(chat(text))


@pytest.mark.parametrize(
    "data",
    [
        chat(b"\\u00e9"),  # an escape for the full reader
        chat(b"\\"),  # its end is escaped
        chat(b"\\") + chat(b"n"),  # an escape over two texts
        chat("é".encode()[:1]) + chat("é".encode()[1:]),  # a character over two texts
        chat(b"\xff"),
        chat(b"a\nb"),
        chat(b'","role":"x'),
        chat(b'"},"finish_reason":"stop","x":{"y":"'),
        chat(b"a")[:-1],
        chat(b"a").replace(b"choices", b"Choices"),
        b"data: [DONE]\n\n",
        BEGIN + END[1:],  # the ends of what was learnt overlap
        b"\n" + chat(b"a"),
    ],
)
def test_what_says_anything_else_is_read_in_full(data):
    assert learnt().run(data) == 0


@pytest.mark.parametrize("frame", [chat(b'a","content":"b'), chat(b"\\u0061"), b'data: {"choices":[]}\n\n'])
def test_what_has_no_one_plain_text_teaches_nothing(frame):
    assert learnt(frame).run(frame) == 0


def test_after_a_change_nothing_is_known():
    alike = learnt()
    assert alike.run(chat(b"b"))
    alike.forget()
    assert alike.run(chat(b"b")) == 0


def test_frames_at_their_limit_and_one_beyond():
    most = chat(b"x" * (FRAME_BYTES_MAX - len(chat(b"")) + 2))  # the limit counts no blank line
    assert learnt().run(most[: -len(END) - 2] + END) == FRAME_BYTES_MAX
    stream = AnswerStream(CHAT)
    assert stream.feed(chat(b"a") + chat(b"a")) == chat(b"a") * 2
    assert stream.feed(most) == most
    with pytest.raises(UpstreamError):
        stream.feed(most[: -len(END)] + b"x" + END)


_TEXTS = st.sampled_from([b"", b"a", b"\\n", b"\\", b'"', b"\xc3", b"\xa9", b"\\u0061", b"x y", b"\n\n", b"data: "])
_FRAMES = st.one_of(
    st.lists(_TEXTS, max_size=3).map(b"".join).map(chat),
    st.sampled_from(
        [
            b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
            b'data: {"choices":[{"delta":{"refusal":"no"}}]}\n\n',
            b'data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]}\n\n',
            b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n',
            b'data: {"error":{"content":"a"}}\n\n',
            b'data: {"choices":[{"delta":{"content":"a"}}],"model":"m"}\n\n',
            b": comment\n\n",
            b"data: [DONE]\n\n",
        ]
    ),
)
_DELTA = {"type": "text_delta", "text": "a"}
_EVENTS = st.sampled_from(
    [
        block("message_start", message={"type": "message", "content": [], "model": "m"}),
        block("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        block("content_block_start", index=1, content_block={"type": "text", "text": ""}),
        *[block("content_block_delta", index=0, delta=_DELTA | {"text": text}) for text in ("a", "b c", "\n", "é")],
        block("content_block_delta", index=1, delta=_DELTA),
        block("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "a"}),
        block("content_block_stop", index=0),
        block("message_stop"),
    ]
)


def told(stream, reads):
    out = []
    for read in reads:
        try:
            out.append(stream.feed(read))
        except UpstreamError as error:
            out.append(error.code)
            break
    return out, stream.facts, stream.done


def as_read_in_full(stream, reads):
    stream._alike.run = lambda _data: 0
    return told(stream, reads)


@given(st.lists(st.lists(_FRAMES, max_size=4).map(b"".join), max_size=6))
def test_a_chat_comes_out_as_if_every_frame_were_read(reads):
    reads = [chat(b"first"), chat(b"second"), *reads]
    assert told(AnswerStream(CHAT), reads) == as_read_in_full(AnswerStream(CHAT), reads)


@given(st.lists(st.lists(_EVENTS, max_size=4).map(b"".join), max_size=6))
def test_a_message_comes_out_as_if_every_event_were_read(reads):
    assert told(MessageStream(MESSAGES), reads) == as_read_in_full(MessageStream(MESSAGES), reads)
