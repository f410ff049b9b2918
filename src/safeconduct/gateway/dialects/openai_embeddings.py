"""OpenAI's embeddings: texts in, vectors out, no stream. Tokens are refused: nothing here can read what they say."""

import msgspec

from safeconduct.gateway import limits
from safeconduct.gateway.dialects.fields import OURS_TO_SAY, Vocabulary, model_name, read_fields
from safeconduct.gateway.dialects.model import AnswerFacts, AnswerReader, ModelRequest, Shapes, bounded_count
from safeconduct.gateway.errors import DialectError, no_answer

_VOCABULARY = Vocabulary(
    plain=frozenset(("model", "encoding_format", "dimensions", "user")),
    structured=frozenset(("input",)),
    refused={"safety_identifier": OURS_TO_SAY},
    only={"stream": ((False,), "unknown-shape")},
)


class _Vector(msgspec.Struct):
    embedding: list[float] | str


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None


class _Answer(msgspec.Struct, kw_only=True):
    model: str | None = None
    data: list[_Vector]
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def read_embedding(body: bytes, shapes: Shapes) -> ModelRequest:  # noqa: ARG001 - a path widens nothing here
    """Reads a request body.

    Raises:
        DialectError: the bytes are no JSON that every reader reads alike, or hold a shape this dialect does not take.
    """
    fields, texts = read_fields(body)
    _VOCABULARY.check(fields)
    _check_input(fields.get("input"))
    return ModelRequest(
        body=body,
        model=model_name(fields),
        stream=False,
        output_tokens=0,
        limits_itself=True,
        tools=(),
        texts=texts,
        limit_field="",
        answer_bytes=limits.ANSWER_BYTES_MAX,
    )


def _check_input(given: object) -> None:
    listed = given if isinstance(given, list) else [given]
    if any(isinstance(one, int | list) and not isinstance(one, bool) for one in listed):
        raise DialectError(
            "input holds tokens: nobody here can read what they say",
            code="tokens-not-readable",
            param="input",
            remedy="send the texts; LangChain does with check_embedding_ctx_length=False",
        )
    if not listed or not all(isinstance(one, str) and one for one in listed):
        raise DialectError("input must be a text or a list of texts", code="messages-missing", param="input")
    if len(listed) > limits.EMBEDDING_INPUTS_MAX:
        text = f"a request may hold {limits.EMBEDDING_INPUTS_MAX} texts, got {len(listed)}"
        raise DialectError(text, code="too-many-messages", param="input", remedy="send them in several requests")


def read_embedding_answer(body: bytes, request: ModelRequest) -> AnswerFacts:  # noqa: ARG001 - the dialect's signature
    """Reads a whole JSON answer.

    Raises:
        UpstreamError: it is no list of vectors.
    """
    try:
        body.decode()
        answer = _decode(body)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
        raise no_answer("it is no list of embeddings in JSON") from error
    usage = answer.usage or _Usage()
    return AnswerFacts(model=answer.model, prompt_tokens=bounded_count(usage.prompt_tokens), completion_tokens=0)


def no_stream(request: ModelRequest) -> AnswerReader:
    """Never reads a stream, because no request asks for one.

    Raises:
        UpstreamError: always.
    """
    raise no_answer(f"{request.model[:64]!r} was not asked for a stream")
