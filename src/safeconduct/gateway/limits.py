"""Every bound of a governed call, with its unit and its reason. Tested at the limit and one beyond."""

HEADER_VALUE_BYTES_MAX = 256
"""Bytes of one `safeconduct-*` header. Names of paths, purposes and grants are short; more is an attempt."""

TOKEN_BYTES_MAX = 512
"""Bytes of the Authorization header. Our tokens take under 100."""

MESSAGES_MAX = 1024
"""Messages of one request. Long conversations have hundreds; each costs inspection."""

NESTING_MAX = 32
"""Levels of JSON in a request. A response schema takes about ten; deeper nesting is aimed at the parser."""

MODEL_NAME_BYTES_MAX = 256
"""Bytes of a model's name as asked for, because the name stands in the entry."""

ANSWER_BYTES_BASE = 64 * 1024
"""Bytes of an answer besides its tokens: identifiers, usage, an echo of parameters."""

ANSWER_BYTES_PER_TOKEN = 4096
"""Bytes that one output token may take on the wire. A stream wraps each in 250 to 400; logprobs take 2,000 more."""

ANSWER_BYTES_MAX = 3 * 1024 * 1024
"""Bytes of an answer on any path. What is released is sealed, and a sealed field holds 8 MiB in its JSON form."""

EMBEDDING_INPUTS_MAX = 128
"""Texts of one request for embeddings: as many vectors of 3,072 numbers, in base64, as an answer can hold."""

FRAME_BYTES_MAX = 256 * 1024
"""Bytes of one server-sent event. Without a bound an upstream that never ends a frame fills the memory."""

RESPONSE_FRAME_BYTES_MAX = 1024 * 1024
"""Bytes of one event of a response: some repeat the request's instructions and tools and the whole answer."""

TOOL_CALLS_MAX = 128
"""Calls of tools in one answer. A request may offer 100; each open call of a stream is remembered."""

PIECE_BYTES = 16 * 1024
"""Bytes handed to a client's transport in one piece: a large answer waits for its reader too, and at a cut it is known
which pieces went."""

REFUSED_BODY_BYTES_MAX = 64 * 1024
"""Bytes kept of an upstream's error answer. They are sealed for the operator; the caller never sees them."""

OUTCOME_TRIES_MAX = 3
"""How often an outcome is offered to the log. A call that still has none is closed at the next start."""


def answer_bytes_max(output_tokens: int, besides: int = 0) -> int:
    """Returns how many bytes an answer of that many tokens may have, `besides` what they take."""
    return min(ANSWER_BYTES_MAX, ANSWER_BYTES_BASE + output_tokens * ANSWER_BYTES_PER_TOKEN + besides)
