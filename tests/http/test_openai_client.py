"""The official client on every OpenAI route: whole, streamed, with tools, failing."""

import asyncio
import json

import openai
import pytest

from safeconduct.gateway.events import CALL_INTENT
from support.gateway_world import MODEL, LogWorld
from support.patience import PATIENCE_S
from support.programs import demo_program
from support.stand_in import SECRET
from support.wire import Wire

WIDE = (
    b"    tools: [look_up]\n    media: [image, document]\n"
    b"    dialects: [openai.chat, openai.responses, openai.embeddings]\n"
)
PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
CHAT_TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
TOOL = {"type": "function", "name": "look_up", "parameters": {"type": "object"}, "strict": False}
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
OTHER_TOOL = CHAT_TOOL | {"function": {"name": "other"}}


@pytest.fixture(scope="module")
def gate():
    world = LogWorld(program=demo_program().replace(b"    tools: []\n", WIDE))
    try:
        with Wire(world) as served:
            yield served
    finally:
        world.close()


@pytest.fixture(scope="module")
def client(gate):
    with openai.OpenAI(
        base_url=gate.base_url, api_key=gate.world.tokens["ana"], max_retries=0, timeout=PATIENCE_S
    ) as made:
        yield made


def say(text, **more):
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}


def sent(gate):
    return json.loads(gate.upstream.seen[-1][1])


def test_chat_calls_a_tool_whole_and_streamed_and_takes_its_result(gate, client):
    asked = say("do:call look_up", tools=[CHAT_TOOL], parallel_tool_calls=True)
    [call] = client.chat.completions.create(**asked).choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("look_up", '{"a":1}')
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion().choices[0].message.tool_calls
    assert [(one.function.name, one.function.arguments) for one in streamed] == [("look_up", '{"a":1}')]
    assert sent(gate)["stream_options"] == {"include_usage": True}
    result = [{"role": "assistant", "tool_calls": [call.model_dump()]}, {"role": "tool", "tool_call_id": call.id}]
    result[-1]["content"] = "found"
    messages = [*asked["messages"], *result]
    told = client.chat.completions.create(model=MODEL, messages=messages, tools=[CHAT_TOOL])
    assert told.choices[0].message.content == "found"


def test_chat_takes_images_and_documents_of_the_request(client):
    image, file = {"type": "image_url", "image_url": {"url": PNG}}, {"type": "file", "file": {"file_data": PDF}}
    content = [{"type": "text", "text": "see"}, image, file]
    answered = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])
    assert answered.choices[0].message.content == "see"


def test_responses_whole_streamed_and_with_a_tool(gate, client):
    answered = client.responses.create(model=MODEL, input="hello", instructions="be brief")
    assert (answered.output_text, answered.usage.output_tokens) == ("hello", 2)
    assert sent(gate)["store"] is False
    with client.responses.stream(model=MODEL, input="hello") as stream:
        names = [event.type for event in stream]
        final = stream.get_final_response()
    assert (names[0], names[-1], final.output_text) == ("response.created", "response.completed", "hello")
    [call] = client.responses.create(model=MODEL, input="do:call look_up", tools=[TOOL]).output
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "found"}
    told = client.responses.create(model=MODEL, input=[call.model_dump(exclude_none=True), output], tools=[TOOL])
    assert told.output_text == "found"


def test_responses_take_images_and_documents_of_the_request(client):
    image = {"type": "input_image", "image_url": PNG, "detail": "auto"}
    file = {"type": "input_file", "filename": "a.pdf", "file_data": PDF}
    content = [{"type": "input_text", "text": "see"}, image, file]
    assert client.responses.create(model=MODEL, input=[{"role": "user", "content": content}]).output_text == "see"


def test_embeddings_and_models(client):
    found = client.embeddings.create(model=MODEL, input=["one", "two"], encoding_format="float")
    assert [one.embedding for one in found.data] == [[0.25, 0.5], [0.25, 0.5]]
    assert [model.id for model in client.models.list()] == [MODEL]


def test_the_asynchronous_client(gate):
    async def talk():
        async with openai.AsyncOpenAI(base_url=gate.base_url, api_key=gate.world.tokens["ana"]) as client:
            whole = await client.responses.create(model=MODEL, input="hello")
            chunks = [one async for one in await client.chat.completions.create(**CHAT, stream=True)]
            events = [one async for one in await client.responses.create(model=MODEL, input="hello", stream=True)]
            vectors = await client.embeddings.create(model=MODEL, input="one", encoding_format="float")
        return whole, chunks, events, vectors

    whole, chunks, events, vectors = asyncio.run(talk())
    assert (whole.output_text, events[-1].response.output_text) == ("hello", "hello")
    assert "".join(one.choices[0].delta.content or "" for one in chunks) == "one two hello"
    assert len(vectors.data) == 1


def test_the_entry_says_which_dialect_was_spoken(gate, client):
    client.embeddings.create(model=MODEL, input="one", encoding_format="float")
    client.responses.create(model=MODEL, input="hello")
    client.chat.completions.create(**CHAT)
    intents = [CALL_INTENT.read(entry) for entry in gate.world.entries() if entry.type == CALL_INTENT.name]
    assert [one.dialect for one in intents[-3:]] == ["openai.embeddings", "openai.responses", "openai.chat"]
    assert [one.output_tokens_max for one in intents[-3:]] == [0, 1024, 1024]


def test_a_stream_of_chat_leaves_its_tokens_though_nobody_asked_for_them(gate, client):
    asked = say("do:call look_up", tools=[CHAT_TOOL], stream=True)
    assert all(chunk.choices for chunk in client.chat.completions.create(**asked))
    told = [*client.chat.completions.create(**asked, stream_options={"include_usage": True})]
    assert told[-1].usage.prompt_tokens == 5
    assert [end.prompt_tokens for end in gate.ends()[-2:]] == [5, 5]


@pytest.mark.parametrize(
    ("ask", "kind", "code"),
    [
        (lambda c: c.responses.create(model=MODEL, input="x", store=True), openai.BadRequestError, "store-not-allowed"),
        (
            lambda c: c.responses.create(model=MODEL, input="x", previous_response_id="r"),
            openai.BadRequestError,
            "history-out-of-sight",
        ),
        (
            lambda c: c.responses.create(model=MODEL, input="x", tools=[{"type": "web_search"}]),
            openai.BadRequestError,
            "provider-side-tool",
        ),
        (lambda c: c.embeddings.create(model=MODEL, input=[1, 2]), openai.BadRequestError, "tokens-not-readable"),
        (lambda c: c.embeddings.create(model="gpt", input="x"), openai.PermissionDeniedError, "model-not-allowed"),
        (
            lambda c: c.chat.completions.create(**CHAT, tools=[OTHER_TOOL]),
            openai.PermissionDeniedError,
            "tools-not-allowed",
        ),
        (lambda c: c.responses.retrieve("resp_1"), openai.NotFoundError, "route-unknown"),
        (
            lambda c: c.with_options(api_key="x").responses.create(model=MODEL, input="x"),
            openai.AuthenticationError,
            "token-unknown",
        ),
        (lambda c: c.responses.create(model=MODEL, input="do:status 429"), openai.RateLimitError, "upstream-busy"),
        (
            lambda c: c.embeddings.create(model=MODEL, input="do:status 500"),
            openai.InternalServerError,
            "upstream-failed",
        ),
        (
            lambda c: c.responses.create(model=MODEL, input="do:call other", tools=[TOOL]),
            openai.InternalServerError,
            "tool-call-not-offered",
        ),
        (
            lambda c: list(c.responses.create(model=MODEL, input="do:fail", stream=True)),
            openai.APIError,
            "upstream-failed",
        ),
        (
            lambda c: list(c.responses.create(model=MODEL, input="do:call other", stream=True)),
            openai.APIError,
            "tool-call-not-offered",
        ),
        (
            lambda c: list(c.chat.completions.create(**say("do:call other"), stream=True)),
            openai.APIError,
            "tool-call-not-offered",
        ),
    ],
)
def test_a_refusal_becomes_the_clients_own_exception(client, ask, kind, code):
    with pytest.raises(kind) as caught:
        ask(client)
    assert caught.value.code == code
    assert SECRET not in str(caught.value)
    assert "secret" not in str(caught.value.body)
