"""Messages: what becomes of each member in the other dialect."""

from collections.abc import Mapping

from safeconduct.gateway.dialects.translation.rows import (
    CACHE,
    NOWHERE,
    TEXT_ONLY,
    VENDOR_RUNS,
    Rows,
    carried,
    left_out,
    refused,
    set_anew,
)

_MESSAGES_REQUEST: Rows = {
    "messages": carried("`messages`"),
    "system": carried("a message of the role system for each of its blocks, before all others"),
    "model": set_anew("the name at the model server"),
    "stream": carried("`stream`, with `stream_options.include_usage` set"),
    "max_tokens": carried("`max_completion_tokens`"),
    "stop_sequences": carried("`stop`"),
    "tools": carried("`tools`"),
    "tool_choice": carried("`tool_choice` and `parallel_tool_calls`"),
    "metadata": set_anew("Safeconduct's own identifier of the caller, where the vendor takes one"),
    "thinking": refused(TEXT_ONLY, unless=({"type": "disabled"},)),
    "output_config": refused(TEXT_ONLY, unless=({},)),
    "cache_control": refused(CACHE),
    "container": refused(VENDOR_RUNS),
    "diagnostics": refused("asks for what the vendor has stored"),
    "inference_geo": refused("the path names the region"),
    "service_tier": refused("tiers are each vendor's own", unless=("auto",)),
    "speed": refused(NOWHERE, unless=("standard",)),
    "user_profile_id": refused("names a person at the vendor"),
    "workspace_id": refused("names an account at the vendor"),
}
_TEXT_BLOCK: Rows = {
    "type": carried("a part of the type text"),
    "text": carried("`text`"),
    "cache_control": refused(CACHE),
    "citations": refused(NOWHERE, unless=([],)),
}
_TOOL_USE: Rows = {
    "type": carried("a call of the type function"),
    "id": carried("`id`"),
    "name": carried("`function.name`"),
    "input": carried("`function.arguments`, as text"),
    "caller": refused(VENDOR_RUNS, unless=({"type": "direct"},)),
    "toolset_name": refused(VENDOR_RUNS),
    "cache_control": refused(CACHE),
}

MESSAGES: Mapping[str, Rows] = {
    "messages request": _MESSAGES_REQUEST,
    "messages message": {
        "role": carried("`role`"),
        "content": carried("`content`, `tool_calls`, or a message of the role tool for each result"),
    },
    "messages text block": _TEXT_BLOCK,
    "messages tool_use block": _TOOL_USE,
    "messages tool_result block": {
        "type": carried("a message of the role tool"),
        "tool_use_id": carried("`tool_call_id`"),
        "content": carried("`content`"),
        "is_error": refused(NOWHERE, unless=(False,)),
        "toolset_name": refused(VENDOR_RUNS),
        "cache_control": refused(CACHE),
    },
    "messages tool": {
        "name": carried("`function.name`"),
        "description": carried("`function.description`"),
        "input_schema": carried("`function.parameters`"),
        "strict": carried("`function.strict`"),
        "type": refused(VENDOR_RUNS, unless=("custom",)),
        "allowed_callers": refused(
            VENDOR_RUNS,
            unless=(
                ["direct"],
                [],
            ),
        ),
        "defer_loading": refused(VENDOR_RUNS, unless=(False,)),
        "eager_input_streaming": refused(NOWHERE, unless=(False,)),
        "input_examples": refused(NOWHERE, unless=([],)),
        "cache_control": refused(CACHE),
    },
    "messages tool choice": {
        "type": carried("auto, none, required (any), or a function by name (tool)"),
        "name": carried("`function.name`"),
        "disable_parallel_tool_use": carried("`parallel_tool_calls`"),
    },
    "messages answer": {
        "id": carried("`id`"),
        "model": carried("`model`"),
        "content": carried("`content` and `tool_calls`"),
        "stop_reason": carried("`finish_reason`"),
        "usage": carried("`usage`"),
        "type": set_anew("`object`"),
        "role": set_anew("assistant"),
        "container": refused(VENDOR_RUNS),
        "*": left_out("says nothing of what the model wrote"),
    },
}
