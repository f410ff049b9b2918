"""Of a model server nothing is told but its answer: no host, key, price or other tenant's word, in any dialect."""

import json

import pytest

from support.gateway_world import MODEL
from support.leaky import LEAKS, STREAMED, WHOLE, Leaky
from support.two_vendors import ROUTES, BothClients, BothStandIns, body_of, program
from support.two_vendors import STREAMED as STREAMS
from support.wire import ask, post, wire

NO_ANSWER_IN = ("failing", "broken-off")


@pytest.fixture(scope="module")
def gate():
    with wire(program=program(), model_server=BothStandIns(Leaky, Leaky), client=BothClients) as served:
        yield served


def told(gate, way, mode, *, stream):
    body = body_of(way, f"do:{mode} please", stream=stream, model=MODEL)
    request = post(gate.world.tokens["ana"], json.dumps(body).encode(), path=ROUTES[way], headers=["connection: close"])
    return ask(gate.port, request)


def leaked(gate, answer):
    """Returns what of the upstream's an answer shows."""
    places = ("127.0.0.1", f":{gate.upstream.chat.port}", f":{gate.upstream.messages.port}")
    return [leak for leak in (*LEAKS, *places) if leak.encode() in answer]


@pytest.mark.parametrize("way", sorted(ROUTES))
def test_nothing_but_the_answer_of_a_whole_answer_is_told(gate, way):
    for mode in WHOLE:
        answer = told(gate, way, mode, stream=False)
        assert leaked(gate, answer) == [], (mode, answer)
        assert answer.startswith(b"HTTP/1.1 200 ") is (mode == "good"), (mode, answer)
        assert answer.count(b"safeconduct-call:") == 1
        assert (b'"code":"' in answer) is (mode != "good")


@pytest.mark.parametrize("way", sorted(STREAMS))
def test_nothing_but_the_answer_of_a_stream_is_told(gate, way):
    for mode in STREAMED:
        answer = told(gate, way, mode, stream=True)
        assert leaked(gate, answer) == [], (mode, answer)
        assert (b'"code":"' in answer) is (mode != "good"), (mode, answer)
        assert answer.count(b"safeconduct-call:") == 1
        assert answer.count(b"safeconduct-receipt entry=") <= 1
        assert answer.startswith(b"HTTP/1.1 200 ") or mode not in ("good", *NO_ANSWER_IN), (mode, answer)


@pytest.mark.parametrize("mode", STREAMED)
def test_the_model_server_itself_tells_all_of_it(gate, mode):
    body = json.dumps(body_of("chat", f"do:{mode} please", stream=True, model=MODEL)).encode()
    answer = ask(gate.upstream.chat.port, post("", body, path="/v1/chat/completions"))
    assert leaked(gate, answer) == list(LEAKS)
