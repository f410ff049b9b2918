"""Step 11 on the wire of each dialect: whole answers and streams are restored alike, however words fall into frames."""

import json
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeconduct.boundary.restoring import Restorable, Tally
from safeconduct.gateway.dialects.registry import DIALECTS
from safeconduct.gateway.dialects.sse import payload, whole_frames
from safeconduct.gateway.restoring import FrameRestorer, restored_answer
from safeconduct.kernel.errors import UpstreamError
from support.restored import restore

HOST, USER = "HOST_abcdefghij", "USER_zy7wvu2tsr"
SHOWN = Restorable(originals={HOST: "web-01", USER: "CORP\\alice"})
TEXT = f"On {HOST} the user {USER} ran it; host_abcdefghij and HOST_7777777777 did not."
RESTORED = "On web-01 the user CORP\\alice ran it; host_abcdefghij and HOST_7777777777 did not."
ARGUMENTS = json.dumps({"host": HOST, "user": USER, "note": f"a\n{HOST}"})
CALLED = {"host": "web-01", "user": "CORP\\alice", "note": "a\nweb-01"}
DONE = b"data: [DONE]\n\n"


def frame(document, event="") -> bytes:
    named = f"event: {event}\n".encode() if event else b""
    return named + b"data: " + msgspec.json.encode(document) + b"\n\n"


def chunk(finish=None, **delta) -> bytes:
    return frame({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def chat(texts, arguments):
    yield chunk(role="assistant", content="")
    yield from (chunk(content=text) for text in texts)
    for number, text in enumerate(arguments):
        named = {"id": "t", "type": "function"} if not number else {}
        yield chunk(tool_calls=[{"index": 0, **named, "function": {"arguments": text}}])
    yield chunk(finish="stop")
    yield frame({"id": "c", "choices": [], "usage": {"prompt_tokens": 1}})
    yield DONE


def messages(texts, arguments):
    def event(kind, **members):
        return frame({"type": kind, **members}, kind)

    yield event("message_start", message={"type": "message", "content": []})
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for text in texts:
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
        yield event("ping")
    yield event("content_block_stop", index=0)
    yield event("content_block_start", index=1, content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}})
    for text in arguments:
        yield event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": text})
    yield event("content_block_stop", index=1)
    yield event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3})
    yield event("message_stop")


def responses(texts, arguments):
    def event(kind, **members):
        return frame({"type": f"response.{kind}", **members}, f"response.{kind}")

    text, called = "".join(texts), "".join(arguments)
    said = {"type": "message", "content": [{"type": "output_text", "text": text}]}
    call = {"type": "function_call", "name": "f", "arguments": called}
    yield event("created", response={"object": "response", "output": []})
    yield event("output_item.added", output_index=0, item={"type": "message", "content": []})
    yield event("content_part.added", output_index=0, content_index=0, part={"type": "output_text", "text": ""})
    yield from (event("output_text.delta", output_index=0, content_index=0, delta=text) for text in texts)
    yield event("output_text.done", output_index=0, content_index=0, text=text)
    yield event("output_item.done", output_index=0, item=said)
    yield from (event("function_call_arguments.delta", output_index=1, delta=text) for text in arguments)
    yield event("function_call_arguments.done", output_index=1, arguments=called)
    yield event("completed", response={"object": "response", "output": [said, call], "usage": {"output_tokens": 3}})


def heard_in_chat(documents):
    deltas = [one["delta"] for document in documents for one in document["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    return "".join(delta.get("content", "") for delta in deltas), "".join(one["function"]["arguments"] for one in calls)


def heard_in_messages(documents):
    deltas = [document["delta"] for document in documents if document["type"] == "content_block_delta"]
    return "".join(one.get("text", "") for one in deltas), "".join(one.get("partial_json", "") for one in deltas)


def heard_in_responses(documents):
    text = "".join(one["delta"] for one in documents if one["type"] == "response.output_text.delta")
    called = "".join(one["delta"] for one in documents if one["type"] == "response.function_call_arguments.delta")
    said, call = documents[-1]["response"]["output"]
    assert (said["content"][0]["text"], json.loads(call["arguments"])) == (text, json.loads(called))
    assert next(one for one in documents if one["type"] == "response.output_text.done")["text"] == text
    return text, called


STREAMS = {
    "openai.chat": (chat, heard_in_chat),
    "anthropic.messages": (messages, heard_in_messages),
    "openai.responses": (responses, heard_in_responses),
}


def documents(frames: bytes):
    return [json.loads(data) for one in whole_frames(frames) if (data := payload(one)) and data != b"[DONE]"]


def cut(text, cuts):
    edges = [0, *sorted({min(one, len(text)) for one in cuts}), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("dialect", STREAMS)
@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 90), max_size=30), reads=st.sampled_from([1, 2, 5]))
def test_every_way_of_cutting_is_restored_in_whole_frames_in_order(dialect, cuts, reads):
    write, heard = STREAMS[dialect]
    frames = list(write(cut(TEXT, cuts), cut(ARGUMENTS, cuts)))
    restorer = FrameRestorer(SHOWN, DIALECTS[dialect].speech)
    out = b"".join(restorer.take(b"".join(frames[at : at + reads])) for at in range(0, len(frames), reads))
    out += restorer.rest()
    assert restorer.held == b""
    assert len(documents(out)) == len(documents(b"".join(frames)))
    text, called = heard(documents(out))
    assert (text, json.loads(called)) == (RESTORED, CALLED)
    assert restorer.tally == Tally(restored=5, altered=1, forged=1)
    assert [one.get("usage") for one in documents(out)] == [one.get("usage") for one in documents(b"".join(frames))]


@pytest.mark.parametrize("dialect", STREAMS)
def test_frames_without_tokens_are_the_bytes_that_came(dialect):
    write, _ = STREAMS[dialect]
    frames = b":\n\n" + b"".join(write(["He", "llo ", "HOST USER_ x"], ["{}"]))
    restorer = FrameRestorer(SHOWN, DIALECTS[dialect].speech)
    assert restorer.take(frames) + restorer.rest() == frames
    assert restorer.tally == Tally()


@pytest.mark.parametrize("dialect", STREAMS)
def test_a_frame_waits_only_while_it_may_end_within_a_token(dialect):
    write, _ = STREAMS[dialect]
    frames = list(write(["He", "llo HO", "ST_abcdefghij", " x"], []))
    first = next(at for at, one in enumerate(frames) if b"llo HO" in one)
    restorer = FrameRestorer(SHOWN, DIALECTS[dialect].speech)
    before = b"".join(frames[:first])
    assert restorer.take(before) == before
    assert restorer.take(frames[first]) == b""
    assert restorer.held == frames[first]
    assert documents(restorer.take(b"".join(frames[first + 1 :])))[0]


def whole(dialect, text, refusal, arguments, called):
    function = {"name": "f", "arguments": arguments}
    parts = [{"type": "output_text", "text": text}, {"type": "refusal", "refusal": refusal}]
    return {
        "openai.chat": {
            "choices": [
                {
                    "index": 0,
                    "message": {"content": text, "refusal": refusal, "tool_calls": [{"function": function}]},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 1},
        },
        "anthropic.messages": {
            "type": "message",
            "content": [
                {"type": "thinking", "thinking": f"about {HOST}", "signature": "the vendor's"},
                {"type": "text", "text": text},
                {"type": "text", "text": refusal},
                {"type": "tool_use", "name": "f", "input": called},
            ],
        },
        "openai.responses": {
            "object": "response",
            "text": {"format": {"type": "text"}},
            "output": [{"type": "message", "content": parts}, {"type": "function_call", **function}],
        },
    }[dialect]


@pytest.mark.parametrize("dialect", STREAMS)
def test_a_whole_answer_is_restored_and_nothing_else_in_it_changes(dialect):
    came = whole(dialect, TEXT, HOST, ARGUMENTS, json.loads(ARGUMENTS))
    out, tally = restored_answer(msgspec.json.encode(came), SHOWN, DIALECTS[dialect].speech)
    assert tally == Tally(restored=6, altered=1, forged=1)
    assert json.loads(out) == whole(dialect, RESTORED, "web-01", json.dumps(CALLED), CALLED)


@pytest.mark.parametrize("dialect", ["openai.embeddings", "anthropic.count-tokens"])
def test_answers_that_say_nothing_stay_as_they_are(dialect):
    body = b'{"input_tokens": 3, "object":"list","note":"HOST_abcdefghij"}'
    assert restored_answer(body, SHOWN, DIALECTS[dialect].speech) == (body, Tally())


def test_a_text_that_is_json_stays_json():
    frames = b"".join(chat(["", " ", '{"user": "USER_zy7w', 'vu2tsr"}'], []))
    restorer = FrameRestorer(SHOWN, DIALECTS["openai.chat"].speech)
    text, _ = heard_in_chat(documents(restorer.take(frames) + restorer.rest()))
    assert json.loads(text) == {"user": "CORP\\alice"}
    assert restore(f'say "{USER}"', SHOWN).text == 'say "CORP\\alice"'


@pytest.mark.parametrize("data", [b'{"choices":[],"choices":[]}', b"[]"])
def test_what_readers_could_read_differently_does_not_go(data):
    with pytest.raises(UpstreamError):
        FrameRestorer(SHOWN, DIALECTS["openai.chat"].speech).take(b"data: " + data + b"\n\n")
    with pytest.raises(UpstreamError):
        restored_answer(data, SHOWN, DIALECTS["openai.chat"].speech)


def test_a_token_around_another_text_is_not_restored():
    frames = chunk(content="HOST_abc") + chunk(refusal="no") + chunk(content="defghij")
    restorer = FrameRestorer(SHOWN, DIALECTS["openai.chat"].speech)
    out = restorer.take(frames) + restorer.rest()
    assert out == frames
    assert restorer.tally.altered == 2
