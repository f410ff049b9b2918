"""Anthropic's official client against real servers: its own dialect, and both dialects through translation."""

import asyncio
import json

import anthropic
import openai
import pytest

from safeconduct.gateway.events import CALL_INTENT
from safeconduct.gateway.moves import End
from support.anthropic_stand_in import AnthropicStandIn, anthropic_client, program
from support.call_ends import request as chat_body
from support.gateway_world import MODEL, PATH
from support.patience import PATIENCE_S
from support.stand_in import SECRET
from support.wire import ask, post, wire


@pytest.fixture(scope="module")
def native():
    with wire(program=program(), model_server=AnthropicStandIn, client=anthropic_client) as served:
        yield served


@pytest.fixture(scope="module")
def chat_only():
    with wire(program=program()) as served:
        yield served


def base(gate):
    return f"http://127.0.0.1:{gate.port}/paths/{PATH}/anthropic"


def client(gate, make=anthropic.Anthropic, **key):
    return make(
        base_url=base(gate), max_retries=0, timeout=PATIENCE_S, **(key or {"api_key": gate.world.tokens["ana"]})
    )


def openai_client(gate):
    return openai.OpenAI(base_url=gate.base_url, api_key=gate.world.tokens["ana"], max_retries=0, timeout=PATIENCE_S)


TOOLS = [{"name": "look", "description": "d", "input_schema": {"type": "object", "properties": {"where": {}}}}]
FUNCTIONS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


def say(text, **more):
    return {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": text}], **more}


def test_a_message_and_its_receipt(native):
    with client(native) as sdk:
        raw = sdk.messages.with_raw_response.create(**say("hello", system="be brief", metadata={"user_id": "secret"}))
    assert [block.text for block in raw.parse().content] == ["one two"]
    headers, sent = native.upstream.seen[-1]
    assert "secret" not in sent.decode()
    assert (headers["x-api-key"], headers["anthropic-version"]) == (SECRET, "2026-10-21")
    entry = native.world.reader.entry(raw.headers["safeconduct-call"])
    assert CALL_INTENT.read(entry).dialect == "anthropic.messages"
    last = native.ends()[-1]
    assert (last.end, last.prompt_tokens, last.completion_tokens) == (End.COMPLETED, 8, 2)
    assert SECRET not in str(raw.headers)


def test_bearer_and_key_and_what_is_neither(native):
    token = native.world.tokens["ana"]
    with client(native, auth_token=token) as sdk:
        assert sdk.messages.create(**say("x")).stop_reason == "end_turn"
    body = json.dumps(say("x")).encode()
    route = f"/paths/{PATH}/anthropic/v1/messages"
    lines = [f"x-api-key: {token}", "connection: close"]
    both = ask(native.port, post(token, body, path=route, headers=lines))
    assert b" 200 " in both.split(b"\r\n")[0]
    differ = ask(native.port, post("other", body, path=route, headers=lines))
    assert b'"code":"duplicate-header"' in differ
    with client(native, api_key="scd_wrong") as sdk, pytest.raises(anthropic.AuthenticationError) as caught:
        sdk.messages.create(**say("x"))
    assert (caught.value.type, caught.value.error_code) == ("authentication_error", "token-unknown")


def test_only_allowed_betas_go_on_and_only_the_known_version(native):
    with client(native) as sdk:
        betas = {"anthropic-beta": "files-api-2025-04-14, interleaved-thinking-2025-05-14"}
        sdk.messages.create(**say("x"), extra_headers=betas)
        assert native.upstream.seen[-1][0]["anthropic-beta"] == "interleaved-thinking-2025-05-14"
        with pytest.raises(anthropic.BadRequestError) as caught:
            sdk.messages.create(**say("x"), extra_headers={"anthropic-version": "2030-01-01"})
    assert caught.value.error_code == "version-not-taken"


@pytest.mark.parametrize("name", ["native", "chat_only"])
def test_the_stream_helper(name, request):
    gate = request.getfixturevalue(name)
    with client(gate) as sdk, sdk.messages.stream(**say("three")) as stream:
        said = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert said == message.content[0].text
    assert said.startswith("one two")
    assert message.stop_reason == "end_turn"


@pytest.mark.parametrize(("name", "text"), [("native", "do:call"), ("chat_only", "do:call look")])
def test_tools_whole_and_as_a_stream(name, text, request):
    gate = request.getfixturevalue(name)
    with client(gate) as sdk:
        whole = sdk.messages.create(**say(text, tools=TOOLS))
        with sdk.messages.stream(**say(text, tools=TOOLS)) as stream:
            streamed = stream.get_final_message()
        call = whole.content[-1]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "seen"}
        turns = [*say("x")["messages"], {"role": "assistant", "content": [call.to_dict()]}]
        sdk.messages.create(**say("x") | {"messages": [*turns, {"role": "user", "content": [result]}]}, tools=TOOLS)
    assert (call.type, call.name) == ("tool_use", "look")
    found = streamed.content[-1]
    assert (found.name, found.input, found.id) == (call.name, call.input, call.id)
    assert b'"tool' in gate.upstream.seen[-1][1]
    with client(gate) as sdk, pytest.raises(anthropic.InternalServerError) as caught:
        sdk.messages.create(**say(text))
    assert caught.value.error_code == "tool-call-not-offered"


def test_counting_is_a_call(native):
    before = len(native.ends())
    with client(native) as sdk:
        counted = sdk.messages.count_tokens(model=MODEL, messages=say("x")["messages"])
    assert counted.input_tokens == 12
    last = native.ends()
    assert (len(last), last[-1].completion_tokens) == (before + 1, 0)


def test_a_vendors_refusal_is_told_and_completes(native):
    with client(native) as sdk:
        assert sdk.messages.create(**say("do:refuse")).stop_reason == "refusal"
    assert native.ends()[-1].finish_reason == "refusal"


def test_the_async_client(native):
    async def run():
        async with client(native, anthropic.AsyncAnthropic) as sdk:
            whole = await sdk.messages.create(**say("x"))
            async with sdk.messages.stream(**say("x")) as stream:
                return whole, await stream.get_final_message()

    whole, streamed = asyncio.run(run())
    assert whole.content[0].text == streamed.content[0].text
    assert whole.usage.output_tokens == streamed.usage.output_tokens


RAISED = [
    ("do:status 429", anthropic.RateLimitError, "upstream-busy"),
    ("do:status 400", anthropic.BadRequestError, "upstream-refused-request"),
    ("do:status 401", anthropic.InternalServerError, "upstream-misconfigured"),
    ("do:status 504", anthropic.GatewayTimeoutError, "upstream-timeout"),
]


@pytest.mark.parametrize(("text", "raised", "code"), RAISED)
def test_errors_are_the_clients_own_exceptions(native, text, raised, code):
    with client(native) as sdk, pytest.raises(raised) as caught:
        sdk.messages.create(**say(text))
    assert caught.value.error_code == code
    assert caught.value.body["request_id"] == caught.value.response.headers["safeconduct-call"]
    assert SECRET not in str(caught.value.body)


def test_refusals_of_the_path_are_the_clients_own_exceptions(native):
    with client(native) as sdk:
        with pytest.raises(anthropic.PermissionDeniedError) as caught:
            sdk.messages.create(**say("x", tools=[TOOLS[0] | {"name": "rm"}]))
        assert caught.value.error_code == "tools-not-allowed"
        with pytest.raises(anthropic.NotFoundError):
            client(native).with_options(base_url=base(native).replace(PATH, "nowhere")).messages.create(**say("x"))
        with pytest.raises(anthropic.PermissionDeniedError):
            sdk.messages.create(**say("x") | {"max_tokens": 10**6})


def test_an_error_in_a_stream_raises_and_shows_nothing_of_the_vendors(native):
    failing = pytest.raises(anthropic.APIStatusError)
    with client(native) as sdk, sdk.messages.stream(**say("do:break")) as stream, failing as caught:
        stream.get_final_message()
    assert caught.value.body["error"]["code"] == "upstream-failed"
    assert SECRET not in str(caught.value.body)


def test_openais_client_before_a_server_that_speaks_only_messages(native):
    with openai_client(native) as sdk:
        ordered = {"messages": [{"role": "user", "content": "do:call"}], "model": MODEL, "tools": FUNCTIONS}
        whole = sdk.chat.completions.create(**ordered)
        chunks = list(sdk.chat.completions.create(**ordered, stream=True, stream_options={"include_usage": True}))
    turn = whole.choices[0].message
    assert (turn.content, turn.tool_calls[0].function.name) == ("one two", "look")
    assert json.loads(turn.tool_calls[0].function.arguments) == {"where": "here"}
    assert whole.usage.model_dump(exclude_none=True) == chunks[-1].usage.model_dump(exclude_none=True)
    assert "".join(c.choices[0].delta.content or "" for c in chunks[:-1]) == "one two"
    sent = json.loads(native.upstream.seen[-1][1])
    assert (sent["max_tokens"], sent["tools"][0]["name"]) == (outcome_limit(native), "look")
    with openai_client(native) as sdk, pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(messages=ordered["messages"], model=MODEL, temperature=0.2)
    assert (caught.value.code, caught.value.param) == ("not-translatable", "temperature")


def outcome_limit(gate):
    intents = [CALL_INTENT.read(entry) for entry in gate.world.entries() if entry.type == CALL_INTENT.name]
    return intents[-1].output_tokens_max


def test_what_a_chat_server_cannot_be_asked_is_refused_before_it_is(chat_only):
    seen = len(chat_only.upstream.seen)
    with client(chat_only) as sdk:
        with pytest.raises(anthropic.BadRequestError) as caught:
            sdk.messages.create(**say("x", thinking={"type": "enabled", "budget_tokens": 20}))
        assert caught.value.body["error"]["param"] == "thinking"
        with pytest.raises(anthropic.ServiceUnavailableError) as counting:
            sdk.messages.count_tokens(model=MODEL, messages=say("x")["messages"])
    assert (caught.value.error_code, counting.value.error_code) == ("not-translatable", "dialect-not-spoken")
    assert len(chat_only.upstream.seen) == seen


def test_of_a_translated_answer_both_sides_are_sealed(native):
    with openai_client(native) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(messages=say("x")["messages"], model=MODEL)
    outcome = native.ends()[-1]
    assert outcome.released_bytes == len(raw.http_response.content)
    assert outcome.call == raw.headers["safeconduct-call"]


def test_the_chat_route_of_a_chat_server_is_untouched(chat_only):
    token = chat_only.world.tokens["ana"]
    ask(chat_only.port, post(token, chat_body(max_tokens=9), headers=["connection: close"]))
    assert chat_only.upstream.seen[-1][1] == chat_body(max_tokens=9)
