"""What is held is held whole, and goes only when an inspector has seen enough behind it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.gateway.release import (
    WINDOW_CHARACTERS,
    HoldingAll,
    HoldingWindow,
    PassesAll,
    Release,
    check_whole,
    releaser,
)
from safeconduct.kernel.errors import RefusedError, UpstreamError
from support.inspecting import RefusesWords

WINDOW = 8
WORD = "forbid"


def frame(payload) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def chat(text) -> bytes:
    return frame({"id": "c", "choices": [{"delta": {"role": "assistant", "content": text}}]})


def responses(text) -> bytes:
    return b"event: response.output_text.delta\n" + frame({"type": "response.output_text.delta", "delta": text})


def anthropic(text) -> bytes:
    return b"event: content_block_delta\n" + frame(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    )


def arguments(text) -> bytes:
    call = {"index": 0, "id": "x", "type": "function", "function": {"arguments": text}}
    return frame({"choices": [{"delta": {"tool_calls": [call]}}]})


DIALECTS = [chat, responses, anthropic, arguments]


@pytest.mark.parametrize("mode", Release)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_passes_comes_out_whole_and_in_order(dialect, mode):
    frames = [dialect(text) for text in ("one ", "two ", "three ")] + [b":\n\n", b"data: [DONE]\n\n"]
    out = releaser(mode, PassesAll())
    given_out = [out.take(one) for one in frames]
    assert b"".join([*given_out, out.rest()]) == b"".join(frames)
    assert out.held == b""
    if mode is Release.HOLD_ALL:
        assert set(given_out) == {b""}


def feed(out, reads):
    """Returns what came, what was given out, and the error that ended it."""
    came, gone = b"", b""
    try:
        for data in reads:
            came += data
            gone += out.take(data)
        gone += out.rest()
    except RefusedError as error:
        return came, gone, error
    return came, gone, None


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("hold", [lambda i: HoldingWindow(i, WINDOW), HoldingAll])
def test_a_word_split_over_frames_is_refused_and_no_part_of_it_goes(dialect, hold):
    out = hold(RefusesWords((WORD,)))
    texts = ("so far so good, then ", "for", "b", "i", "d", " and on")
    came, gone, error = feed(out, map(dialect, texts))
    assert (error.code, error.clause) == ("released-withheld", "words:forbid")
    assert dialect("for") not in gone
    assert gone + out.held == came


@pytest.mark.parametrize(("length", "safe"), [(WINDOW, True), (WINDOW + 1, False)])
def test_a_word_as_long_as_the_window_is_held_and_one_beyond_begins_to_go(length, safe):
    word = "abcdefghijkl"[:length]
    _, gone, error = feed(HoldingWindow(RefusesWords((word,)), WINDOW), map(chat, word))
    assert ((error is not None), gone == b"") == (safe, safe)


def test_the_window_is_512_characters():
    assert WINDOW_CHARACTERS == 512
    out = HoldingWindow(PassesAll())
    assert out.take(chat("x")) == b""
    assert out.take(chat("y" * (WINDOW_CHARACTERS - 2))) == b""
    assert out.take(chat("z")) == chat("x")


@given(
    st.lists(st.text(alphabet="forbidx ", max_size=5), max_size=12),
    st.lists(st.integers(1, 4), min_size=1, max_size=12),
)
def test_nothing_of_a_forbidden_word_goes_wherever_frames_and_reads_end(texts, reads):
    out, frames, parts = HoldingWindow(RefusesWords((WORD,)), WINDOW), [chat(text) for text in texts], []
    for size in reads * 12:
        parts.append(b"".join(frames[:size]))
        frames = frames[size:]
    came, gone, error = feed(out, parts)
    assert (error is not None) == (WORD in "".join(texts))
    assert gone + out.held == came
    if error is not None:
        said = "".join(json.loads(one[6:])["choices"][0]["delta"]["content"] for one in gone.split(b"\n\n")[:-1])
        assert len(said) <= "".join(texts).index(WORD)


def test_strings_and_names_beside_the_text_are_looked_at_too():
    for payload in ({"model": WORD}, {WORD: 1}, {"choices": [{"delta": {"role": WORD}}]}, {"a": [[{"b": WORD}]]}):
        with pytest.raises(RefusedError):
            HoldingWindow(RefusesWords((WORD,))).take(frame(payload))


def test_labels_do_not_stand_between_the_parts_of_a_word():
    inspector = RefusesWords(())
    HoldingWindow(inspector).take(anthropic("for") + anthropic("bid"))
    assert inspector.seen[0] == WORD


@pytest.mark.parametrize(
    "payload", [b'{"choices":[{"delta":{"content":"a","content":"b"}}]}', b"[1]", b'{"a":NaN}', b"{"]
)
def test_what_readers_read_differently_does_not_go(payload):
    out = HoldingWindow(PassesAll())
    with pytest.raises(UpstreamError) as caught:
        out.take(b"data: " + payload + b"\n\n")
    assert caught.value.code == "upstream-answer-invalid"


@pytest.mark.parametrize("mode", [Release.HOLD_WINDOW, Release.HOLD_ALL])
def test_a_whole_answer_is_inspected_before_it_goes(mode):
    body = json.dumps({"choices": [{"message": {"content": f"a {WORD} b"}}]}).encode()
    check_whole(mode, RefusesWords(("other",)), body)
    with pytest.raises(RefusedError):
        check_whole(mode, RefusesWords((WORD,)), body)
    check_whole(Release.PASS, RefusesWords((WORD,)), body)
