"""Official clients of both families list and fetch models: what their caller may use, in their own shape."""

import anthropic
import openai
import pytest

from support.gateway_world import MODEL, PATH, LogWorld
from support.programs import demo_program
from support.wire import Wire

PROGRAM = (
    demo_program()
    .replace(b"paths:\n", b"models:\n  org/strong: {version: org/strong-1, tier: 1}\n\npaths:\n", 1)
    .replace(b'models: ["smollm2-135m"]', b"models: [smollm2-135m, org/strong]\n    tier: 1")
    .replace(b"name: Northwind Bank,", b"name: Northwind Bank, tier: 1,")
    .replace(b"kind: service,", b"kind: service, tier: 1,")
    .replace(b"    release: pass\n", b"    dialects: [openai.chat, anthropic.messages]\n    release: pass\n")
)
ALL = [MODEL, "org/strong", "org/strong-1"]


@pytest.fixture(scope="module")
def gate():
    world = LogWorld(program=PROGRAM)
    with Wire(world) as gate:
        yield gate
    world.close()


def clients(gate, who):
    token = gate.world.tokens[who]
    yield openai.OpenAI(base_url=gate.base_url, api_key=token, max_retries=0)
    url = f"http://127.0.0.1:{gate.port}/paths/{PATH}/anthropic"
    yield anthropic.Anthropic(base_url=url, api_key=token, max_retries=0)


@pytest.mark.parametrize(("who", "offered"), [("ana", [MODEL]), ("triage-service", ALL)])
def test_both_families_list_what_the_caller_may_use(gate, who, offered):
    before = len(gate.world.entries())
    for made in clients(gate, who):
        with made as client:
            assert [model.id for model in client.models.list()] == offered
            assert [client.models.retrieve(name).id for name in offered] == offered
            for name in {*ALL, "nothing"} - set(offered):
                with pytest.raises((openai.NotFoundError, anthropic.NotFoundError), match="there is no model"):
                    client.models.retrieve(name)
    assert len(gate.world.entries()) == before  # nothing was asked of a model


def test_who_has_no_grant_finds_no_path_and_so_no_models(gate):
    for made in clients(gate, "bo"):
        with made as client, pytest.raises((openai.NotFoundError, anthropic.NotFoundError), match="no path"):
            client.models.list()
