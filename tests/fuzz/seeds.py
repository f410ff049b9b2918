"""What a fuzzer starts from: by dialect a request, an answer and a stream that are read, with functions in each."""

import json

from support.openai_shapes import called, embeddings, event, item_of, response

FUNCTION = {"name": "look", "description": "d", "parameters": {"type": "object", "properties": {"a": {}}}}
TOOL = {"name": "look", "description": "d", "input_schema": {"type": "object"}}
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
SAID = {"role": "user", "content": "hi"}
CHAT = {
    "model": "m",
    "stream": True,
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
    "tool_choice": "auto",
    "max_completion_tokens": 9,
    "stream_options": {"include_usage": True},
}
RESPONSES = {
    "model": "m",
    "instructions": "be brief",
    "input": [
        {"role": "user", "content": [PICTURE]},
        item_of("do:call look"),
        {"type": "function_call_output", "call_id": "c_1", "output": "x"},
    ],
    "tools": [{"type": "function"} | FUNCTION],
    "max_output_tokens": 9,
}
USED = {"type": "tool_use", "id": "call_1", "name": "look", "input": {"a": 1}}
MESSAGES = {
    "model": "m",
    "max_tokens": 9,
    "system": "be brief",
    "messages": [
        SAID,
        {"role": "assistant", "content": [USED]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "x"}]},
    ],
    "tools": [TOOL],
}
COUNT = {name: value for name, value in MESSAGES.items() if name != "max_tokens"}
SPENT = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
CALLED = {"id": "c_1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}
COMPLETION = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {"role": "assistant", "content": "hi", "tool_calls": [CALLED]},
        }
    ],
    "usage": SPENT,
}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
TOLD = {"input_tokens": 5, "output_tokens": 2}


def _json(value):
    return json.dumps(value).encode()


def _chat_stream():
    pieces = [{"role": "assistant", "content": "hi"}, *called("look", '{"a":1}')]
    base = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    for delta in pieces:
        yield base | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield base | {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    yield base | {"choices": [], "usage": SPENT}


def _response_stream():
    item = item_of("do:call look")
    place = {"output_index": 0, "item_id": item["id"]}
    yield event("response.created", 0, response=response(status="in_progress", usage=None))
    yield event("response.output_item.added", 1, output_index=0, item=item)
    yield event("response.function_call_arguments.delta", 2, **place, delta='{"a":1}')
    yield event("response.output_item.done", 3, output_index=0, item=item)
    yield event("response.completed", 4, response=response(item))


def _message_stream():
    yield {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None, "usage": TOLD}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "content_block_start", "index": 1, "content_block": USED | {"input": {}}}
    yield {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'}}
    yield {"type": "content_block_stop", "index": 1}
    yield {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": TOLD}
    yield {"type": "message_stop"}


CHAT_STREAM = b"".join(b"data: %b\n\n" % _json(one) for one in _chat_stream()) + b"data: [DONE]\n\n"
MESSAGE_STREAM = b"".join(b"event: %b\ndata: %b\n\n" % (one["type"].encode(), _json(one)) for one in _message_stream())
MESSAGE_ANSWER = MESSAGE | {"content": [{"type": "text", "text": "hi"}, USED], "stop_reason": "tool_use", "usage": TOLD}
EMBEDDING = {"model": "m", "input": ["a", "b"]}

SEEDS = {
    "openai.chat": (_json(CHAT), _json(COMPLETION), CHAT_STREAM),
    "openai.responses": (_json(RESPONSES), _json(response(item_of("do:call look"))), b"".join(_response_stream())),
    "openai.embeddings": (_json(EMBEDDING), _json(embeddings(EMBEDDING)), None),
    "anthropic.messages": (_json(MESSAGES), _json(MESSAGE_ANSWER), MESSAGE_STREAM),
    "anthropic.count-tokens": (_json(COUNT), _json({"input_tokens": 5}), None),
}
