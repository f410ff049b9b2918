"""Parts of a message in OpenAI's dialects: texts, and images and documents where the path takes them.

A part holds its bytes itself. An address makes the vendor fetch, an effect that nobody here sees; a file's id names
what the vendor keeps.
"""

import re
from collections.abc import Mapping
from typing import Any

from safeconduct.gateway.dialects.fields import KEEPS_HISTORY
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.errors import DialectError

IMAGE = "image"
DOCUMENT = "document"
TEXT_PARTS: Mapping[str, str] = {
    "text": "text",
    "refusal": "refusal",
    "input_text": "text",
    "output_text": "text",
    "summary_text": "text",
    "reasoning_text": "text",
}
_MEDIA_PARTS: Mapping[str, str] = {
    "image_url": IMAGE,
    "image": IMAGE,
    "input_image": IMAGE,
    "file": DOCUMENT,
    "input_file": DOCUMENT,
}
_NOT_ALLOWED: Mapping[str, str] = {IMAGE: "images-not-allowed", DOCUMENT: "documents-not-allowed"}
# Where a part's bytes stand: in the part, or in an object of the part's own name.
_DATA: Mapping[str, str] = {"image_url": "url", "input_image": "image_url", "file": "file_data"}
_INLINE: Mapping[str, re.Pattern[str]] = {
    IMAGE: re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}"),
    DOCUMENT: re.compile(r"data:[a-z]+/[a-z0-9.+-]+;base64,[A-Za-z0-9+/]+={0,2}"),
}
_KEPT_LISTS = frozenset(("annotations", "logprobs"))  # what an answer's own text part carries when it is sent back


def check_content(place: str, content: object, shapes: Shapes, kinds: frozenset[str]) -> set[str]:
    """Checks a text, nothing, or a list of parts of these `kinds`, and returns the media in it.

    Raises:
        DialectError: a part is of another kind, holds more than its kind does, or the path does not take it.
    """
    if isinstance(content, str | None):
        return set()
    if not isinstance(content, list):
        raise DialectError(f"{place} must be text or parts", code="unknown-shape", param=place)
    found = {_check_part(f"{place}[{number}]", part, shapes, kinds) for number, part in enumerate(content)}
    return found - {""}


def _check_part(place: str, part: object, shapes: Shapes, kinds: frozenset[str]) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str):
        raise DialectError(f"{place} must be a part with a type", code="content-not-allowed", param=place)
    medium = _MEDIA_PARTS.get(kind)
    if medium is not None and medium not in shapes.media:
        raise DialectError(f"{place}: this path takes no {medium}s", code=_NOT_ALLOWED[medium], param=place)
    if kind not in kinds:
        raise DialectError(f"{place} must be a part of {sorted(kinds)}", code="content-not-allowed", param=place)
    if medium is not None:
        _check_medium(place, part, kind, medium)
        return medium
    if not isinstance(part.get(TEXT_PARTS[kind]), str):
        raise DialectError(f"{place} has no text", code="content-not-allowed", param=place)
    if any(isinstance(value, dict | list) and name not in _KEPT_LISTS for name, value in part.items()):
        raise DialectError(f"{place} holds more than text", code="unknown-shape", param=place)
    return ""


def _check_medium(place: str, part: Mapping[str, Any], kind: str, medium: str) -> None:
    inner = part.get(kind)
    values = inner if isinstance(inner, dict) else part
    within = (*values.values(), *(value for name, value in part.items() if name != kind))
    if any(isinstance(value, dict | list) for value in within):
        raise DialectError(f"{place} holds more than one {medium}", code="unknown-shape", param=place)
    if values.get("file_id") is not None:
        raise DialectError(f"{place} names a file that the upstream keeps", code=KEEPS_HISTORY[0], param=place)
    data = values.get(_DATA.get(kind, "file_data"))
    if values.get("file_url") is not None or (isinstance(data, str) and not data.startswith("data:")):
        raise DialectError(
            f"{place} names an address that the upstream would fetch",
            code="remote-content-not-allowed",
            param=place,
            remedy="send the bytes in the request, as data:TYPE;base64,...",
        )
    if not isinstance(data, str) or not _INLINE[medium].fullmatch(data):
        text = f"{place} must hold the {medium} as data:TYPE;base64,..."
        raise DialectError(text, code="content-not-allowed", param=place)
