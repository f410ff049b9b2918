"""Functions in OpenAI's dialects: what a request offers, and that a model calls nothing else."""

from collections.abc import Iterable, Mapping
from typing import Any

from safeconduct.gateway.dialects.fields import ACTS_OUTSIDE, unknown
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.errors import DialectError

_CHOICES = ("none", "auto", "required")


def read_tools(fields: Mapping[str, Any], shapes: Shapes, *, nested: bool) -> tuple[tuple[str, ...], frozenset[str]]:
    """Returns the functions that a request offers and the tools among them that the upstream runs itself.

    `nested`: a function's name stands in the member `function` (chat), not beside its type (responses). Whether the
    path lists the functions is asked by `prepare`, which knows what to refuse them with.

    Raises:
        DialectError: `provider-side-tool`: the path does not let the upstream act; `unknown-shape`: it is no function.
    """
    if "tools" not in fields and "tool_choice" not in fields:
        return (), frozenset()
    tools = fields.get("tools", [])
    if not isinstance(tools, list):
        raise DialectError("tools must be a list", code="unknown-shape", param="tools")
    named: list[str] = []
    provided: set[str] = set()
    for number, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind == "function":
            named.append(_name(f"tools[{number}]", tool, nested=nested))
        elif isinstance(kind, str) and kind in shapes.provider_tools and not nested:
            provided.add(kind)
        else:
            code, why = ACTS_OUTSIDE
            raise DialectError(f"tools[{number}] is no function: it {why}", code=code, param=f"tools[{number}]")
    _check_choice(fields.get("tool_choice", "auto"), {*named, *provided})
    return tuple(named), frozenset(provided)


def _name(place: str, tool: Mapping[str, Any], *, nested: bool) -> str:
    function = tool.get("function") if nested else tool
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str) or not name:
        raise DialectError(f"{place} has no name", code="unknown-shape", param=place)
    beside = _but(tool, "function") if nested else []
    if any(isinstance(value, dict | list) for value in (*beside, *_but(function, "parameters"))):
        raise unknown(place)
    return name


def _check_choice(choice: object, offered: Iterable[str]) -> None:
    """A choice may name what is offered: a name, a kind, or a list of such under `allowed_tools`."""
    if isinstance(choice, str) and choice in _CHOICES:
        return
    if isinstance(choice, dict):
        inner = choice.get("allowed_tools", choice)
        listed = inner.get("tools") if isinstance(inner, dict) and choice.get("type") == "allowed_tools" else [choice]
        if isinstance(listed, list) and listed and all(_chosen(one) in offered for one in listed):
            return
    raise DialectError(
        f"tool_choice must be one of {', '.join(_CHOICES)} or name what tools offers",
        code="unknown-shape",
        param="tool_choice",
    )


def _chosen(choice: object) -> str:
    if not isinstance(choice, dict):
        return ""
    function = choice.get("function", choice)
    name = function.get("name") if isinstance(function, dict) else None
    kind = choice.get("type")
    found = name if kind == "function" else kind
    return found if isinstance(found, str) else ""


def check_called(place: str, call: object) -> None:
    """Checks a call of a function in a conversation that is sent back: `{id, type, function: {name, arguments}}`.

    Raises:
        DialectError: `unknown-shape`.
    """
    function = call.get("function") if isinstance(call, dict) else None
    if (
        not isinstance(call, dict)
        or not isinstance(function, dict)
        or call.get("type", "function") != "function"
        or not isinstance(function.get("name"), str)
        or not isinstance(function.get("arguments"), str)
        or any(isinstance(value, dict | list) for value in (*function.values(), *_but(call, "function")))
    ):
        raise DialectError(f"{place} is no call of a function", code="unknown-shape", param=place)


def _but(values: Mapping[str, Any], name: str) -> list[Any]:
    return [value for other, value in values.items() if other != name]
