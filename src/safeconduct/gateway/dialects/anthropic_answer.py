"""Step 9's other half for Anthropic's messages: what the vendor answers, whole or as events.

Everything an upstream sends is untrusted. An event's name is written anew from the type in its data, because clients
decide by the name and we read the data. Tool calls pass only for what the request offered.
"""

import re
from collections.abc import Mapping

import msgspec

from safeconduct.gateway.dialects.model import AnswerFacts, ModelRequest, bounded_count
from safeconduct.gateway.errors import failed_answering, no_answer, not_offered
from safeconduct.gateway.vendor_outcomes import merged, refused

STOP_REASONS = frozenset(
    (
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "compaction",
        "refusal",
        "model_context_window_exceeded",
    )
)
_CATEGORIES: Mapping[str | None, str] = {
    "cyber": "cyber",
    "bio": "bio",
    "frontier_llm": "frontier-llm",
    "reasoning_extraction": "reasoning-extraction",
    "general_harms": "general-harms",
}
"""Anthropic's categories of refusals as reasons of notices."""

_PLAIN_BLOCKS = frozenset(("text", "thinking", "redacted_thinking"))
_CALLS_AT_VENDOR = frozenset(("server_tool_use", "mcp_tool_use"))  # by names of the vendor's own
_VENDOR_RESULT = re.compile(r"_tool_result$|^container_upload$")


class StopDetails(msgspec.Struct):
    category: str | None = None


class Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class Block(msgspec.Struct):
    type: str
    name: str = ""


class Ended(msgspec.Struct):
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class Message(Ended):
    type: str = ""
    model: str | None = None
    content: list[Block] | None = None
    usage: Usage | None = None


class _Count(msgspec.Struct):
    input_tokens: int


_message = msgspec.json.Decoder(Message).decode
_count_of = msgspec.json.Decoder(_Count).decode


def read_answer(body: bytes, request: ModelRequest) -> AnswerFacts:
    """Reads a whole JSON answer.

    Raises:
        UpstreamError: it is no message, or calls a tool that the request did not offer.
    """
    try:
        body.decode()
        message = _message(body)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
        raise no_answer("it is no message in JSON") from error
    if message.type == "error":
        raise failed_answering()
    if message.type != "message" or message.content is None:
        raise no_answer("it is no message")
    for block in message.content:
        check_block(block, request)
    return with_usage(with_end(AnswerFacts(model=message.model), message), message.usage)


def read_count(body: bytes, request: ModelRequest) -> AnswerFacts:  # noqa: ARG001 - the dialect's signature
    """Reads a count of tokens. Counting writes none and is charged for none, so the facts say zero.

    Raises:
        UpstreamError: it is no count.
    """
    try:
        body.decode()
        counted = _count_of(body)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
        raise no_answer("it is no count of tokens in JSON") from error
    if bounded_count(counted.input_tokens) is None:
        raise no_answer("it counts fewer than no tokens, or more than there are")
    return AnswerFacts(finish_reason="counted", prompt_tokens=0, completion_tokens=0)


def check_block(block: Block, request: ModelRequest) -> None:
    """Lets pass what the request asked for.

    Raises:
        UpstreamError: `tool-call-not-offered`, or a kind of block that has no reading.
    """
    if block.type == "tool_use":
        if block.name not in (*request.tools, *request.provider_tools):
            raise not_offered()
    elif block.type in _CALLS_AT_VENDOR or _VENDOR_RESULT.search(block.type):
        if not request.provider_tools:
            raise not_offered()
    elif block.type not in _PLAIN_BLOCKS:
        raise no_answer("it holds a block of an unknown type")


def with_end(facts: AnswerFacts, ended: Ended) -> AnswerFacts:
    """Returns the facts with why the model stopped. A refusal of the vendor is a notice, by its category."""
    reason = ended.stop_reason
    if reason is None:
        return facts
    facts = msgspec.structs.replace(facts, finish_reason=reason if reason in STOP_REASONS else "other")
    if reason != "refusal":
        return facts
    category = ended.stop_details.category if ended.stop_details else None
    found = refused(_CATEGORIES.get(category, "unspecified"))
    return msgspec.structs.replace(facts, notices=merged(facts.notices, found))


def with_usage(facts: AnswerFacts, usage: Usage | None) -> AnswerFacts:
    """Returns the facts with the tokens of a usage, which says totals. Tokens that a cache holds are prompt tokens."""
    if usage is None:
        return facts
    prompt = (usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens)
    known = [count for count in map(bounded_count, prompt) if count is not None]
    prompt_tokens = bounded_count(sum(known)) if usage.input_tokens is not None else facts.prompt_tokens
    written = bounded_count(usage.output_tokens)
    return msgspec.structs.replace(
        facts,
        prompt_tokens=prompt_tokens,
        completion_tokens=facts.completion_tokens if written is None else written,
    )
