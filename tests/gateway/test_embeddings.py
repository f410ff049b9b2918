"""OpenAI's embeddings: texts pass, tokens do not, and only vectors come back."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.gateway.dialects.model import AnswerFacts, Shapes
from safeconduct.gateway.dialects.openai_embeddings import no_stream, read_embedding, read_embedding_answer
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.limits import ANSWER_BYTES_MAX, EMBEDDING_INPUTS_MAX
from safeconduct.kernel.errors import UpstreamError


def body(given="hi", **fields):
    return json.dumps({"model": "m", "input": given, **fields}).encode()


def read(asked):
    return read_embedding(asked, Shapes())


ASKED = read(body())


def test_what_a_request_says_of_itself():
    asked = read(body(["one", "two"], dimensions=8, encoding_format="base64"))
    assert (asked.stream, asked.output_tokens, asked.answer_bytes) == (False, 0, ANSWER_BYTES_MAX)
    assert {"one", "two"} <= set(asked.texts)
    assert asked.forwarded(model="m", output_tokens=0) is asked.body


@pytest.mark.parametrize(
    ("taken", "refused", "code"),
    [
        ("one", [1, 2], "tokens-not-readable"),
        (["one"], [[1, 2]], "tokens-not-readable"),
        (["one", "two"], ["one", 2], "tokens-not-readable"),
        ("one", "", "messages-missing"),
        (["one"], [], "messages-missing"),
        (["one"], ["one", ""], "messages-missing"),
        ("one", None, "messages-missing"),
        ("one", {"text": "one"}, "messages-missing"),
        ("one", True, "messages-missing"),
        (["x"] * EMBEDDING_INPUTS_MAX, ["x"] * (EMBEDDING_INPUTS_MAX + 1), "too-many-messages"),
    ],
)
def test_texts_pass_and_nothing_else(taken, refused, code):
    assert read(body(taken)).model == "m"
    with pytest.raises(DialectError) as caught:
        read(body(refused))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("taken", "refused", "code"),
    [
        ({"stream": False}, {"stream": True}, "unknown-shape"),
        ({"user": "u"}, {"safety_identifier": "u"}, "vendor-field-derived"),
        ({"x": 1}, {"x": [1]}, "unknown-shape"),
        ({"x": 1}, {"Input": "other"}, "ambiguous-name"),
    ],
)
def test_fields(taken, refused, code):
    assert read(body(**taken)).model == "m"
    with pytest.raises(DialectError) as caught:
        read(body(**refused))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        (
            {"data": [{"embedding": [0.1, 2]}], "usage": {"prompt_tokens": 3}},
            AnswerFacts(prompt_tokens=3, completion_tokens=0),
        ),
        ({"data": [{"embedding": "AACAPw=="}]}, AnswerFacts(completion_tokens=0)),
        ({"data": [{"embedding": "AA"}, {"embedding": ["x"]}]}, None),
        ({"data": [{}]}, None),
        ({"error": {"message": "secret"}}, None),
        ([], None),
    ],
)
def test_what_an_answer_must_be(answer, facts):
    raw = json.dumps(answer).encode()
    if facts is None:
        with pytest.raises(UpstreamError):
            read_embedding_answer(raw, ASKED)
    else:
        assert read_embedding_answer(raw, ASKED) == facts


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_or_refused(data):
    with contextlib.suppress(DialectError):
        assert read(data).body is data
    with contextlib.suppress(UpstreamError):
        assert read_embedding_answer(data, ASKED) is not None


def test_there_is_no_stream():
    with pytest.raises(UpstreamError):
        no_stream(ASKED)
