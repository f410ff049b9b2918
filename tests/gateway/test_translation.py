"""Translation there and back keeps what was said, streams say what whole answers say, and nothing is lost silently."""

import contextlib
import json
import typing
from pathlib import Path

import pytest
from anthropic.types import message as anthropic_message
from anthropic.types import (
    message_create_params,
    text_block_param,
    tool_param,
    tool_result_block_param,
    tool_use_block_param,
)
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import chat_completion, chat_completion_message, completion_create_params

from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.dialects.registry import ANTHROPIC_MESSAGES, OPENAI_CHAT
from safeconduct.gateway.dialects.translation.between import TRANSLATIONS
from safeconduct.gateway.dialects.translation.reference import reference
from safeconduct.gateway.dialects.translation.table import STOP_REASONS, TABLE
from safeconduct.gateway.errors import DialectError
from safeconduct.kernel.errors import UpstreamError

SHAPES = Shapes(tools=("look", "run"), media=("image",), history=True, provider_tools=("mcp",))
TO_MESSAGES = TRANSLATIONS["openai.chat", "anthropic.messages"]
TO_CHAT = TRANSLATIONS["anthropic.messages", "openai.chat"]
FUNCTION = {
    "name": "look",
    "description": "d",
    "parameters": {"type": "object", "properties": {"a": {}}},
    "strict": True,
}
CHAT_TOOLS = [{"type": "function", "function": FUNCTION}]
TOOL = {"name": "look", "input_schema": {"type": "object"}}


def chat(**fields):
    members = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | fields
    return OPENAI_CHAT.read(json.dumps(members).encode(), SHAPES)


def messages(**fields):
    members = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]} | fields
    return ANTHROPIC_MESSAGES.read(json.dumps(members).encode(), SHAPES)


def there(request, way=TO_MESSAGES):
    return json.loads(way.asked(request, SHAPES).body)


# Requests.

TEXT = st.text(max_size=6)
WORDS = st.text(min_size=1, max_size=6)
INPUT = st.dictionaries(st.sampled_from("abc"), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2), max_leaves=4,
), max_size=2)  # fmt: skip
PARTS = st.lists(WORDS.map(lambda text: {"type": "text", "text": text}), min_size=1, max_size=3)
CALL = st.builds(
    lambda call, value: {
        "id": call, "type": "function", "function": {"name": "look", "arguments": json.dumps(value)}
    }, WORDS, INPUT,
)  # fmt: skip
SAID = st.one_of(
    st.builds(lambda content: {"role": "user", "content": content}, TEXT | PARTS),
    st.builds(lambda content: {"role": "assistant", "content": content}, TEXT | PARTS),
    st.builds(
        lambda content, calls: {"role": "assistant", "content": content, "tool_calls": calls},
        st.none() | WORDS, st.lists(CALL, min_size=1, max_size=2),
    ),
    st.builds(lambda call, content: {"role": "tool", "tool_call_id": call, "content": content}, WORDS, TEXT | PARTS),
)  # fmt: skip
CHOICES = ("auto", "none", "required", {"type": "function", "function": {"name": "look"}})
CHAT = st.fixed_dictionaries(
    {"messages": st.builds(
        lambda system, said: [*({"role": "system", "content": one} for one in system), *said],
        st.lists(WORDS, max_size=2), st.lists(SAID, min_size=1, max_size=4),
    )},
    optional={
        "max_completion_tokens": st.integers(1, 9), "stop": st.lists(WORDS, min_size=1, max_size=2),
        "tool_choice": st.sampled_from(CHOICES), "stream": st.booleans(),
    },
)  # fmt: skip


def plain(request):
    """What a chat request says, with each call's arguments as the values they are."""
    for message in request["messages"]:
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    request.pop("stream_options", None)
    return request


@given(CHAT)
def test_a_chat_request_survives_the_way_there_and_back(fields):
    fields = fields | {"model": "m", "tools": CHAT_TOOLS}
    request = chat(**fields)
    back = TO_CHAT.asked(TO_MESSAGES.asked(request, SHAPES), SHAPES)
    assert plain(json.loads(back.body)) == plain(fields)
    assert (back.tools, back.stream, back.output_tokens) == (request.tools, request.stream, request.output_tokens)


@given(CHAT)
def test_no_word_of_a_request_is_lost(fields):
    request = chat(**fields, tools=CHAT_TOOLS)
    kept = TO_MESSAGES.asked(request, SHAPES).texts
    said = {part for message in fields["messages"] for part in _words(message["content"])}
    assert said <= set(kept)


def _words(content):
    return [part["text"] for part in content] if isinstance(content, list) else [content] if content else []


@given(CHAT)
def test_a_messages_request_survives_too(fields):
    first = TO_MESSAGES.asked(chat(**fields, tools=CHAT_TOOLS), SHAPES)
    again = TO_MESSAGES.asked(TO_CHAT.asked(first, SHAPES), SHAPES)
    assert json.loads(again.body) == json.loads(first.body)


UNSAID = {"temperature": 0.5, "seed": 1, "response_format": {"type": "json_object"}, "logprobs": True,
          "reasoning_effort": "low", "metadata": {"a": "b"}, "novel": 1, "top_logprobs": 2}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), UNSAID.items())
def test_what_messages_cannot_say_is_refused_by_name(name, value):
    with pytest.raises(DialectError) as caught:
        TO_MESSAGES.asked(chat(**{name: value}), SHAPES)
    assert (caught.value.code, caught.value.param) == ("not-translatable", name)
    TO_MESSAGES.asked(chat(temperature=1, logprobs=False, response_format={"type": "text"}, n=1, user="u"), SHAPES)


BLOCKS = [
    ({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}, "messages[0].content[0].cache_control"),
    ({"type": "image", "source": {"type": "base64", "data": "aGk="}}, "media or tools of the vendor"),
    ({"type": "thinking", "thinking": "x", "signature": "s"}, "messages[0].content[0]"),
    ({"type": "tool_result", "tool_use_id": "t", "is_error": True}, "messages[0].content[0].is_error"),
    ({"type": "search_result", "source": "s", "title": "t", "content": []}, "messages[0].content[0]"),
]


@pytest.mark.parametrize(("block", "place"), BLOCKS)
def test_what_chat_cannot_say_is_refused_by_name(block, place):
    with pytest.raises(DialectError) as caught:
        TO_CHAT.asked(messages(messages=[{"role": "user", "content": [block]}]), SHAPES)
    assert (caught.value.code, caught.value.param) == ("not-translatable", place)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"thinking": {"type": "adaptive"}}, "thinking"),
        ({"temperature": 1}, "temperature"),
        ({"tools": [TOOL | {"cache_control": {"type": "ephemeral"}}]}, "tools[0].cache_control"),
        ({"mcp_servers": []}, "mcp_servers"),
        ({"messages": [{"role": "assistant", "content": [
            {"type": "tool_use", "id": "t", "name": "look", "input": {}}, {"type": "text", "text": "x"},
        ]}]}, "messages[0].content[1]"),
        ({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "x"}, {"type": "tool_result", "tool_use_id": "t"},
        ]}]}, "messages[0].content[1]"),
    ],
)  # fmt: skip
def test_members_and_orders_that_chat_does_not_have(fields, place):
    with pytest.raises(DialectError) as caught:
        TO_CHAT.asked(messages(**fields), SHAPES)
    assert (caught.value.code, caught.value.param) == ("not-translatable", place)


def test_arguments_that_are_no_object_are_refused():
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "[1]"}}
    with pytest.raises(DialectError) as caught:
        TO_MESSAGES.asked(chat(messages=[{"role": "assistant", "tool_calls": [call]}]), SHAPES)
    assert caught.value.param == "messages[0].tool_calls[0].function.arguments"


# Answers: whole and as streams.

ASKED_CHAT = chat(tools=CHAT_TOOLS, stream=True, stream_options={"include_usage": True})
ASKED_MESSAGES = messages(tools=[TOOL], stream=True)
ANSWER = st.tuples(st.lists(WORDS, max_size=3), st.lists(st.tuples(WORDS, INPUT), max_size=2), st.sampled_from(
    sorted(STOP_REASONS)), st.integers(0, 9), st.integers(0, 9))  # fmt: skip


def event(kind, **members):
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | members)}\n\n"


def as_message(answer):
    texts, calls, stop, prompt, written = answer
    content = [{"type": "text", "text": "".join(texts)}] if texts else []
    content += [{"type": "tool_use", "id": call, "name": "look", "input": value} for call, value in calls]
    usage = {"input_tokens": prompt, "output_tokens": written}
    return {"id": "i", "type": "message", "role": "assistant", "model": "m", "content": content, "stop_reason": stop,
            "stop_sequence": None, "usage": usage}  # fmt: skip


def as_events(answer):
    whole = as_message(answer)
    yield event("message_start", message=whole | {"content": [], "stop_reason": None})
    for index, block in enumerate(whole["content"]):
        empty = {"text": ""} if block["type"] == "text" else {"input": {}}
        yield event("content_block_start", index=index, content_block=block | empty)
        if block["type"] == "text":
            deltas = [{"type": "text_delta", "text": text} for text in answer[0]]
        else:
            said = json.dumps(block["input"]) if block["input"] else ""
            deltas = [{"type": "input_json_delta", "partial_json": one} for one in (said[:2], said[2:])]
        yield from (event("content_block_delta", index=index, delta=delta) for delta in deltas)
        yield event("content_block_stop", index=index)
    yield event("message_delta", delta={"stop_reason": whole["stop_reason"]}, usage=whole["usage"])
    yield event("message_stop")


def cut(data, seed):
    for start in range(0, len(data), seed):
        yield data[start : start + seed]


def streamed(way, asked, data, seed=7):
    """Returns what a caller's frames say, as the whole answer they add up to, and whether the stream is done."""
    reader = way.spoken.reader(asked)
    said = b"".join(reader.feed(piece) for piece in cut(data, seed))
    frames = [frame.split("data: ", 1)[1] for frame in said.decode().split("\n\n") if "data: " in frame]
    return (gathered_chat if way is TO_MESSAGES else gathered_message)(frames), reader


def gathered_chat(frames):
    assert frames[-1] == "[DONE]"
    chunks = [json.loads(frame) for frame in frames[:-1]]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    calls: dict[int, dict] = {}
    for call in (call for delta in deltas for call in delta.get("tool_calls", ())):
        held = calls.setdefault(call["index"], {"id": call.get("id"), "name": call["function"].get("name"), "said": ""})
        held["said"] += call["function"]["arguments"]
    finish = [c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c["finish_reason"]]
    text = "".join(delta.get("content") or "" for delta in deltas)
    listed = [(call["id"], call["name"], json.loads(call["said"])) for call in calls.values()]
    return text, listed, finish, chunks[-1]["usage"]


def whole_chat(body):
    said = json.loads(body)
    turn = said["choices"][0]["message"]
    calls = [
        (c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in turn.get("tool_calls", ())
    ]
    return turn["content"] or "", calls, [said["choices"][0]["finish_reason"]], said["usage"]


def gathered_message(frames):
    events = [json.loads(frame) for frame in frames]
    assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]
    blocks = [one["content_block"] for one in events if one["type"] == "content_block_start"]
    pieces = [""] * len(blocks)
    for one in events:
        if one["type"] == "content_block_delta":
            pieces[one["index"]] += one["delta"].get("text", "") + one["delta"].get("partial_json", "")
    ended = next(one for one in events if one["type"] == "message_delta")
    filled = [
        block | ({"text": said} if block["type"] == "text" else {"input": json.loads(said or "{}")})
        for block, said in zip(blocks, pieces, strict=True)
    ]
    return filled, ended["delta"]["stop_reason"], ended["usage"]


def whole_message(body):
    said = json.loads(body)
    return said["content"], said["stop_reason"], said["usage"]


@given(ANSWER, st.integers(1, 90))
def test_a_translated_stream_of_events_says_what_the_whole_message_says(answer, seed):
    whole = TO_MESSAGES.spoken.released(json.dumps(as_message(answer)).encode())
    said, reader = streamed(TO_MESSAGES, ASKED_CHAT, "".join(as_events(answer)).encode(), seed)
    assert said == whole_chat(whole)
    assert reader.done
    assert reader.facts.finish_reason == answer[2]


@given(ANSWER, st.integers(1, 90))
def test_a_translated_stream_of_chunks_says_what_the_whole_completion_says(answer, seed):
    completion = TO_MESSAGES.spoken.released(json.dumps(as_message(answer)).encode())
    events = "".join(as_events(answer)).encode()
    chunks = TO_MESSAGES.spoken.reader(ASKED_CHAT).feed(events)
    said, reader = streamed(TO_CHAT, ASKED_MESSAGES, chunks, seed)
    assert said == whole_message(TO_CHAT.spoken.released(completion))
    assert reader.done


@given(ANSWER)
def test_an_answer_survives_the_way_there_and_back(answer):
    message = as_message(answer)
    back = json.loads(TO_CHAT.spoken.released(TO_MESSAGES.spoken.released(json.dumps(message).encode())))
    folded = {"stop_sequence": "end_turn", "model_context_window_exceeded": "max_tokens"}
    assert back == message | {"stop_reason": folded.get(answer[2], answer[2])}


def test_usage_is_told_in_a_stream_only_to_who_asked():
    events = "".join(as_events((["x"], [], "end_turn", 5, 2))).encode()
    silent = TO_MESSAGES.spoken.reader(chat(stream=True)).feed(events)
    assert b'"usage"' not in silent
    assert silent.endswith(b"data: [DONE]\n\n")


CHUNK = {"id": "i", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def chunk(**delta):
    return b"data: " + json.dumps(CHUNK | {"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


CALLED = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": "{"}}
LOST = [
    (TO_CHAT, ASKED_MESSAGES, chunk(reasoning_content="why")),
    (TO_CHAT, ASKED_MESSAGES, chunk(tool_calls=[CALLED]) + chunk(content="x")),
    (TO_CHAT, ASKED_MESSAGES, chunk(tool_calls=[CALLED]) + b"data: [DONE]\n\n"),
    (TO_CHAT, ASKED_MESSAGES, chunk(content="x") + b"data: [DONE]\n\n"),
    (TO_MESSAGES, ASKED_CHAT, (event("message_start", message=as_message(([], [], "end_turn", 0, 0))) + event(
        "content_block_start", index=0, content_block={"type": "thinking", "thinking": ""})).encode()),
    (TO_MESSAGES, ASKED_CHAT, "".join(as_events(([], [], "pause_turn", 0, 0))).encode()),
]  # fmt: skip


@pytest.mark.parametrize(("way", "asked", "data"), LOST)
def test_an_answer_that_cannot_be_said_ends_the_stream(way, asked, data):
    with pytest.raises(UpstreamError) as caught:
        way.spoken.reader(asked).feed(data)
    assert caught.value.code == "not-translatable"


def test_an_unoffered_call_is_stopped_before_it_is_translated():
    other = json.dumps(as_message((["x"], [("c", {})], "tool_use", 1, 1))).replace("look", "rm").encode()
    with pytest.raises(UpstreamError) as caught:
        TO_MESSAGES.spoken.read_answer(other, ASKED_CHAT)
    assert caught.value.code == "tool-call-not-offered"


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from((
        "type", "text", "content", "role", "name", "input", "function", "arguments", "id", "index", "delta",
        "tool_calls", "message", "usage", "partial_json", "cached_tokens", "prompt_tokens_details",
    )), inner, max_size=3), max_leaves=6,
)  # fmt: skip


@given(st.sampled_from(["message_start", "content_block_start", "content_block_delta", "message_delta"]), JSONS, JSONS)
def test_arbitrary_events_give_only_our_errors(kind, one, other):
    begun = event("message_start", message=as_message(([], [], None, 0, 0)))
    block = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    data = event(kind, index=0, delta=one, content_block=one, message=other, usage=other)
    for prefix in ("", begun, begun + block):
        with contextlib.suppress(UpstreamError):
            TO_MESSAGES.spoken.reader(ASKED_CHAT).feed((prefix + data).encode())


@given(JSONS, JSONS)
def test_arbitrary_chunks_and_answers_give_only_our_errors(one, other):
    answer = json.dumps(CHUNK | {"choices": [{"delta": one, "message": one}], "usage": other}).encode()
    with contextlib.suppress(UpstreamError):
        TO_CHAT.spoken.reader(ASKED_MESSAGES).feed(b"data: " + answer + b"\n\ndata: [DONE]\n\n")
    for way, body in ((TO_CHAT, answer), (TO_MESSAGES, json.dumps({"type": "message", "content": [one]}).encode())):
        with contextlib.suppress(UpstreamError):
            way.spoken.read_answer(body, ASKED_CHAT)
            way.spoken.released(body)


@given(st.sampled_from(["messages", "tools", "tool_choice", "stop", "stream_options", "parallel_tool_calls"]), JSONS)
def test_arbitrary_requests_give_only_our_errors(name, value):
    for make, way in ((chat, TO_MESSAGES), (messages, TO_CHAT)):
        with contextlib.suppress(DialectError):
            way.asked(make(**{name: value}), SHAPES)


# The table.

OWNED = [
    ("chat request", completion_create_params.CompletionCreateParamsBase),
    ("chat answer message", chat_completion_message.ChatCompletionMessage),
    ("messages request", message_create_params.MessageCreateParamsBase),
    ("messages tool", tool_param.ToolParam),
    ("messages text block", text_block_param.TextBlockParam),
    ("messages tool_use block", tool_use_block_param.ToolUseBlockParam),
    ("messages tool_result block", tool_result_block_param.ToolResultBlockParam),
]


@pytest.mark.parametrize(("shape", "typed"), OWNED)
def test_every_member_that_the_official_clients_know_has_a_row(shape, typed):
    known = set(getattr(typed, "model_fields", None) or typed.__annotations__)
    assert known - set(TABLE[shape]) == set()


@pytest.mark.parametrize("typed", [chat_completion.ChatCompletion, anthropic_message.Message])
def test_the_answers_of_official_clients_are_read(typed):
    shape = "chat answer" if typed is chat_completion.ChatCompletion else "messages answer"
    named = {name for name in TABLE[shape] if name != "*"}
    assert named <= set(typing.cast("typing.Any", typed).model_fields)


def test_the_document_prints_the_table():
    page = (Path(__file__).parents[2] / "docs/spec/translation.md").read_text()
    assert page.endswith(reference())
