"""What the messages dialect takes and refuses, what its answers say, and that its streams are read in their order."""

import contextlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.gateway.dialects.anthropic_answer import read_answer, read_count
from safeconduct.gateway.dialects.anthropic_request import read_count as read_count_request
from safeconduct.gateway.dialects.anthropic_request import read_messages
from safeconduct.gateway.dialects.anthropic_stream import MessageStream
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.limits import FRAME_BYTES_MAX
from safeconduct.gateway.vendor_outcomes import NoticeKind
from safeconduct.gateway.vendors import members
from safeconduct.kernel.errors import UpstreamError

CLOSED = Shapes()
OPEN = Shapes(
    tools=("look",), media=("image", "document"), history=True, provider_tools=("web_fetch", "code_execution", "mcp")
)
TOOL = {"name": "look", "input_schema": {"type": "object"}}
B64 = {"type": "base64", "media_type": "image/png", "data": "aGk="}
NOISE = st.binary(max_size=60)


def body(**fields):
    members = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]} | fields
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def block(*blocks, role="user"):
    return body(messages=[{"role": role, "content": list(blocks)}])


def refused(data, shapes=CLOSED, read=read_messages):
    with pytest.raises(DialectError) as caught:
        read(data, shapes)
    return caught.value.code, caught.value.param


def asked(**fields):
    return read_messages(body(**fields), OPEN)


def test_what_a_request_says_of_itself():
    request = asked(stream=True, tools=[TOOL], thinking={"type": "enabled", "budget_tokens": 20}, system="s")
    assert (request.model, request.stream, request.output_tokens, request.tools) == ("m", True, 20, ("look",))
    assert request.limits_itself
    assert "s" in request.texts
    assert request.forwarded(model="m", output_tokens=20) is request.body


def test_the_limit_is_filled_in_and_the_rest_stays_byte_for_byte():
    request = read_messages(b'{"x": 1.50, "model":"m","messages":[{"role":"user","content":"\\u00e9"}]}', CLOSED)
    assert not request.limits_itself
    assert request.forwarded(model="w", output_tokens=7) == (
        b'{"x":1.50,"model":"w","messages":[{"role":"user","content":"\\u00e9"}],"max_tokens":7}'
    )


def test_whom_the_caller_names_to_the_vendor_is_not_passed_on():
    request = asked(metadata={"user_id": "somebody"})
    wanted = members("anthropic", "anthropic.messages", "derived", "", frozenset())
    sent = json.loads(request.forwarded(model="m", output_tokens=9, vendor=wanted))
    assert sent["metadata"] == {"user_id": "derived"}


TAKEN = [
    block({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}),
    block({"type": "thinking", "thinking": "x", "signature": "s"}, role="assistant"),
    block({"type": "redacted_thinking", "data": "x"}, role="assistant"),
    block({"type": "tool_use", "id": "t", "name": "look", "input": {"a": [1]}}, role="assistant"),
    block({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}]}),
    block({"type": "tool_result", "tool_use_id": "t"}),
    block({"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]}),
    body(system=[{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]),
    body(messages=[{"role": "user", "content": "x"}, {"role": "system", "content": "y"}]),
    body(thinking={"type": "adaptive"}, stop_sequences=["a"], service_tier="auto", temperature=0.5, top_k=4),
    body(tool_choice={"type": "any", "disable_parallel_tool_use": True}, tools=[TOOL | {"type": "custom"}]),
    body(output_config={"format": {"type": "json_schema", "schema": {}}}, speed="standard", max_tokens=0),
    body(unknown_word="goes on"),
]


@pytest.mark.parametrize("data", TAKEN)
def test_text_and_functions_are_taken_as_they_are(data):
    request = read_messages(data, CLOSED)
    assert request.media == ()
    assert request.forwarded(model="m", output_tokens=9) is data


# What a closed path refuses and an open one takes: code, place, request.
LIFTED = [
    ("images-not-allowed", "messages[0].content[0]", block({"type": "image", "source": B64})),
    (
        "images-not-allowed",
        "messages[0].content[0].content[0]",
        block({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": B64}]}),
    ),
    ("documents-not-allowed", "messages[0].content[0]", block({"type": "document", "source": B64})),
    ("history-out-of-sight", "thread", body(thread={"type": "continue"})),
    ("history-out-of-sight", "diagnostics", body(diagnostics={"previous_message_id": "m"})),
    ("provider-side-tool", "mcp_servers", body(mcp_servers=[{"url": "https://x"}])),
    ("provider-side-tool", "container", body(container="c")),
    ("provider-side-tool", "tools[0]", body(tools=[{"type": "code_execution_20260521", "name": "code_execution"}])),
    ("provider-side-tool", "tools[0].allowed_callers", body(tools=[TOOL | {"allowed_callers": ["code_execution"]}])),
    ("provider-side-tool", "messages[0].content[0]", block({"type": "server_tool_use", "name": "web_fetch"})),
    ("provider-side-tool", "messages[0].content[0]", block({"type": "mcp_tool_result"})),
]  # fmt: skip


@pytest.mark.parametrize(("code", "place", "data"), LIFTED)
def test_what_a_path_must_allow_by_name(code, place, data):
    assert refused(data) == (code, place)
    read_messages(data, OPEN)


def test_an_address_or_a_stored_file_is_an_errand_and_no_content():
    media = Shapes(media=("image", "document"))
    for source, code in (
        ({"type": "url", "url": "https://x/y.png"}, "remote-content-not-allowed"),
        ({"type": "file", "file_id": "f"}, "history-out-of-sight"),
    ):
        data = block({"type": "image", "source": source})
        assert refused(data, media) == (code, "messages[0].content[0].source")
        assert read_messages(data, OPEN).media == ("image",)


@pytest.mark.parametrize(
    ("data", "code", "param"),
    [
        (body(messages=[]), "messages-missing", "messages"),
        (body(messages=[{"role": "tool", "content": "x"}]), "unknown-shape", "messages[0]"),
        (body(messages=[{"role": "user", "content": 3}]), "unknown-shape", "messages[0].content"),
        (body(messages=[{"role": "user", "content": "x", "more": {}}]), "unknown-shape", "messages[0].more"),
        (body(model=""), "model-missing", "model"),
        (body(stream=1), "unknown-shape", "stream"),
        (body(max_tokens=-1), "unknown-shape", "max_tokens"),
        (body(max_tokens=True), "unknown-shape", "max_tokens"),
        (body(thinking=[]), "unknown-shape", "thinking"),
        (body(thinking={"type": "enabled", "budget_tokens": "9"}), "unknown-shape", "thinking.budget_tokens"),
        (body(metadata={"user_id": "u", "more": 1}), "unknown-shape", "metadata"),
        (body(speed="fast"), "service-tier-not-allowed", "speed"),
        (body(inference_geo="us"), "unknown-shape", "inference_geo"),
        (body(fallbacks=[{"model": "n"}]), "unknown-shape", "fallbacks"),
        (body(user_profile_id="u"), "vendor-field-derived", "user_profile_id"),
        (body(maxTokens=99), "ambiguous-name", "maxTokens"),
        (body(novel={}), "unknown-shape", "novel"),
        (body(tools={}), "unknown-shape", "tools"),
        (body(tools=[{"name": "look"}]), "unknown-shape", "tools[0]"),
        (body(tools=[TOOL | {"novel": {}}]), "unknown-shape", "tools[0].novel"),
        (body(tool_choice="auto"), "unknown-shape", "tool_choice"),
        (block({"type": "text", "text": 1}), "unknown-shape", "messages[0].content[0].text"),
        (block({"type": "text", "text": "x", "novel": {}}), "unknown-shape", "messages[0].content[0].novel"),
        (block({"type": "tool_use", "id": "t", "name": "n", "input": "{}"}), "unknown-shape",
         "messages[0].content[0].input"),
        (block({"type": "novel"}), "content-not-allowed", "messages[0].content[0]"),
        (block("x"), "unknown-shape", "messages[0].content[0]"),
        (b'{"model":"m","model":"n"}', "duplicate-name", "model"),
    ],
)  # fmt: skip
def test_shapes_without_a_reading(data, code, param):
    assert refused(data, OPEN) == (code, param)


def test_counting_asks_for_no_answer():
    data = body(max_tokens=None)
    request = read_count_request(data, CLOSED)
    assert (request.stream, request.output_tokens, request.limits_itself) == (False, 0, True)
    assert request.forwarded(model="m", output_tokens=0) is data
    assert refused(body(), read=read_count_request) == ("unknown-shape", "max_tokens")
    assert refused(body(max_tokens=None, stream=True), read=read_count_request) == ("unknown-shape", "stream")
    facts = read_count(b'{"input_tokens":12}', request)
    assert (facts.prompt_tokens, facts.completion_tokens) == (0, 0)
    for wrong in (b"{}", b'{"input_tokens":-1}', b'{"input_tokens":"1"}', b"\xff"):
        with pytest.raises(UpstreamError):
            read_count(wrong, request)


# Answers.

USAGE = {"input_tokens": 5, "output_tokens": 2, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 4}
CALL = {"type": "tool_use", "id": "t", "name": "look", "input": {}}
OFFERING = asked(tools=[TOOL])
PLAIN = asked()


def message(*content, **fields):
    members = {"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": list(content)}
    return json.dumps(members | {"stop_reason": "end_turn", "usage": USAGE} | fields).encode()


def test_an_answers_facts_count_what_a_cache_holds_as_prompt():
    facts = read_answer(message({"type": "text", "text": "x"}), PLAIN)
    assert (facts.finish_reason, facts.prompt_tokens, facts.completion_tokens) == ("end_turn", 12, 2)
    assert facts.notices == ()


def test_a_vendors_refusal_is_a_notice_with_its_category_and_none_of_its_words():
    details = {"type": "refusal", "category": "cyber", "explanation": "free text"}
    facts = read_answer(message(stop_reason="refusal", stop_details=details), PLAIN)
    assert facts.finish_reason == "refusal"
    kinds = [(one.kind, one.reason) for one in facts.notices]
    assert kinds == [(NoticeKind.REFUSAL, "cyber"), (NoticeKind.SAFETY, "cyber")]
    odd = read_answer(message(stop_reason="refusal", stop_details=details | {"category": "free text"}), PLAIN)
    assert [one.reason for one in odd.notices] == ["unspecified"]
    assert read_answer(message(stop_reason="free text"), PLAIN).finish_reason == "other"


def test_only_offered_tools_are_called():
    assert read_answer(message(CALL, stop_reason="tool_use"), OFFERING).finish_reason == "tool_use"
    searched = {"type": "server_tool_use", "name": "web_search"}
    for content in (CALL | {"name": "other"}, searched, {"type": "mcp_tool_use"}, {"type": "web_search_tool_result"}):
        with pytest.raises(UpstreamError) as caught:
            read_answer(message(content), OFFERING)
        assert caught.value.code == "tool-call-not-offered"


def test_a_tool_of_the_vendor_does_not_let_the_model_call_other_functions():
    """The vendor runs its own tools by names of its own; whoever asked runs what it offered, and nothing else."""
    fetch = {"type": "web_fetch_20250910", "name": "web_fetch"}
    offering = asked(tools=[TOOL, fetch])
    for content in (CALL, {"type": "server_tool_use", "name": "web_fetch"}, CALL | {"name": "web_fetch"}):
        assert read_answer(message(content), offering).finish_reason == "end_turn"
    with pytest.raises(UpstreamError) as caught:
        read_answer(message(CALL | {"name": "other"}), offering)
    assert caught.value.code == "tool-call-not-offered"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b'{"type":"message"}',
        b'{"type":"error","error":{"type":"api_error","message":"key"}}',
        b'{"type":"message","content":[{"type":"novel"}]}',
        b'{"type":"message","content":[3]}',
        b'{"type":"message","\xff":1}',
    ],
)
def test_what_is_no_answer(answer):
    with pytest.raises(UpstreamError) as caught:
        read_answer(answer, PLAIN)
    assert "key" not in caught.value.message


# Streams.


def event(kind, **members):
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | members)}\n\n".encode()


def start(**usage):
    opened = {"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    return event("message_start", message=opened | {"usage": {"input_tokens": 5, "output_tokens": 1} | usage})


def text(index, *pieces):
    deltas = [event("content_block_delta", index=index, delta={"type": "text_delta", "text": one}) for one in pieces]
    opened = event("content_block_start", index=index, content_block={"type": "text", "text": ""})
    return opened + b"".join(deltas) + event("content_block_stop", index=index)


END = event(
    "message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 7}
) + event("message_stop")
STREAM = start() + event("ping") + text(0, "a", "\u00e9\n") + END


def fed(data, request=PLAIN):
    reader = MessageStream(request)
    return reader.feed(data), reader


def test_a_stream_is_released_as_it_came():
    released, reader = fed(STREAM)
    assert released == STREAM
    assert reader.done
    assert (reader.facts.finish_reason, reader.facts.prompt_tokens, reader.facts.completion_tokens) == (
        "end_turn",
        5,
        7,
    )


def test_nothing_is_released_after_the_end_and_no_comment_of_an_upstreams():
    released, _ = fed(STREAM + text(0, "more"))
    assert released == STREAM
    released, _ = fed(b": safeconduct-receipt forged\n\n" + STREAM)
    assert released == b":\n\n" + STREAM


def test_an_events_name_is_what_its_data_says():
    released, _ = fed(STREAM.replace(b"event: ping", b"event: error"))
    assert released == STREAM


def test_a_call_of_a_tool_that_nobody_offered_ends_the_stream():
    opened = event("content_block_start", index=0, content_block=CALL)
    assert fed(start() + opened, OFFERING)[0] == start() + opened
    with pytest.raises(UpstreamError) as caught:
        fed(start() + opened)
    assert caught.value.code == "tool-call-not-offered"


@pytest.mark.parametrize(
    "data",
    [
        END,
        start() + start(),
        start() + text(1, "a"),
        start() + text(0, "a") + text(0, "a"),
        start() + event("content_block_delta", index=0, delta={"type": "text_delta", "text": "a"}),
        start() + event("content_block_stop", index=0),
        start() + text(0, "a").replace(b"text_delta", b"input_json_delta"),
        start() + event("content_block_start", index=0, content_block={"type": "text"}) + END,
        start() + event("error", error={"type": "overloaded_error", "message": "key"}),
        start() + event("novel"),
        start() + b"data: [DONE]\n\n",
        b"data: {}\n\n",
        b"data: \xff\n\n",
        b"data: " + b"x" * (FRAME_BYTES_MAX + 1),
    ],
)
def test_events_out_of_their_order(data):
    with pytest.raises(UpstreamError):
        fed(data)


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_a_stream_is_the_same_whatever_way_it_is_chopped(cuts):
    bounds = [0, *sorted(cuts), len(STREAM)]
    reader = MessageStream(PLAIN)
    assert b"".join(reader.feed(STREAM[a:b]) for a, b in itertools.pairwise(bounds)) == STREAM
    assert reader.done


@given(st.one_of(NOISE, st.builds(lambda at, noise: STREAM[:at] + noise, st.integers(0, len(STREAM)), NOISE)))
def test_arbitrary_bytes_give_only_our_errors(data):
    with contextlib.suppress(UpstreamError):
        fed(data + b"\n\n")
    with contextlib.suppress(UpstreamError):
        read_answer(data, PLAIN)


@given(st.one_of(NOISE, st.builds(lambda at, noise: TAKEN[0][:at] + noise + TAKEN[0][at:], st.integers(0, 80), NOISE)))
def test_arbitrary_requests_give_only_our_errors(data):
    with contextlib.suppress(DialectError):
        read_messages(data, OPEN)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(
        ("type", "text", "content", "source", "role", "name", "input", "data", "tools", "messages", "id", "caller")
    ), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.sampled_from(("messages", "system", "tools", "tool_choice", "thinking", "metadata", "container")), JSONS)
def test_arbitrary_values_give_only_our_errors(name, value):
    with contextlib.suppress(DialectError):
        read_messages(body(**{name: value}), OPEN)


@given(st.sampled_from(("text", "image", "document", "tool_use", "tool_result", "server_tool_use")), JSONS, JSONS)
def test_arbitrary_blocks_give_only_our_errors(kind, one, other):
    with contextlib.suppress(DialectError):
        read_messages(block({"type": kind, "content": one, "source": other, "caller": one, "name": other}), OPEN)
