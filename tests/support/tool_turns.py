"""Answers that call tools, in each dialect, whole and as streams; and a program whose path has sinks."""

import json

from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.ports import UpstreamFacts
from support.anthropic_stand_in import event as message_event
from support.call_ends import JSON_HEAD, STREAM_HEAD, ScriptedUpstream
from support.openai_shapes import event as response_event
from support.openai_shapes import item_of, response
from support.programs import demo_program
from support.stand_in import chunk

SAID = "Let me see."
DIALECTS = ("openai.chat", "openai.responses", "anthropic.messages")
TOOLS = """tools:
  current_time: {effect: read}
  send_mail: {effect: egress, authority: [to], content: [body], readers: [staff]}
  find_contact:
    {effect: read, content: [query], readers: [staff], result: tool-trusted, result_readers: [staff], resolves: [mail]}
  block_ip: {effect: write, authority: [address], readers: [staff]}
  never_mind: {effect: destructive, authority: [id], approval: never}

playbooks:
  block-outside: {tool: block_ip, where: {address: {outside: [10.0.0.0/8]}}, per_hour: 2}

paths:
"""
NAMES = ("current_time", "send_mail", "find_contact", "block_ip", "never_mind")
SHAPES = Shapes(tools=NAMES)
RULE = "approvals:\n  tool-call:\n    groups:\n      - {organization: northwind, role: responder, count: 1}\n"


def program(source=None, *, approvals=True, labels=""):
    """Returns the demo's program, or `source`, a rendering of it, with sinks on its path. `labels` is more of it."""
    text = (source or demo_program()).decode().replace("paths:\n", TOOLS, 1)
    text = text.replace(
        "    tools: []\n", f"    tools: [{', '.join(NAMES)}]\n    dialects: [{', '.join(DIALECTS)}]\n{labels}", 1
    )
    return (text.replace("approvals:\n", RULE, 1) if approvals else text).encode()


def request(dialect, *messages, stream=False, model="smollm2-135m"):
    """Returns a request that offers all tools."""
    said = list(messages) or [{"role": "user", "content": "hello"}]
    if dialect == "openai.responses":
        offered = [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in NAMES]
        body = {"model": model, "input": said, "tools": offered, "store": False}
    elif dialect == "anthropic.messages":
        offered = [{"name": name, "input_schema": {"type": "object"}} for name in NAMES]
        body = {"model": model, "messages": said, "tools": offered, "max_tokens": 100}
    else:
        offered = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in NAMES]
        body = {"model": model, "messages": said, "tools": offered}
    return json.dumps(body | {"stream": stream}).encode()


def upstream(dialect, *calls, stream=False):
    """Returns an upstream of one answer that says something and makes these calls, `(name, arguments)` each."""
    made = _MADE[dialect](calls, stream)
    scripted = ScriptedUpstream(STREAM_HEAD if stream else JSON_HEAD, *made)
    scripted.facts = UpstreamFacts(vendor="scripted", dialects=frozenset((dialect,)))
    return scripted


def _cut(text):
    return text[:3], text[3:]


def _chat(calls, stream):
    functions = [
        {"index": n, "id": f"c_{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
        for n, (name, given) in enumerate(calls)
    ]
    if not stream:
        message = {"role": "assistant", "content": SAID, "tool_calls": functions}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": None}
        return [
            json.dumps(
                {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            ).encode()
        ]
    pieces = [chunk(SAID)]
    for function in functions:
        given = function["function"]
        pieces.append(chunk("", delta={"tool_calls": [function | {"function": given | {"arguments": ""}}]}))
        parts = [{"index": function["index"], "function": {"arguments": part}} for part in _cut(given["arguments"])]
        pieces += [chunk("", delta={"tool_calls": [part]}) for part in parts]
    return [*pieces, chunk("", "tool_calls"), b"data: [DONE]\n\n"]


def _messages(calls, stream):
    blocks = [
        {"type": "tool_use", "id": f"c_{n}", "name": name, "input": given} for n, (name, given) in enumerate(calls)
    ]
    usage = {"input_tokens": 5, "output_tokens": 2}
    message = {"id": "m_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None, "usage": usage}
    if not stream:
        content = [{"type": "text", "text": SAID}, *blocks]
        return [json.dumps(message | {"content": content, "stop_reason": "tool_use"}).encode()]
    frames = [message_event("message_start", message=message | {"content": [], "stop_reason": None})]
    for place, block in enumerate([{"type": "text", "text": ""}, *blocks]):
        begun = block | ({"input": {}} if block["type"] == "tool_use" else {})
        frames.append(message_event("content_block_start", index=place, content_block=begun))
        given = json.dumps(block.get("input"))
        deltas = (
            [{"type": "text_delta", "text": SAID}]
            if block["type"] == "text"
            else [{"type": "input_json_delta", "partial_json": piece} for piece in (given[:2], given[2:])]
        )
        frames += [message_event("content_block_delta", index=place, delta=delta) for delta in deltas]
        frames.append(message_event("content_block_stop", index=place))
    ended = {"stop_reason": "tool_use", "stop_sequence": None}
    return [
        *frames,
        message_event("message_delta", delta=ended, usage={"output_tokens": 2}),
        message_event("message_stop"),
    ]


def _responses(calls, stream):
    items = [item_of(SAID)]
    items += [
        {
            "type": "function_call",
            "id": f"fc_{n}",
            "call_id": f"c_{n}",
            "name": name,
            "arguments": json.dumps(given),
            "status": "completed",
        }
        for n, (name, given) in enumerate(calls)
    ]
    if not stream:
        return [json.dumps(response(*items)).encode()]
    told = [("response.created", {"response": response(status="in_progress", usage=None)})]
    for place, item in enumerate(items):
        at = {"output_index": place, "item_id": item["id"]}
        told.append(("response.output_item.added", {"output_index": place, "item": item}))
        if item["type"] == "message":
            told.append(("response.output_text.delta", {**at, "content_index": 0, "delta": SAID, "logprobs": []}))
        else:
            told.append(("response.function_call_arguments.delta", {**at, "delta": item["arguments"]}))
        told.append(("response.output_item.done", {"output_index": place, "item": item}))
    told.append(("response.completed", {"response": response(*items)}))
    return [response_event(name, number, **members) for number, (name, members) in enumerate(told)]


_MADE = {"openai.chat": _chat, "anthropic.messages": _messages, "openai.responses": _responses}
