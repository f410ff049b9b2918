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
CALLED = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
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
        (b'{"a":-1e309}', "number-too-large"),
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
        {"messages": [{"role": "assistant", "content": None, "tool_calls": [CALLED]}, MESSAGE]},
    ],
)
def test_shapes_that_are_taken(fields):
    body = request(**fields)
    assert read_chat(body).body is body


def tool(name="look_up", **more):
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}, **more}}


def image(url, **more):
    return {"type": "image_url", "image_url": {"url": url, **more}}


def document(**members):
    return {"type": "file", "file": members}


WIDE = Shapes(tools=("look_up",), media=("image", "document"), history=True)
PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="


def parts(*found):
    return {"messages": [MESSAGE | {"content": [{"type": "text", "text": "see"}, *found]}]}


def answered(**members):
    return {"messages": [MESSAGE, {"role": "assistant", **members}, {"role": "tool", "tool_call_id": "1", **MESSAGE}]}


@pytest.mark.parametrize(
    ("taken", "refused_one", "code"),
    [
        ({"tools": [tool()]}, {"tools": [tool() | {"type": "custom"}]}, "provider-side-tool"),
        ({"tools": [tool()]}, {"tools": [tool(name="")]}, "unknown-shape"),
        ({"tools": [tool(strict=True)]}, {"tools": [tool(server={"url": "x"})]}, "unknown-shape"),
        ({"tools": [tool()]}, {"tools": [tool() | {"server": {"url": "x"}}]}, "unknown-shape"),
        ({"tools": [tool()]}, {"tools": [tool(), {"type": "web_search"}]}, "provider-side-tool"),
        (
            {"tools": [tool()], "tool_choice": {"type": "function", "function": {"name": "look_up"}}},
            {"tools": [tool()], "tool_choice": {"type": "function", "function": {"name": "other"}}},
            "unknown-shape",
        ),
        (
            {"tools": [tool()], "tool_choice": "required"},
            {"tools": [tool()], "tool_choice": "look_up"},
            "unknown-shape",
        ),
        (
            {"tools": [tool()], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [tool()]}}},
            {"tools": [tool()], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [tool("f")]}}},
            "unknown-shape",
        ),
        (
            {"tools": [tool()], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [tool()]}}},
            {"tools": [tool()], "tool_choice": {"type": "web_search", "allowed_tools": {"tools": [tool()]}}},
            "unknown-shape",
        ),
        (answered(tool_calls=[CALLED, CALLED]), answered(tool_calls=[CALLED | {"type": "mcp"}]), "unknown-shape"),
        (answered(tool_calls=[CALLED]), answered(tool_calls=[CALLED | {"mcp": {"server": "x"}}]), "unknown-shape"),
        (answered(tool_calls=[CALLED]), answered(tool_calls={"id": "1"}), "unknown-shape"),
        (parts(image(PNG)), parts(image("https://e.example/a.png")), "remote-content-not-allowed"),
        (parts(image(PNG, detail="low")), parts(image(PNG, headers={"a": "b"})), "unknown-shape"),
        (parts(image(PNG)), parts(image(PNG, file_id="f")), "history-out-of-sight"),
        (parts(image(PNG)), parts(image(PDF)), "content-not-allowed"),
        (parts(image(PNG)), parts(image("data:image/svg+xml;base64,AAAA")), "content-not-allowed"),
        (parts(image(PNG)), parts(image(PNG + "\n")), "content-not-allowed"),
        (parts(image(PNG)), parts(image(PNG) | {"file": {"file_id": "f"}}), "unknown-shape"),
        (parts(document(filename="a.pdf", file_data=PDF)), parts(document(file_id="f")), "history-out-of-sight"),
        (
            parts(document(file_data=PDF)),
            parts(document(file_data=PDF, file_url="https://e.example")),
            "remote-content-not-allowed",
        ),
        (
            parts(document(file_data=PDF)),
            parts(document(file_data="https://e.example/a")),
            "remote-content-not-allowed",
        ),
        (parts(image(PNG)), parts({"type": "input_audio", "input_audio": {"data": "AA=="}}), "content-not-allowed"),
        ({"store": True}, {"background": True}, "background-not-allowed"),
        ({"store": True}, {"previous_response_id": "r"}, "history-out-of-sight"),
        ({"n": 1}, {"n": True}, "choices-not-allowed"),
        ({"n": 1}, {"n": 1.0}, "choices-not-allowed"),
        ({"store": False}, {"background": 0}, "background-not-allowed"),
        ({"service_tier": "auto"}, {"service_tier": "priority"}, "service-tier-not-allowed"),
        ({"user": "u"}, {"safety_identifier": "u"}, "vendor-field-derived"),
        ({"user": "u"}, {"access_programs": {"cyber": "daybreak_red"}}, "vendor-field-derived"),
        ({"user": "u"}, {"user": ["u"]}, "unknown-shape"),
        ({"prediction": {"type": "content", "content": "x"}}, {"prediction": {"files": ["x"]}}, "unknown-shape"),
        (
            {"prediction": {"type": "content", "content": [{"type": "text", "text": "x"}]}},
            {"prediction": {"type": "content", "content": [image(PNG)]}},
            "content-not-allowed",
        ),
    ],
)
def test_what_a_path_may_let_through_and_the_next_thing_that_it_does_not(taken, refused_one, code):
    assert openai_chat.read_chat(request(**taken), WIDE).body
    with pytest.raises(DialectError) as caught:
        openai_chat.read_chat(request(**refused_one), WIDE)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (parts(image(PNG)), "images-not-allowed"),
        (parts(document(file_data=PDF)), "documents-not-allowed"),
        ({"store": True}, "store-not-allowed"),
    ],
)
def test_what_a_path_lets_through_is_refused_by_one_that_does_not(fields, code):
    assert openai_chat.read_chat(request(**fields), WIDE)
    assert refused(request(**fields))[0] == code


def test_what_a_request_offers_and_holds():
    chat = openai_chat.read_chat(request(tools=[tool()], **parts(document(file_data=PDF), image(PNG))), WIDE)
    assert (chat.tools, chat.media) == (("look_up",), ("document", "image"))


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, {"include_usage": True}),
        ({"include_usage": False, "x": 1}, {"include_usage": True, "x": 1}),
        ({"include_usage": True}, {"include_usage": True}),
    ],
)
def test_a_stream_is_asked_for_its_tokens_on_the_wire(options, sent):
    body = request(stream=True, stream_options=options, max_tokens=3)
    chat = read_chat(body)
    forwarded = chat.forwarded(model=chat.model, output_tokens=9)
    assert json.loads(forwarded)["stream_options"] == sent
    assert (forwarded is body) == (options == sent)
    assert read_chat(request(stream_options=options, max_tokens=3)).sets == {}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.dictionaries(st.text(min_size=1, max_size=12).map(lambda name: "x-y." + name), SCALARS, max_size=4))
def test_unknown_scalars_go_on_byte_for_byte(unknown):
    body = request(**unknown, max_tokens=3)
    assert read_chat(body).forwarded(model="smollm2-135m", output_tokens=9) is body
    sent = msgspec.json.decode(read_chat(body).forwarded(model="b", output_tokens=9), type=dict[str, msgspec.Raw])
    came = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    assert {name: bytes(value) for name, value in sent.items() if name != "model"} == {
        name: bytes(value) for name, value in came.items() if name != "model"
    }


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
        messages=[
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "five"}],
                "tool_calls": [{"function": {"name": "f", "arguments": "six"}}],
            }
        ],
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
