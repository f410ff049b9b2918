"""Tools in Anthropic's requests: functions of the caller's own, and everything that the vendor defines or runs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safeconduct.gateway.dialects.fields import unknown
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.errors import DialectError

_VERSION = re.compile(r"_\d{8}$")
_FUNCTION_TYPES = (None, "custom")
_FUNCTION_STRUCTURED = frozenset(("input_schema", "cache_control", "input_examples", "allowed_callers"))


@dataclass(frozen=True, slots=True)
class Offered:
    """The names of the functions that a request offers, and the names that the vendor's own tools are called by."""

    functions: tuple[str, ...]
    provider: tuple[str, ...]


def family(kind: str) -> str:
    """Returns the name by which a path allows a vendor's tool: its type without the version."""
    return _VERSION.sub("", kind)


def check_tool_use(place: str, kind: str, shapes: Shapes) -> None:
    """Refuses what belongs to a vendor's tool that the path does not allow.

    Raises:
        DialectError: code `provider-side-tool`.
    """
    if kind not in shapes.provider_tools:
        raise DialectError(
            f"{place} needs the vendor's tool {kind[:64]!r}, which this path does not allow",
            code="provider-side-tool",
            param=place,
            remedy="offer a function of your own, or ask for a path that allows this tool",
        )


def read_tools(fields: Mapping[str, Any], shapes: Shapes) -> Offered:
    """Reads `tools` and `tool_choice`.

    Raises:
        DialectError: a tool is none of the caller's functions and the path does not allow it, or has no reading.
    """
    tools = fields.get("tools", [])
    if not isinstance(tools, list):
        raise DialectError("tools must be a list", code="unknown-shape", param="tools")
    choice = fields.get("tool_choice", {"type": "auto"})
    if not isinstance(choice, dict) or any(isinstance(value, dict | list) for value in choice.values()):
        raise unknown("tool_choice")
    functions: list[str] = []
    provider: list[str] = []
    for number, tool in enumerate(tools):
        place = f"tools[{number}]"
        if not isinstance(tool, dict):
            raise unknown(place)
        if tool.get("type") in _FUNCTION_TYPES:
            functions.append(_function(place, tool, shapes))
        else:
            provider.append(_provider_tool(place, tool, shapes))
    return Offered(tuple(functions), tuple(provider))


def _function(place: str, tool: Mapping[str, Any], shapes: Shapes) -> str:
    name = tool.get("name")
    if not isinstance(name, str) or not isinstance(tool.get("input_schema"), dict):
        raise DialectError(f"{place} must have a name and an input_schema", code="unknown-shape", param=place)
    for member, value in tool.items():
        if isinstance(value, dict | list) and member not in _FUNCTION_STRUCTURED:
            raise unknown(f"{place}.{member}")
    callers = tool.get("allowed_callers") or ["direct"]
    if callers != ["direct"]:
        check_tool_use(f"{place}.allowed_callers", "code_execution", shapes)
    return name


def _provider_tool(place: str, tool: Mapping[str, Any], shapes: Shapes) -> str:
    kind = tool["type"]
    if not isinstance(kind, str):
        raise unknown(f"{place}.type")
    check_tool_use(place, family(kind), shapes)
    name = tool.get("name", family(kind))
    return name if isinstance(name, str) else family(kind)
