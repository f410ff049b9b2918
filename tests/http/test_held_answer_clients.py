"""Held answers over real sockets and by official clients: told in the dialect's shape, fetched with one more header."""

import anthropic
import openai
import pytest

from support.gateway_world import MODEL, PATH
from support.held_answers import LINK, Holding, program
from support.patience import PATIENCE_S
from support.wire import ask, post, wire

HEADER = "safeconduct-approval"


@pytest.fixture(scope="module")
def gate():
    with wire(program=program()) as served:
        yield served


@pytest.fixture(scope="module")
def house(gate):
    return Holding(gate.world)


def client(gate):
    return openai.OpenAI(base_url=gate.base_url, api_key=gate.world.tokens["ana"], max_retries=0, timeout=PATIENCE_S)


def said(text):
    return {"model": MODEL, "messages": [{"role": "user", "content": text}]}


def test_an_sdk_is_told_the_approval_and_fetches_the_answer_with_it(gate, house):
    with client(gate) as sdk:
        with pytest.raises(openai.PermissionDeniedError) as told:
            sdk.chat.completions.create(**said(LINK))
        assert told.value.code == "answer-held"
        assert told.value.response.headers["x-should-retry"] == "false"
        approval = house.let_go()
        assert approval in told.value.body["remedy"]
        asked = len(gate.upstream.seen)
        raw = sdk.chat.completions.with_raw_response.create(**said(LINK), extra_headers={HEADER: approval})
        assert raw.parse().choices[0].message.content == LINK
        assert raw.headers["safeconduct-call"] != told.value.response.headers["safeconduct-call"]
        assert len(gate.upstream.seen) == asked
        with pytest.raises(openai.ConflictError) as again:
            sdk.chat.completions.create(**said(LINK), extra_headers={HEADER: approval})
        assert again.value.code == "approval-consumed"


def test_a_stream_ends_with_the_approval_and_is_fetched_as_a_stream(gate, house):
    with client(gate) as sdk:
        with pytest.raises(openai.APIError) as told:
            list(sdk.chat.completions.create(**said(f"stream {LINK}"), stream=True))
        assert told.value.code == "answer-held"
        approval = house.let_go()
        parts = list(
            sdk.chat.completions.create(**said(f"stream {LINK}"), stream=True, extra_headers={HEADER: approval})
        )
        text = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
        assert text == f"one two stream {LINK}"


def test_a_large_answer_is_fetched_whole_and_proven(gate, house):
    text = f"{LINK} " + "word " * 20_000
    with client(gate) as sdk:
        with pytest.raises(openai.PermissionDeniedError):
            sdk.chat.completions.create(**said(text))
        raw = sdk.chat.completions.with_raw_response.create(**said(text), extra_headers={HEADER: house.let_go()})
        assert raw.parse().choices[0].message.content == text
    gate.over()
    shown = post(gate.world.tokens["ana"], b"", path=f"/calls/{raw.headers['safeconduct-call']}/proof")
    proof = ask(gate.port, shown.replace(b"POST", b"GET", 1))
    assert b'"outcome":{"index"' in proof


def test_the_header_sent_twice_is_refused(gate):
    twice = [f"{HEADER}: a", f"{HEADER}: b", "connection: close"]
    answer = ask(gate.port, post(gate.world.tokens["ana"], b"{}", headers=twice))
    assert b'"code":"duplicate-header"' in answer


def test_what_is_translated_is_held_in_the_words_of_its_caller_with_the_vendors_own_beside_it(gate, house):
    base, wanted = (
        f"http://127.0.0.1:{gate.port}/paths/{PATH}/anthropic",
        said(f"translated {LINK}") | {"max_tokens": 64},
    )
    key = gate.world.tokens["ana"]
    with anthropic.Anthropic(base_url=base, max_retries=0, timeout=PATIENCE_S, api_key=key) as sdk:
        with pytest.raises(anthropic.PermissionDeniedError) as told:
            sdk.messages.create(**wanted)
        entry, approval = house.held(), house.let_go()
        assert (told.value.body["error"]["code"], approval in str(told.value)) == ("answer-held", True)
        assert list(gate.world.reader.leaf(entry.id).sealed) == ["answer", "received", "salt"]
        message = sdk.messages.create(**wanted, extra_headers={HEADER: approval})
        assert message.content[0].text == f"translated {LINK}"
        assert '"choices"' in house.look(entry, field="received")[1]["value"]
        outcome = [one for one in gate.world.entries("gateway.call.outcome") if one.body["end"] == "held"][-1]
        assert list(gate.world.reader.leaf(outcome.id).sealed) == []  # the caller could open what stands there
