"""Frames come out whole whatever the reads; nothing of the upstream's own talk comes out."""

import contextlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.gateway.dialects import openai_answer
from safeconduct.gateway.dialects.model import AnswerFacts, Shapes
from safeconduct.gateway.dialects.openai_chat import read_chat
from safeconduct.gateway.dialects.refusals import upstream_refusal
from safeconduct.gateway.dialects.sse import Frames
from safeconduct.gateway.limits import (
    ANSWER_BYTES_BASE,
    ANSWER_BYTES_MAX,
    ANSWER_BYTES_PER_TOKEN,
    FRAME_BYTES_MAX,
    TOOL_CALLS_MAX,
    answer_bytes_max,
)
from safeconduct.kernel.errors import UpstreamError
from support.call_ends import request

CHUNK = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
LAST = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
ASKED = read_chat(request(tools=[{"type": "function", "function": {"name": "f"}}]), Shapes())
UNASKED = read_chat(request(stream=True), Shapes())
STREAM = CHUNK * 3 + LAST + DONE


def stream_reader():
    return openai_answer.AnswerStream(ASKED)


def read_answer(body):
    return openai_answer.read_answer(body, ASKED)


def code_of(work, *arguments):
    with pytest.raises(UpstreamError) as caught:
        work(*arguments)
    return caught.value.code


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_however_it_is_cut_into_reads_the_same_comes_out(places):
    stream, out = stream_reader(), b""
    cuts = [0, *sorted(places), len(STREAM)]
    for start, end in itertools.pairwise(cuts):
        part = stream.feed(STREAM[start:end])
        assert part == b"" or part.endswith(b"\n\n")
        out += part
    assert out == STREAM
    assert stream.done
    assert stream.facts == AnswerFacts(finish_reason="stop", prompt_tokens=5, completion_tokens=2)


def turn(*calls, index=0, kind="delta"):
    return b"data: " + json.dumps({"choices": [{"index": index, kind: {"tool_calls": calls}}]}).encode() + b"\n\n"


def call(name=None, arguments="", **members):
    function = {"arguments": arguments} | ({} if name is None else {"name": name})
    return {"index": 0, "function": function} | members


@pytest.mark.parametrize(
    ("taken", "refused_one"),
    [
        (turn(call("f", type="function")), turn(call("g", type="function"))),
        (turn(call("f")), turn(call())),
        (turn(call("f")), turn(call("f", type="custom"))),
        (turn(call("f")) + turn(call(arguments="{}")), turn(call("f")) + turn(call("f"))),
        (turn(call("f")) + turn(call("")), turn(call("f")) + turn(call("g"))),
        (turn(call("f")) + turn(call("f", index=1)), turn(call("f")) + turn(call(index=1))),
        (turn(call("f"), call("f", index=1)), turn(call("f"), call("g", index=1))),
        (turn(call("f")) + turn(call("f"), index=1), turn(call("f")) + turn(call(), index=1)),
        (turn(call("f"), kind="message"), turn(call("g"), kind="message")),
    ],
)
def test_only_calls_of_what_was_offered_come_out(taken, refused_one):
    assert stream_reader().feed(taken) == taken
    assert code_of(stream_reader().feed, refused_one) == "tool-call-not-offered"


@pytest.mark.parametrize(("more", "taken"), [(0, True), (1, False)])
def test_calls_at_their_limit_and_one_beyond(more, taken):
    calls = turn(*(call("f", index=number) for number in range(TOOL_CALLS_MAX + more)))
    if taken:
        assert stream_reader().feed(calls) == calls
    else:
        assert code_of(stream_reader().feed, calls) == "upstream-answer-invalid"


def test_a_whole_answer_calls_only_what_was_offered():
    good = {"choices": [{"message": {"tool_calls": [call("f"), call("f")]}, "finish_reason": "tool_calls"}]}
    assert read_answer(json.dumps(good).encode()) == AnswerFacts(finish_reason="tool_calls")
    bad = {"choices": [{"message": {"tool_calls": [call("f"), call("g")]}}]}
    assert code_of(read_answer, json.dumps(bad).encode()) == "tool-call-not-offered"


USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n'


def test_the_tokens_of_a_stream_are_known_and_told_only_to_who_asked():
    asked = read_chat(request(stream=True, stream_options={"include_usage": True}), Shapes())
    for chat, released in ((asked, CHUNK + USAGE + DONE), (UNASKED, CHUNK + DONE)):
        stream = openai_answer.AnswerStream(chat)
        assert stream.feed(CHUNK + USAGE + DONE) == released
        assert (stream.facts.prompt_tokens, stream.facts.completion_tokens) == (5, 2)


@given(st.binary(max_size=40), st.lists(st.integers(0, 40), max_size=8))
def test_frames_do_not_depend_on_how_bytes_are_cut(data, places):
    data = data.replace(b"a", b"\n").replace(b"b", b"\r")
    whole, cut, cuts = Frames(8), Frames(8), [0, *sorted(places), len(data)]
    out = []

    def pieces():
        for start, end in itertools.pairwise(cuts):
            out.extend(cut.feed(data[start:end]))

    try:
        expected = whole.feed(data)
    except UpstreamError:
        with pytest.raises(UpstreamError):
            pieces()
    else:
        pieces()
        assert (out, cut.rest) == (expected, whole.rest)


def test_all_frames_of_one_read_come_out_together():
    assert stream_reader().feed(CHUNK * 5 + CHUNK[:-1]) == CHUNK * 5


@pytest.mark.parametrize(
    ("sent", "released"),
    [
        (CHUNK.replace(b"\n", b"\r\n"), CHUNK),
        (b": a comment with a host\n\n" + CHUNK, b":\n\n" + CHUNK),
        (b": c\n" + CHUNK, CHUNK),
        (b"event: message\nid: 7\nretry: 1\n" + CHUNK, CHUNK),
        (b'data: {"choices":\ndata: []}\n\n', b'data: {"choices":\ndata: []}\n\n'),
        (b"\n\n\n\n" + CHUNK, CHUNK),
        (DONE + CHUNK, DONE),
        (b"data:[DONE]\n\n", DONE),
    ],
)
def test_only_data_comes_out(sent, released):
    assert stream_reader().feed(sent) == released


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"data: {\n\n", "upstream-answer-invalid"),
        (b"data: []\n\n", "upstream-answer-invalid"),
        (b'data: {"object":"x"}\n\n', "upstream-answer-invalid"),
        (b'data: {"choices":[7]}\n\n', "upstream-answer-invalid"),
        (b'data: {"choices":[],"x":"\xff"}\n\n', "upstream-answer-invalid"),
        (b'data: {"error":{"message":"x"},"choices":[]}\n\n', "upstream-failed"),
        (b'data: {"choices":[{"delta":{"tool_calls":[{"id":"1"}]}}]}\n\n', "tool-call-not-offered"),
        (b'data: {"choices":[{"delta":{"function_call":{"name":"f"}}}]}\n\n', "tool-call-not-offered"),
    ],
)
def test_what_is_no_chunk_is_refused(sent, code):
    assert code_of(stream_reader().feed, CHUNK + sent) == code


@pytest.mark.parametrize(("more", "taken"), [(0, True), (1, False)])
def test_a_frame_at_its_limit_and_one_beyond(more, taken):
    stream = stream_reader()
    data = b"data: " + b"x" * (FRAME_BYTES_MAX - 6 + more)
    if taken:
        assert stream.feed(data) == b""
    else:
        assert code_of(stream.feed, data) == "upstream-answer-invalid"


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        (b'{"choices":[]}', AnswerFacts()),
        (b'{"choices":[{"finish_reason":"made up"}]}', AnswerFacts(finish_reason="other")),
        (b'{"choices":[],"usage":{"prompt_tokens":-1}}', AnswerFacts()),
        (b'{"choices":[],"usage":{"prompt_tokens":9007199254740992}}', AnswerFacts()),
        (b'{"choices":[],"usage":{"prompt_tokens":9007199254740991}}', AnswerFacts(prompt_tokens=2**53 - 1)),
        (b'{"choices":[{"message":{"tool_calls":[]}}],"error":null}', AnswerFacts()),
    ],
)
def test_what_an_answer_says_of_itself_is_bounded(body, facts):
    assert read_answer(body) == facts


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_an_answer_or_an_error(body):
    for work in (read_answer, stream_reader().feed):
        with contextlib.suppress(UpstreamError):
            assert work(body) is not None


@pytest.mark.parametrize(
    "status", [100, 201, 204, 300, 302, 400, 401, 404, 408, 413, 422, 429, 499, 500, 502, 504, 599]
)
def test_no_word_of_the_upstreams_error_is_told(status):
    error = upstream_refusal(status, b'{"error":"sk-secret context exceeded at host"}')
    assert "sk-secret" not in f"{error} {error.remedy} {error.clause}"


@pytest.mark.parametrize(
    ("tokens", "most"),
    [
        (1, ANSWER_BYTES_BASE + ANSWER_BYTES_PER_TOKEN),
        (700, ANSWER_BYTES_BASE + 700 * ANSWER_BYTES_PER_TOKEN),
        (10**6, ANSWER_BYTES_MAX),
    ],
)
def test_the_longest_answer(tokens, most):
    assert answer_bytes_max(tokens) == most
