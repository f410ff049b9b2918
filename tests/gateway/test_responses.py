"""OpenAI's responses: what is taken, what must not pass, what is set on the wire, and which events come out."""

import contextlib
import itertools
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.gateway.dialects.model import AnswerFacts, Shapes
from safeconduct.gateway.dialects.openai_responses import ECHOES, read_response
from safeconduct.gateway.dialects.openai_responses_answer import ResponseStream, read_response_answer
from safeconduct.gateway.dialects.registry import OPENAI_RESPONSES
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.limits import MESSAGES_MAX, RESPONSE_FRAME_BYTES_MAX
from safeconduct.gateway.vendor_outcomes import refused
from safeconduct.kernel.errors import UpstreamError

WIDE = Shapes(tools=("f",), media=("image", "document"), history=True, provider_tools=("web_search",))
PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}
USER = {"role": "user", "content": "hi"}


def body(**fields):
    return json.dumps({"model": "m", "input": "hi", **fields}).encode()


def items(*found):
    return {"input": [USER, *found]}


def parts(*found):
    return items({"role": "user", "content": [{"type": "input_text", "text": "see"}, *found]})


def code_of(work, *arguments):
    with pytest.raises((DialectError, UpstreamError)) as caught:
        work(*arguments)
    return caught.value.code


CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "done"}
THOUGHT = {
    "type": "reasoning",
    "id": "r",
    "summary": [{"type": "summary_text", "text": "so"}],
    "encrypted_content": "x",
}


@pytest.mark.parametrize(
    ("taken", "not_taken", "code"),
    [
        ({"tools": [FUNCTION]}, {"tools": [FUNCTION | {"name": ""}]}, "unknown-shape"),
        ({"tools": [FUNCTION]}, {"tools": [FUNCTION | {"allowed_callers": ["programmatic"]}]}, "unknown-shape"),
        ({"tools": [{"type": "web_search"}]}, {"tools": [{"type": "web_search_preview"}]}, "provider-side-tool"),
        ({"tools": [{"type": "web_search"}]}, {"tools": [{"type": "mcp", "server_url": "x"}]}, "provider-side-tool"),
        ({"tools": [{"type": "web_search"}]}, {"tools": [{"type": "computer"}]}, "provider-side-tool"),
        ({"tools": [{"type": "web_search"}]}, {"tools": [{"type": ["web_search"]}]}, "provider-side-tool"),
        (
            {"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "f"}},
            {"tools": [FUNCTION], "tool_choice": {"type": "mcp", "name": "f"}},
            "unknown-shape",
        ),
        (items(CALL, OUTPUT), items(CALL | {"name": 7}), "unknown-shape"),
        (items(CALL, OUTPUT), items(CALL | {"action": {"type": "exec"}}), "unknown-shape"),
        (items(CALL, OUTPUT), items(OUTPUT | {"output": {"file_id": "f"}}), "unknown-shape"),
        (items(THOUGHT), items(THOUGHT | {"content": [{"type": "input_text", "text": "x"}]}), "content-not-allowed"),
        (items({"type": "web_search_call", "id": "w"}), items({"type": "mcp_call", "id": "w"}), "unknown-shape"),
        (items({"type": "message", **USER}), items({"type": "item_reference", "id": "i"}), "history-out-of-sight"),
        (items(USER), items({"id": "i"}), "history-out-of-sight"),
        (items(USER), items({"type": "compaction", "encrypted_content": "x"}), "unknown-shape"),
        (items(USER), items(USER | {"role": "tool"}), "unknown-shape"),
        (items(USER), {"input": []}, "messages-missing"),
        (items(USER), {"input": None}, "messages-missing"),
        (
            parts({"type": "input_image", "image_url": PNG, "detail": "auto"}),
            parts({"type": "input_image", "image_url": "https://e.example/a.png", "detail": "auto"}),
            "remote-content-not-allowed",
        ),
        (
            parts({"type": "input_image", "image_url": PNG}),
            parts({"type": "input_image", "image_url": {"url": PNG}}),
            "unknown-shape",
        ),
        (
            parts({"type": "input_image", "image_url": PNG}),
            parts({"type": "input_image", "file_id": "f"}),
            "history-out-of-sight",
        ),
        (
            parts({"type": "input_file", "filename": "a.pdf", "file_data": PDF}),
            parts({"type": "input_file", "file_url": "https://e.example/a.pdf"}),
            "remote-content-not-allowed",
        ),
        (
            parts({"type": "input_file", "file_data": PDF}),
            parts({"type": "input_audio", "input_audio": {}}),
            "content-not-allowed",
        ),
        ({"previous_response_id": "r"}, {"prompt": {"id": "p"}}, "history-out-of-sight"),
        ({"conversation": {"id": "c"}}, {"context_management": [{"type": "compaction"}]}, "history-out-of-sight"),
        ({"store": True}, {"background": True}, "background-not-allowed"),
        ({"store": True}, {"store": "yes"}, "unknown-shape"),
        ({"user": "u"}, {"access_programs": {"cyber": "daybreak_red"}}, "vendor-field-derived"),
        ({"text": {"format": {"type": "text"}}}, {"image": {"a": 1}}, "unknown-shape"),
        ({"include": ["reasoning.encrypted_content"]}, {"include": [{}]}, "unknown-shape"),
        ({"client_metadata": {"turn_id": "a"}}, {"client_metadata": {"turn_id": ["a"]}}, "unknown-shape"),
        ({"max_output_tokens": 1}, {"max_output_tokens": 0}, "unknown-shape"),
        ({"max_output_tokens": 1}, {"maxOutputTokens": 1}, "ambiguous-name"),
        ({"instructions": "x"}, {"instructions": [{"role": "user"}]}, "unknown-shape"),
    ],
)
def test_what_a_path_may_let_through_and_the_next_thing_that_it_does_not(taken, not_taken, code):
    assert read_response(body(**taken), WIDE).model == "m"
    assert code_of(read_response, body(**not_taken), WIDE) == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"tools": [{"type": "web_search"}]}, "provider-side-tool"),
        (items({"type": "web_search_call", "id": "w"}), "unknown-shape"),
        ({"previous_response_id": "r"}, "history-out-of-sight"),
        ({"conversation": "c"}, "history-out-of-sight"),
        ({"store": True}, "store-not-allowed"),
        (parts({"type": "input_image", "image_url": PNG}), "images-not-allowed"),
        (items(OUTPUT | {"output": [{"type": "input_file", "file_data": PDF}]}), "documents-not-allowed"),
    ],
)
def test_what_a_path_lets_through_is_refused_by_one_that_does_not(fields, code):
    assert read_response(body(**fields), WIDE)
    assert code_of(read_response, body(**fields), Shapes()) == code


@pytest.mark.parametrize(("count", "taken"), [(MESSAGES_MAX, True), (MESSAGES_MAX + 1, False)])
def test_items_at_the_limit_and_one_beyond(count, taken):
    asked = body(input=[USER] * count)
    assert (
        read_response(asked, Shapes()).model
        if taken
        else code_of(read_response, asked, Shapes()) == "too-many-messages"
    )


def test_what_a_request_says_of_itself():
    asked = read_response(
        body(tools=[FUNCTION, {"type": "web_search"}], stream=True, **parts({"type": "input_file", "file_data": PDF})),
        WIDE,
    )
    assert (asked.tools, asked.provider_tools, asked.media) == (("f",), ("web_search",), ("document",))
    assert (asked.stream, asked.output_tokens, asked.answer_bytes) == (True, None, ECHOES * len(asked.body))
    assert {"hi", "see", "f"} <= set(asked.texts)


@pytest.mark.parametrize(
    ("store", "shapes", "sent"),
    [
        (b"", Shapes(), b',"store":false}'),
        (b',"store":null', Shapes(), b',"store":false}'),
        (b',"store":false', Shapes(), b',"store":false}'),
        (b"", WIDE, b',"store":false}'),
        (b',"store":true', WIDE, b',"store":true}'),
    ],
)
def test_nothing_is_stored_unless_path_and_caller_say_so(store, shapes, sent):
    came = b'{"model":"m","input":"h\\u0069","max_output_tokens":5,"x":1.50' + store + b"}"
    asked = read_response(came, shapes)
    forwarded = asked.forwarded(model="m", output_tokens=9)
    assert forwarded == b'{"model":"m","input":"h\\u0069","max_output_tokens":5,"x":1.50' + sent
    assert (forwarded is came) == (forwarded == came)


def test_a_limit_is_set_where_there_is_none():
    forwarded = read_response(body(), Shapes()).forwarded(model="b", output_tokens=9)
    assert json.loads(forwarded) == {"model": "b", "input": "hi", "store": False, "max_output_tokens": 9}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.dictionaries(st.text(min_size=1, max_size=12).map(lambda name: "x-y." + name), SCALARS, max_size=4))
def test_unknown_scalars_go_on_byte_for_byte(unknown):
    came = body(**unknown)
    sent = msgspec.json.decode(
        read_response(came, Shapes()).forwarded(model="m", output_tokens=9), type=dict[str, msgspec.Raw]
    )
    for name, value in msgspec.json.decode(came, type=dict[str, msgspec.Raw]).items():
        assert bytes(sent[name]) == bytes(value)


@given(
    st.dictionaries(
        st.sampled_from(["model", "input", "tools", "tool_choice", "include", "store", "x"]),
        st.recursive(
            SCALARS,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("type"), inner, max_size=3),
            max_leaves=8,
        ),
    )
)
def test_arbitrary_json_is_read_or_refused(fields):
    with contextlib.suppress(DialectError):
        assert read_response(json.dumps(fields).encode(), WIDE).model == fields["model"]


ASKED = read_response(body(tools=[FUNCTION], stream=True), WIDE)
SEARCHING = read_response(body(tools=[{"type": "web_search"}], stream=True), WIDE)
MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}
USAGE = {"input_tokens": 5, "output_tokens": 2}


def whole(*output, status="completed", **members):
    return {"object": "response", "status": status, "output": output, "usage": USAGE, **members}


def event(name, **members):
    text = json.dumps({"type": name, **members})
    return f"event: {name}\ndata: {text}\n\n".encode()


def item(found, index=0, name="response.output_item.added"):
    return event(name, output_index=index, item=found)


BEGUN = event("response.created", response=whole(status="in_progress", usage=None))
DELTA = event("response.output_text.delta", delta="h", output_index=0)
ARGUMENTS = event("response.function_call_arguments.delta", delta="{", output_index=1)
LAST = event("response.completed", response=whole(MESSAGE, CALL))
STREAM = BEGUN + item(MESSAGE) + DELTA + item(CALL, 1) + ARGUMENTS + item(CALL, 1, "response.output_item.done") + LAST
FACTS = AnswerFacts(finish_reason="tool_calls", prompt_tokens=5, completion_tokens=2)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_however_it_is_cut_into_reads_the_same_comes_out(places):
    stream, out = ResponseStream(ASKED), b""
    for start, end in itertools.pairwise([0, *sorted(places), len(STREAM)]):
        out += stream.feed(STREAM[start:end])
    assert (out, stream.done, stream.facts) == (STREAM, True, FACTS)


@pytest.mark.parametrize(
    ("sent", "released"),
    [
        (b"id: 7\nretry: 1\n" + DELTA, DELTA),
        (b": safeconduct-receipt forged\n\n" + DELTA, b":\n\n" + DELTA),
        (b"event: other\ndata: " + DELTA.split(b"data: ")[1], DELTA),
        (LAST + DELTA + b"data: [DONE]\n\n", LAST),
        (event("keepalive", sequence_number=1) + DELTA, DELTA),
        (event("response.mcp_call.in_progress", output_index=0) + DELTA, DELTA),
        (event("response.web_search_call.searching", output_index=0), b""),
    ],
)
def test_only_events_with_a_reading_come_out(sent, released):
    assert ResponseStream(ASKED).feed(sent) == released


def test_events_of_a_tool_that_the_request_offers_come_out():
    own = event("response.web_search_call.searching", output_index=0) + item({"type": "web_search_call"})
    assert ResponseStream(SEARCHING).feed(own) == own
    forged = b'data: {"type":"response.web_search_call.\\n\\n: safeconduct-receipt x"}\n\n'
    assert ResponseStream(SEARCHING).feed(forged) == b""


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"data: {\n\n", "upstream-answer-invalid"),
        (b"data: []\n\n", "upstream-answer-invalid"),
        (b'data: {"x":1}\n\n', "upstream-answer-invalid"),
        (b'data: {"type":"response.output_text.delta","x":"\xff"}\n\n', "upstream-answer-invalid"),
        (event("response.output_item.added", output_index=0), "upstream-answer-invalid"),
        (event("response.completed"), "upstream-answer-invalid"),
        (event("response.completed", response=whole(status="queued")), "upstream-answer-invalid"),
        (event("error", message="secret"), "upstream-failed"),
        (event("response.failed", response=whole(status="failed")), "upstream-failed"),
        (event("response.in_progress", response=whole(error={"message": "secret"})), "upstream-failed"),
        (event("response.output_text.delta", error={"message": "secret"}), "upstream-failed"),
        (item(CALL | {"name": "g"}), "tool-call-not-offered"),
        (item({"type": "mcp_call", "name": "f"}), "tool-call-not-offered"),
        (item({"type": "web_search_call"}), "tool-call-not-offered"),
        (item({"type": "custom_tool_call", "name": "f"}), "tool-call-not-offered"),
        (ARGUMENTS, "tool-call-not-offered"),
        (item(CALL, 0) + ARGUMENTS, "tool-call-not-offered"),
        (event("response.completed", response=whole(CALL | {"name": "g"})), "tool-call-not-offered"),
    ],
)
def test_what_is_no_event_is_refused(sent, code):
    assert code_of(ResponseStream(ASKED).feed, DELTA + sent) == code


@pytest.mark.parametrize(("more", "taken"), [(0, True), (1, False)])
def test_an_event_at_its_limit_and_one_beyond(more, taken):
    data = b"data: " + b"x" * (RESPONSE_FRAME_BYTES_MAX - 6 + more)
    stream = ResponseStream(ASKED)
    assert stream.feed(data) == b"" if taken else code_of(stream.feed, data) == "upstream-answer-invalid"


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        (whole(MESSAGE), AnswerFacts(finish_reason="stop", prompt_tokens=5, completion_tokens=2)),
        (whole(CALL, CALL), FACTS),
        (whole(usage=None, model="m-1"), AnswerFacts(model="m-1", finish_reason="stop")),
        (
            whole({"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}, usage=None),
            AnswerFacts(finish_reason="stop", notices=refused("model")),
        ),
        (
            whole(status="incomplete", incomplete_details={"reason": "content_filter"}, usage=None),
            AnswerFacts(finish_reason="content_filter", notices=refused("content-filter")),
        ),
        (whole(usage={"input_tokens": -1}), AnswerFacts(finish_reason="stop")),
        (
            whole(status="incomplete", incomplete_details={"reason": "max_output_tokens"}, usage=None),
            AnswerFacts(finish_reason="length"),
        ),
        (
            whole(status="incomplete", incomplete_details={"reason": "x"}, usage=None),
            AnswerFacts(finish_reason="other"),
        ),
    ],
)
def test_a_whole_answer(answer, facts):
    assert read_response_answer(json.dumps(answer).encode(), ASKED) == facts


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"object": "response"}, "upstream-answer-invalid"),
        (whole(status="queued"), "upstream-answer-invalid"),
        (whole(status=None), "upstream-answer-invalid"),
        (whole(status="failed"), "upstream-failed"),
        (whole(error={"message": "secret"}), "upstream-failed"),
        (whole(CALL | {"name": "g"}), "tool-call-not-offered"),
        (whole({"type": "code_interpreter_call"}), "tool-call-not-offered"),
        (whole({"name": "f"}), "upstream-answer-invalid"),
    ],
)
def test_a_whole_answer_that_is_none(answer, code):
    assert code_of(read_response_answer, json.dumps(answer).encode(), ASKED) == code


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_an_answer_or_an_error(data):
    for work in (lambda data: read_response_answer(data, ASKED), ResponseStream(ASKED).feed):
        with contextlib.suppress(UpstreamError):
            assert work(data) is not None


def test_an_error_within_a_stream_is_a_typed_event():
    error = UpstreamError("it broke", code="upstream-broke")
    name, data, *_ = OPENAI_RESPONSES.error_frame(error, "C").split(b"\n")
    told = json.loads(data.removeprefix(b"data: "))
    assert (name, told["type"], told["code"], told["error"]["call"]) == (
        b"event: error",
        "error",
        "upstream-broke",
        "C",
    )
