"""JSON pointers (RFC 6901) into event documents."""

from collections.abc import Iterator, Mapping
from typing import Any

from safeconduct.kernel.errors import AbsentError


def pointer(*steps: str | int) -> str:
    """Returns the pointer of the steps, each escaped."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def resolve(document: Any, text: str) -> Any:  # noqa: ANN401 - a JSON document
    """Returns the value at a pointer.

    Raises:
        AbsentError: the document has no such place, or the text is no pointer.
    """
    place = document
    for step in steps_of(text):
        if isinstance(place, Mapping) and step in place:
            place = place[step]
        elif isinstance(place, list | tuple) and _is_index(step) and int(step) < len(place):
            place = place[int(step)]
        else:
            raise AbsentError(f"nothing at {text!r} in this document", code="pointer-absent")
    return place


def leaves(document: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a JSON document
    """Yields (pointer, value) of every scalar, in document order."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from leaves(value, prefix + pointer(name))
    elif isinstance(document, list | tuple):
        for index, value in enumerate(document):
            yield from leaves(value, prefix + pointer(index))
    else:
        yield prefix, document


def steps_of(text: str) -> list[str]:
    """Returns the steps of a pointer, unescaped.

    Raises:
        AbsentError: the text is no pointer.
    """
    if text == "":
        return []
    if not text.startswith("/"):
        raise AbsentError(f"{text!r} is no JSON pointer; it starts with a slash", code="pointer-absent")
    return [step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/")]


def _is_index(step: str) -> bool:
    # RFC 6901 section 4: no leading zeros, ASCII digits only; "-" names the element after the last, which is absent.
    return step.isascii() and step.isdigit() and (step == "0" or not step.startswith("0"))
