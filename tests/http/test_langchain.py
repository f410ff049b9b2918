"""LangChain's chat models and embeddings against a gateway on real sockets: whole, streamed, with a tool, refused."""

import anthropic
import openai
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from support.gateway_world import MODEL, PATH
from support.two_vendors import OTHER, BothClients, BothStandIns, program
from support.wire import wire


@pytest.fixture(scope="module")
def gate():
    listed = program().replace(b"    tools: []\n", b"    tools: [look]\n")
    with wire(program=listed, model_server=BothStandIns(), client=BothClients) as served:
        yield served


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setenv("LANGSMITH_TRACING", "false")


@tool
def look(where: str = "", a: int = 0) -> str:
    """Looks somewhere."""
    return f"seen {where}{a}"


@tool
def other() -> str:
    """No path lists this."""
    return ""


def told(gate):
    return {"api_key": gate.world.tokens["ana"], "max_retries": 0, "timeout": 10}


def openai_chat(gate, **more):
    return ChatOpenAI(model=MODEL, base_url=gate.base_url, max_tokens=64, **told(gate), **more)


def responses_chat(gate):
    return openai_chat(gate, use_responses_api=True)


def anthropic_chat(gate):
    where = f"http://127.0.0.1:{gate.port}/paths/{OTHER}/anthropic"
    return ChatAnthropic(model=MODEL, base_url=where, max_tokens=64, **told(gate))


MODELS = pytest.mark.parametrize(
    ("make", "calling"),
    [(openai_chat, "do:call look"), (responses_chat, "do:call look"), (anthropic_chat, "do:call")],
)


@MODELS
def test_a_chat_whole_and_streamed(gate, make, calling):
    model = make(gate)
    whole = model.invoke("three")
    assert whole.text
    assert whole.usage_metadata["output_tokens"] == 2
    assert "".join(chunk.text for chunk in model.stream("three")).endswith(whole.text)


@MODELS
def test_a_tool_is_called_whole_and_streamed_and_its_result_taken(gate, make, calling):
    model = make(gate).bind_tools([look])
    asked = HumanMessage(calling)
    whole = model.invoke([asked])
    [call] = whole.tool_calls
    streamed = sum(list(model.stream([asked]))[1:], next(iter(model.stream([asked]))))
    assert [(one["name"], one["args"]) for one in streamed.tool_calls] == [(call["name"], call["args"])]
    result = look.invoke(call)
    assert isinstance(result, ToolMessage)
    assert model.invoke([asked, whole, result]).text


@MODELS
def test_what_the_path_refuses_is_its_own_exception(gate, make, calling):
    refused = (openai.PermissionDeniedError, anthropic.PermissionDeniedError)
    with pytest.raises(refused) as caught:
        make(gate).bind_tools([other]).invoke("x")
    assert "this path lists no tool" in str(caught.value)


def test_embeddings_are_sent_as_texts(gate):
    asked = {"model": MODEL, "base_url": gate.base_url, "api_key": gate.world.tokens["ana"], "max_retries": 0}
    found = OpenAIEmbeddings(**asked, check_embedding_ctx_length=False, chunk_size=128)
    assert len(found.embed_documents(["one", "two"])) == 2
    assert PATH in gate.base_url
