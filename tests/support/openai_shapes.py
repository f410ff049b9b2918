"""What a vendor's other OpenAI routes answer, as the stand-in speaks them: `do:call NAME` has a function called."""

import json

USAGE = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
USAGE["input_tokens_details"], USAGE["output_tokens_details"] = {"cached_tokens": 0}, {"reasoning_tokens": 0}


def last_text(request):
    """Returns the text that tells the stand-in what to do."""
    if "messages" in request:
        content = request["messages"][-1]["content"]
        return content if isinstance(content, str) else content[0]["text"]
    given = request["input"]
    if isinstance(given, str):
        return given
    last = given[-1]
    if isinstance(last, str):
        return last
    content = last.get("content", last.get("output"))
    return content if isinstance(content, str) else content[0]["text"]


def response(*output, status="completed", **members):
    base = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "tools": [], "tool_choice": "auto"}
    return base | {"status": status, "output": output, "parallel_tool_calls": True, "usage": USAGE, **members}


def item_of(text):
    """Returns the one item of an answer to this text."""
    if text.startswith("do:call "):
        name = text.split(" ")[1]
        return {"type": "function_call", "id": "fc_1", "call_id": "c_1", "name": name, "arguments": '{"a":1}'}
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def events(text):
    """Returns the events of a streamed answer to this text."""
    item = item_of(text)
    place = {"output_index": 0, "item_id": item["id"]}
    yield event("response.created", 0, response=response(status="in_progress", usage=None))
    yield event("response.output_item.added", 1, output_index=0, item=item)
    if item["type"] == "message":
        delta = {"content_index": 0, "delta": text, "logprobs": []}
        yield event("response.output_text.delta", 2, **place, **delta)
    else:
        yield event("response.function_call_arguments.delta", 2, **place, delta='{"a":1}')
    if text.startswith("do:fail"):
        yield event("error", 3, code="x", message="secret", param=None)
    yield event("response.output_item.done", 3, output_index=0, item=item)
    yield event("response.completed", 4, response=response(item))


def event(name, number, **members):
    data = json.dumps({"type": name, "sequence_number": number, **members})
    return f"event: {name}\ndata: {data}\n\n".encode()


def called(name, arguments):
    """Returns the pieces of a chat stream in which the model calls a function."""
    yield {"tool_calls": [{"index": 0, "id": "c_1", "type": "function", "function": {"name": name, "arguments": ""}}]}
    for piece in (arguments[:3], arguments[3:]):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def embeddings(request):
    given = request["input"]
    count = len(given) if isinstance(given, list) else 1
    data = [{"object": "embedding", "index": number, "embedding": [0.25, 0.5]} for number in range(count)]
    return {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 5, "total_tokens": 5}}
