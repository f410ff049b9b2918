"""What the dialect takes, what it refuses, and that the caller's bytes stay the caller's."""

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.gateway.dialects import openai_chat
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.limits import MESSAGES_MAX, MODEL_NAME_BYTES_MAX, NESTING_MAX
from support.call_ends import request

TEXT_ONLY = Shapes()
MESSAGE = {"role": "user", "content": "hi"}


def read_chat(body):
    return openai_chat.read_chat(body, TEXT_ONLY)


def refused(body):
    with pytest.raises(DialectError) as caught:
        read_chat(body)
    return caught.value.code, caught.value.param


def test_what_a_request_says_of_itself():
    chat = read_chat(request(stream=True, max_tokens=5, max_completion_tokens=9, temperature=0.5, user="u"))
    assert (chat.model, chat.stream, chat.output_tokens, chat.tools) == ("smollm2-135m", True, 9, ())
    assert chat.limits_itself


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body-not-json"),
        (b'{"a":1', "body-not-json"),
        (b'{"a":01}', "body-not-json"),
        (b'{"a":"\x01"}', "body-not-json"),
        (b'{"a":NaN}', "body-not-json"),
        (b'{"a":-Infinity}', "body-not-json"),
        (b'{"a":1}{"a":2}', "body-not-json"),
        (b"\xef\xbb\xbf{}", "body-not-json"),
        (b'{"a":' + b"9" * 5000 + b"}", "body-not-json"),
        (b'{"a":"\xc3"}', "body-not-utf8"),
        (b'{"a":"\xed\xa0\x80"}', "body-not-utf8"),
        (b"{}".decode().encode("utf-16"), "body-not-utf8"),
        (b"null", "body-not-an-object"),
        (b'"text"', "body-not-an-object"),
        (b'{"a":1,"a":1}', "duplicate-name"),
        (b'{"a":1,"\\u0061":1}', "duplicate-name"),
        (b'{"a":[{"b":{"c":1,"c":2}}]}', "duplicate-name"),
        (b'{"a":"\\ud800"}', "lone-surrogate"),
        (b'{"\\udfff":1}', "lone-surrogate"),
        (b'{"a":' + b"[" * 100_000, "body-too-deep"),
        (b'{"a":' + b'{"a":' * 2000 + b"1" + b"}" * 2001, "body-too-deep"),
    ],
)
def test_json_that_readers_read_differently(body, code):
    assert refused(body)[0] == code


@pytest.mark.parametrize("deeper", [0, 1])
def test_nesting_at_the_limit_and_one_beyond(deeper):
    # The object itself, the schema, and so many lists within it.
    lists = NESTING_MAX - 1 + deeper
    schema = b"[" * lists + b"1" + b"]" * lists
    body = request()[:-1] + b', "json_schema": ' + schema + b"}"
    if deeper:
        assert refused(body)[0] == "body-too-deep"
    else:
        assert read_chat(body).model


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"previous_response_id": "r"}, "history-out-of-sight", "previous_response_id"),
        ({"conversation": "c"}, "history-out-of-sight", "conversation"),
        ({"store": True}, "store-not-allowed", "store"),
        ({"background": True}, "background-not-allowed", "background"),
        ({"web_search_options": {}}, "provider-side-tool", "web_search_options"),
        ({"tools": [{"type": "web_search"}]}, "provider-side-tool", "tools[0]"),
        ({"tools": [{"type": "function"}]}, "unknown-shape", "tools[0]"),
        ({"tools": {}}, "unknown-shape", "tools"),
        ({"functions": [{"name": "f"}]}, "tools-not-allowed", "functions"),
        ({"function_call": "auto"}, "tools-not-allowed", "function_call"),
        ({"audio": {"voice": "x"}}, "content-not-allowed", "audio"),
        ({"modalities": ["text", "audio"]}, "content-not-allowed", "modalities"),
        ({"n": 2}, "choices-not-allowed", "n"),
        ({"best_of": 3}, "choices-not-allowed", "best_of"),
        ({"id_slot": 1}, "unknown-shape", "id_slot"),
        ({"lora": [{"id": 0}]}, "unknown-shape", "lora"),
        ({"models": ["a", "b"]}, "unknown-shape", "models"),
        ({"mcp_servers": [{}]}, "unknown-shape", "mcp_servers"),
        ({"provider": {"order": []}}, "unknown-shape", "provider"),
        ({"Tools": []}, "ambiguous-name", "Tools"),
        ({"maxTokens": 9}, "ambiguous-name", "maxTokens"),
        ({"too\u017f": 1, "tool\u017f": []}, "ambiguous-name", "tool\u017f"),
        ({"max_to\u212aens": 9}, "ambiguous-name", "max_to\u212aens"),
        ({"stream": "yes"}, "unknown-shape", "stream"),
        ({"stream": 1}, "unknown-shape", "stream"),
        ({"max_tokens": 0}, "unknown-shape", "max_tokens"),
        ({"max_tokens": -1}, "unknown-shape", "max_tokens"),
        ({"max_tokens": True}, "unknown-shape", "max_tokens"),
        ({"max_tokens": 1.5}, "unknown-shape", "max_tokens"),
        ({"n_predict": -1}, "unknown-shape", "n_predict"),
        ({"model": ""}, "model-missing", "model"),
        ({"model": 7}, "model-missing", "model"),
        ({"model": None}, "model-missing", "model"),
        ({"messages": []}, "messages-missing", "messages"),
        ({"messages": "hi"}, "messages-missing", "messages"),
        ({"messages": None}, "messages-missing", "messages"),
        ({"messages": ["hi"]}, "unknown-shape", "messages[0]"),
        ({"messages": [MESSAGE, {"role": "root", "content": ""}]}, "unknown-shape", "messages[1]"),
        ({"messages": [{"content": "hi"}]}, "unknown-shape", "messages[0]"),
        ({"messages": [MESSAGE | {"content": 7}]}, "unknown-shape", "messages[0].content"),
        ({"messages": [MESSAGE | {"audio": {"id": "a"}}]}, "content-not-allowed", "messages[0].audio"),
        (
            {"messages": [MESSAGE | {"function_call": {"name": "f"}}]},
            "content-not-allowed",
            "messages[0].function_call",
        ),
        ({"messages": [MESSAGE | {"documents": [1]}]}, "unknown-shape", "messages[0].documents"),
        ({"messages": [MESSAGE | {"content": ["hi"]}]}, "content-not-allowed", "messages[0].content[0]"),
        ({"messages": [MESSAGE | {"content": [{"type": "text"}]}]}, "content-not-allowed", "messages[0].content[0]"),
        (
            {"messages": [MESSAGE | {"content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "images-not-allowed",
            "messages[0].content[0]",
        ),
        (
            {"messages": [MESSAGE | {"content": [{"type": "input_audio", "input_audio": {}}]}]},
            "content-not-allowed",
            "messages[0].content[0]",
        ),
        (
            {"messages": [MESSAGE | {"content": [{"type": "text", "text": "x", "file": {"id": 1}}]}]},
            "unknown-shape",
            "messages[0].content[0]",
        ),
    ],
)
def test_shapes_that_are_not_taken(fields, code, param):
    assert refused(request(**fields)) == (code, param)


@pytest.mark.parametrize(
    "fields",
    [
        {"store": False},
        {"store": None, "tools": None, "n": None, "max_tokens": None},
        {"background": False},
        {"n": 1, "best_of": 1},
        {"functions": []},
        {"modalities": ["text"]},
        {"tools": []},
        {"min_tokens": 0},
        {"top_k": 40, "seed": 1, "min_p": 0.1, "repeat_penalty": 1.1, "unheard_of": "text"},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": ["a"]}}}},
        {"stop": ["a"], "logit_bias": {"1": 2}, "metadata": {"a": "b"}, "stream_options": {"include_usage": True}},
        {"messages": [{"role": "system", "content": "a"}, MESSAGE | {"content": [{"type": "text", "text": "b"}]}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, MESSAGE]},
    ],
)
def test_shapes_that_are_taken(fields):
    body = request(**fields)
    assert read_chat(body).body is body


@pytest.mark.parametrize(("count", "taken"), [(MESSAGES_MAX, True), (MESSAGES_MAX + 1, False)])
def test_messages_at_the_limit_and_one_beyond(count, taken):
    body = request(messages=[MESSAGE] * count)
    if taken:
        assert read_chat(body).model
    else:
        assert refused(body) == ("too-many-messages", "messages")


@pytest.mark.parametrize(("count", "taken"), [(MODEL_NAME_BYTES_MAX, True), (MODEL_NAME_BYTES_MAX + 1, False)])
def test_a_models_name_at_the_limit_and_one_beyond(count, taken):
    body = request(model="m" * count)
    if taken:
        assert len(read_chat(body).model) == count
    else:
        assert refused(body) == ("model-missing", "model")


def test_every_text_is_seen_wherever_it_stands():
    body = request(
        text="one",
        user="two",
        response_format={"schema": {"three": ["four"]}},
        messages=[{"role": "assistant", "content": [{"type": "text", "text": "five"}], "tool_calls": [{"x": "six"}]}],
    )
    assert {"two", "three", "four", "five", "six"} <= set(read_chat(body).texts)


def test_the_bytes_go_on_untouched_where_nothing_must_be_set():
    body = b' { "model" : "a" ,"max_tokens":3,"messages":[{"role":"user","content":"\\u00e9"}], "x":1.50 } '
    assert read_chat(body).forwarded(model="a", output_tokens=9) is body


def test_setting_the_model_or_the_limit_keeps_every_other_value_byte_for_byte():
    body = b'{"x": 1.50e0 ,"model":"a","messages":[{"content":"\\u00e9\\/", "role":"user"}],"y":"\\u0041"}'
    assert read_chat(body).forwarded(model='b"', output_tokens=9) == (
        b'{"x":1.50e0,"model":"b\\"","messages":[{"content":"\\u00e9\\/", "role":"user"}],"y":"\\u0041"'
        b',"max_completion_tokens":9}'
    )


@pytest.mark.parametrize(
    ("fields", "limit"),
    [({}, 9), ({"max_completion_tokens": None}, 9), ({"n_predict": 5}, 9), ({"max_tokens": 5}, None)],
)
def test_a_limit_is_set_unless_there_is_one_that_every_upstream_knows(fields, limit):
    sent = json.loads(read_chat(request(**fields)).forwarded(model="smollm2-135m", output_tokens=9))
    assert sent.get("max_completion_tokens") == limit


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_or_refused(body):
    with contextlib.suppress(DialectError):
        assert read_chat(body).body is body


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["model", "messages", "stream", "tools", "n", "max_tokens", "x"]), JSON_VALUES))
def test_arbitrary_json_is_read_or_refused(fields):
    with contextlib.suppress(DialectError):
        assert read_chat(json.dumps(fields).encode()).model == fields["model"]


@given(st.text(min_size=1, max_size=20), st.integers(1, 10**6))
def test_what_is_forwarded_says_the_same_but_for_what_was_set(text, tokens):
    body = json.dumps({"messages": [{"role": "user", "content": text}], "model": "a", "z": text}).encode()
    sent = msgspec.json.decode(read_chat(body).forwarded(model="b", output_tokens=tokens))
    assert sent == json.loads(body) | {"model": "b", "max_completion_tokens": tokens}
