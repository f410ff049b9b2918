"""Blocks of Anthropic's messages: which kinds have a reading, and what each may hold.

Only text, tool calls and their results, thinking, and what the path allows besides. A block that makes the vendor fetch
an address or open a stored file is no content but an errand: nobody here has seen what it brings.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from safeconduct.gateway.dialects.anthropic_tools import check_tool_use
from safeconduct.gateway.dialects.fields import KEEPS_HISTORY, unknown
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.errors import DialectError

Block: TypeAlias = Mapping[str, Any]
Check: TypeAlias = Callable[[str, Block, Shapes], Iterator[str]]

# What each kind of block must hold as text, and what it may hold as an object or list.
_TEXTS: Mapping[str, tuple[str, ...]] = {
    "text": ("text",),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
    "tool_use": ("id", "name"),
    "tool_result": ("tool_use_id",),
    "search_result": ("source", "title"),
}
_STRUCTURED: Mapping[str, frozenset[str]] = {
    "text": frozenset(("cache_control", "citations")),
    "tool_use": frozenset(("cache_control", "input", "caller")),
    "tool_result": frozenset(("cache_control", "content")),
    "search_result": frozenset(("cache_control", "citations", "content")),
    "image": frozenset(("cache_control", "source", "transformations")),
    "document": frozenset(("cache_control", "citations", "source")),
}
# Blocks that belong to tools which the vendor runs, and the names by which a path allows those.
_PROVIDER: Mapping[str, str] = {
    "web_search_tool_result": "web_search",
    "web_fetch_tool_result": "web_fetch",
    "code_execution_tool_result": "code_execution",
    "bash_code_execution_tool_result": "code_execution",
    "text_editor_code_execution_tool_result": "code_execution",
    "container_upload": "code_execution",
    "tool_search_tool_result": "tool_search_tool",
    "tool_reference": "tool_search_tool",
    "browser_state": "browser_toolset",
    "mcp_tool_use": "mcp",
    "mcp_tool_result": "mcp",
}

# What is told where a path does not take a kind of media.
_MEDIA: Mapping[str, str] = {"image": "images-not-allowed", "document": "documents-not-allowed"}


def check_content(place: str, content: object, shapes: Shapes) -> Iterator[str]:
    """Yields the kinds of media in a text or a list of blocks.

    Raises:
        DialectError: a block has no reading, or the path does not allow it.
    """
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise DialectError(f"{place} must be text or a list of blocks", code="unknown-shape", param=place)
    for number, block in enumerate(content):
        yield from _check_block(f"{place}[{number}]", block, shapes)


def _check_block(place: str, block: object, shapes: Shapes) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(block, dict) or not isinstance(kind, str):
        raise DialectError(f"{place} must be an object with a type", code="unknown-shape", param=place)
    if kind == "server_tool_use":
        check_tool_use(place, _run_by(block), shapes)
        return
    if kind in _PROVIDER:
        check_tool_use(place, _PROVIDER[kind], shapes)
        return
    if kind not in _TEXTS and kind not in _DEEPER:
        raise DialectError(f"{place} is of the type {kind[:64]!r}", code="content-not-allowed", param=place)
    _check_members(place, kind, block)
    if kind in _DEEPER:
        yield from _DEEPER[kind](place, block, shapes)


def _run_by(block: Block) -> str:
    name = str(block.get("name"))
    if name.startswith("tool_search_tool"):
        return "tool_search_tool"
    return "code_execution" if name.endswith("code_execution") else name


def _check_members(place: str, kind: str, block: Block) -> None:
    for name in _TEXTS.get(kind, ()):
        if not isinstance(block.get(name), str):
            raise DialectError(f"{place}.{name} must be text", code="unknown-shape", param=f"{place}.{name}")
    known = _STRUCTURED.get(kind, frozenset())
    for name, value in block.items():
        if isinstance(value, dict | list) and name not in known:
            raise unknown(f"{place}.{name}")


def _tool_use(place: str, block: Block, shapes: Shapes) -> Iterator[str]:
    if not isinstance(block.get("input"), dict):
        raise DialectError(f"{place}.input must be an object", code="unknown-shape", param=f"{place}.input")
    if block.get("caller") not in (None, {"type": "direct"}):
        check_tool_use(f"{place}.caller", "code_execution", shapes)
    yield from ()


def _within(place: str, block: Block, shapes: Shapes) -> Iterator[str]:
    if block.get("content") is not None:
        yield from check_content(f"{place}.content", block["content"], shapes)


def _media(place: str, block: Block, shapes: Shapes) -> Iterator[str]:
    kind, source = block["type"], block.get("source")
    if kind not in shapes.media:
        raise DialectError(
            f"{place} is of the type {kind}, which this path does not take", code=_MEDIA[kind], param=place
        )
    if not isinstance(source, dict):
        raise DialectError(f"{place}.source must be an object", code="unknown-shape", param=f"{place}.source")
    yield kind
    yield from _source(f"{place}.source", source, shapes)


def _source(place: str, source: Block, shapes: Shapes) -> Iterator[str]:
    kind = source.get("type")
    if kind == "content":
        yield from check_content(f"{place}.content", source.get("content"), shapes)
    elif kind == "url" and "web_fetch" not in shapes.provider_tools:
        raise DialectError(
            f"{place} names an address that the vendor would fetch",
            code="remote-content-not-allowed",
            param=place,
            remedy="send the bytes in the request",
        )
    elif kind == "file" and not shapes.history:
        raise DialectError(
            f"{place} is a file stored at the vendor", code=KEEPS_HISTORY[0], param=place, remedy="send its bytes"
        )
    elif kind not in ("url", "file") and (kind not in ("base64", "text") or not isinstance(source.get("data"), str)):
        raise DialectError(f"{place} must be base64 or text with data", code="unknown-shape", param=place)


_DEEPER: Mapping[str, Check] = {
    "tool_use": _tool_use,
    "tool_result": _within,
    "search_result": _within,
    "image": _media,
    "document": _media,
}
