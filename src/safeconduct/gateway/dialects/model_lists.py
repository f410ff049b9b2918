"""What a list of models, and one model, look like in each family of dialects.

Of a model only its name is told. The other fields are what official clients need to read the answer; when a model was
made, and by whom, is the vendor's to say and not ours.
"""

from collections.abc import Callable, Mapping
from typing import Any

_MADE = "1970-01-01T00:00:00Z"


def _openai(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "safeconduct"}


def _openai_list(names: tuple[str, ...]) -> dict[str, Any]:
    return {"object": "list", "data": [_openai(name) for name in names]}


def _anthropic(name: str) -> dict[str, Any]:
    return {"id": name, "type": "model", "display_name": name, "created_at": _MADE}


def _anthropic_list(names: tuple[str, ...]) -> dict[str, Any]:
    first, last = (names[0], names[-1]) if names else (None, None)
    return {"data": [_anthropic(name) for name in names], "has_more": False, "first_id": first, "last_id": last}


ONE: Mapping[str, Callable[[str], dict[str, Any]]] = {"openai": _openai, "anthropic": _anthropic}
MANY: Mapping[str, Callable[[tuple[str, ...]], dict[str, Any]]] = {"openai": _openai_list, "anthropic": _anthropic_list}
"""By family."""
