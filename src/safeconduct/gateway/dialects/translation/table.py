"""What becomes of every member of both dialects: the one table that the code walks and docs/spec/translation.md prints.

A member without a row is refused, so what a vendor adds tomorrow is not lost silently. In what surrounds an answer
(`*`) unknown members are left out: they say something about the answer, and are none of it.
"""

from collections.abc import Mapping

from safeconduct.gateway.dialects.translation.rows import Fate, Row, Rows


def _carried(note: str) -> Row:
    return Row(Fate.CARRIED, note)


def _set(note: str) -> Row:
    return Row(Fate.SET, note)


def _no(why: str, *, unless: tuple[object, ...] = ()) -> Row:
    return Row(Fate.REFUSED, why, unless)


def _left(note: str) -> Row:
    return Row(Fate.LEFT_OUT, note)


_NONE = "the other dialect has no such member"
_TEXT_ONLY = "text and functions are translated, nothing else"
_VENDOR_RUNS = "the vendor's own tools are not translated"
_CACHE = "what a vendor's cache keeps is not the other's"

_CHAT_REQUEST: Rows = {
    "messages": _carried("`messages` and `system`"),
    "model": _set("the name at the model server"),
    "stream": _carried("`stream`"),
    "stream_options": _carried("whether the last chunk says the usage"),
    "max_completion_tokens": _carried("`max_tokens`"),
    "max_tokens": _carried("`max_tokens`"),
    "stop": _carried("`stop_sequences`"),
    "tools": _carried("`tools`"),
    "tool_choice": _carried("`tool_choice`"),
    "parallel_tool_calls": _carried("`tool_choice.disable_parallel_tool_use`"),
    "user": _set("Safeconduct's own identifier of the caller, where the vendor takes one"),
    "safety_identifier": _set("Safeconduct's own identifier of the caller, where the vendor takes one"),
    "temperature": _no(_NONE, unless=(1,)),
    "top_p": _no(_NONE, unless=(1,)),
    "frequency_penalty": _no(_NONE, unless=(0,)),
    "presence_penalty": _no(_NONE, unless=(0,)),
    "logit_bias": _no(_NONE, unless=({},)),
    "logprobs": _no(_NONE, unless=(False,)),
    "top_logprobs": _no(_NONE, unless=(0,)),
    "n": _no(_NONE, unless=(1,)),
    "seed": _no(_NONE),
    "verbosity": _no(_NONE),
    "prediction": _no(_NONE),
    "moderation": _no(_NONE),
    "response_format": _no(_TEXT_ONLY, unless=({"type": "text"},)),
    "modalities": _no(_TEXT_ONLY, unless=(["text"],)),
    "audio": _no(_TEXT_ONLY),
    "reasoning_effort": _no(_TEXT_ONLY),
    "functions": _no("is the former spelling of tools", unless=([],)),
    "function_call": _no("is the former spelling of tool_choice"),
    "web_search_options": _no(_VENDOR_RUNS),
    "service_tier": _no(
        "tiers are each vendor's own",
        unless=(
            "auto",
            "default",
        ),
    ),
    "metadata": _no("keeps words of the caller at the vendor", unless=({},)),
    "store": _no("keeps the call at the vendor", unless=(False,)),
    "prompt_cache_key": _no(_CACHE),
    "prompt_cache_options": _no(_CACHE),
    "prompt_cache_retention": _no(_CACHE),
}
_MESSAGES_REQUEST: Rows = {
    "messages": _carried("`messages`"),
    "system": _carried("a message of the role system for each of its blocks, before all others"),
    "model": _set("the name at the model server"),
    "stream": _carried("`stream`, with `stream_options.include_usage` set"),
    "max_tokens": _carried("`max_completion_tokens`"),
    "stop_sequences": _carried("`stop`"),
    "tools": _carried("`tools`"),
    "tool_choice": _carried("`tool_choice` and `parallel_tool_calls`"),
    "metadata": _set("Safeconduct's own identifier of the caller, where the vendor takes one"),
    "thinking": _no(_TEXT_ONLY, unless=({"type": "disabled"},)),
    "output_config": _no(_TEXT_ONLY, unless=({},)),
    "cache_control": _no(_CACHE),
    "container": _no(_VENDOR_RUNS),
    "diagnostics": _no("asks for what the vendor has stored"),
    "inference_geo": _no("the path names the region"),
    "service_tier": _no("tiers are each vendor's own", unless=("auto",)),
    "speed": _no(_NONE, unless=("standard",)),
    "user_profile_id": _no("names a person at the vendor"),
    "workspace_id": _no("names an account at the vendor"),
}
_CHAT_MESSAGE: Rows = {
    "role": _carried("`role`; developer becomes system, tool becomes user"),
    "content": _carried("`content`"),
    "tool_calls": _carried("blocks of the type tool_use"),
    "tool_call_id": _carried("`tool_use_id` of a block of the type tool_result"),
    "name": _no(_NONE),
    "refusal": _no(_NONE),
    "audio": _no(_TEXT_ONLY),
    "function_call": _no("is the former spelling of tool_calls"),
}
_TEXT_BLOCK: Rows = {
    "type": _carried("a part of the type text"),
    "text": _carried("`text`"),
    "cache_control": _no(_CACHE),
    "citations": _no(_NONE, unless=([],)),
}
_TOOL_USE: Rows = {
    "type": _carried("a call of the type function"),
    "id": _carried("`id`"),
    "name": _carried("`function.name`"),
    "input": _carried("`function.arguments`, as text"),
    "caller": _no(_VENDOR_RUNS, unless=({"type": "direct"},)),
    "toolset_name": _no(_VENDOR_RUNS),
    "cache_control": _no(_CACHE),
}

TABLE: Mapping[str, Rows] = {
    "chat request": _CHAT_REQUEST,
    "chat message": _CHAT_MESSAGE,
    "chat part": {
        "type": _carried("a block of the type text"),
        "text": _carried("`text`"),
        "prompt_cache_breakpoint": _no(_CACHE),
    },
    "chat tool call": {
        "id": _carried("`id`"),
        "type": _carried("a block of the type tool_use"),
        "function": _carried("`name` and `input`"),
        "index": _carried("the place of its block"),
    },
    "chat called function": {
        "name": _carried("`name`"),
        "arguments": _carried("`input`; text that is no JSON object is refused"),
    },
    "chat tool": {"type": _carried("nothing: a tool is a function"), "function": _carried("a tool")},
    "chat function": {
        "name": _carried("`name`"),
        "description": _carried("`description`"),
        "parameters": _carried("`input_schema`; an object without properties where there are none"),
        "strict": _carried("`strict`"),
    },
    "chat stream options": {
        "include_usage": _carried("whether the last chunk says the usage"),
        "include_obfuscation": _no(_NONE, unless=(False,)),
    },
    "messages request": _MESSAGES_REQUEST,
    "messages message": {
        "role": _carried("`role`"),
        "content": _carried("`content`, `tool_calls`, or a message of the role tool for each result"),
    },
    "messages text block": _TEXT_BLOCK,
    "messages tool_use block": _TOOL_USE,
    "messages tool_result block": {
        "type": _carried("a message of the role tool"),
        "tool_use_id": _carried("`tool_call_id`"),
        "content": _carried("`content`"),
        "is_error": _no(_NONE, unless=(False,)),
        "toolset_name": _no(_VENDOR_RUNS),
        "cache_control": _no(_CACHE),
    },
    "messages tool": {
        "name": _carried("`function.name`"),
        "description": _carried("`function.description`"),
        "input_schema": _carried("`function.parameters`"),
        "strict": _carried("`function.strict`"),
        "type": _no(_VENDOR_RUNS, unless=("custom",)),
        "allowed_callers": _no(
            _VENDOR_RUNS,
            unless=(
                ["direct"],
                [],
            ),
        ),
        "defer_loading": _no(_VENDOR_RUNS, unless=(False,)),
        "eager_input_streaming": _no(_NONE, unless=(False,)),
        "input_examples": _no(_NONE, unless=([],)),
        "cache_control": _no(_CACHE),
    },
    "messages tool choice": {
        "type": _carried("auto, none, required (any), or a function by name (tool)"),
        "name": _carried("`function.name`"),
        "disable_parallel_tool_use": _carried("`parallel_tool_calls`"),
    },
    "chat answer": {
        "id": _carried("`id`"),
        "model": _carried("`model`"),
        "choices": _carried("`content` and `stop_reason`; more than one is refused"),
        "usage": _carried("`usage`"),
        "object": _set("`type`"),
        "*": _left("says nothing of what the model wrote"),
    },
    "chat choice": {
        "message": _carried("`content`"),
        "delta": _carried("events of a block"),
        "finish_reason": _carried("`stop_reason`"),
        "logprobs": _no(_NONE),
        "*": _left("says nothing of what the model wrote"),
    },
    "chat answer message": {
        "role": _set("assistant"),
        "content": _carried("a block of the type text"),
        "tool_calls": _carried("blocks of the type tool_use"),
        "refusal": _carried("a block of the type text, and the stop_reason refusal"),
        "annotations": _no(_NONE, unless=([],)),
        "audio": _no(_TEXT_ONLY),
        "function_call": _no("is the former spelling of tool_calls"),
    },
    "messages answer": {
        "id": _carried("`id`"),
        "model": _carried("`model`"),
        "content": _carried("`content` and `tool_calls`"),
        "stop_reason": _carried("`finish_reason`"),
        "usage": _carried("`usage`"),
        "type": _set("`object`"),
        "role": _set("assistant"),
        "container": _no(_VENDOR_RUNS),
        "*": _left("says nothing of what the model wrote"),
    },
}

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
