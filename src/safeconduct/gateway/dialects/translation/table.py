"""What becomes of every member of both dialects: the one table that the code walks and docs/spec/translation.md prints.

A member without a row is refused, so what a vendor adds tomorrow is not lost silently. In what surrounds an answer
(`*`) unknown members are left out: they say something about the answer, and are none of it.
"""

from collections.abc import Mapping

from safeconduct.gateway.dialects.translation.chat_rows import CHAT
from safeconduct.gateway.dialects.translation.messages_rows import MESSAGES
from safeconduct.gateway.dialects.translation.rows import Rows

TABLE: Mapping[str, Rows] = {**CHAT, **MESSAGES}
"""By the kind of object."""

STOP_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""What a stop_reason becomes. Others are refused: the model has not ended its turn."""

FINISH_REASONS: Mapping[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
"""What a finish_reason becomes."""
