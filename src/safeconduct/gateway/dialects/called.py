"""What a conversation has tools called with, in whatever dialect: what a model, or who speaks for it, acts by."""

from typing import Any


def called_with(messages: object) -> tuple[Any, ...]:
    """Returns the arguments of every call of a tool in a list of messages or items, as texts or values of JSON.

    The messages were read by their dialect; what has none of these shapes holds no call.
    """
    found: list[Any] = []
    for message in messages if isinstance(messages, list) else ():
        if "tool_calls" in message:
            found.extend(call["function"]["arguments"] for call in message["tool_calls"] or ())
        elif "type" in message and str(message["type"]).endswith("_call"):
            found.append(message.get("arguments", message))  # a provider's tool has its own shape: all of it
        elif isinstance(message.get("content"), list):
            found.extend(part["input"] for part in message["content"] if isinstance(part, dict) and "input" in part)
    return tuple(found)
