"""What can be quoted from an event: the scalars of its document, at pointers into what came and what it means."""

from collections.abc import Iterator
from typing import TypeAlias

from safeconduct.kernel.canonical import INTEGER_MAX
from safeconduct.kernel.errors import AbsentError
from safeconduct.soc.model import Event
from safeconduct.soc.pointers import leaves, resolve

Scalar: TypeAlias = str | int | bool
"""What can be quoted. Null says nothing; a fraction has no single text form."""

POINTER_CHARS_MAX = 256
"""Characters of a pointer. OCSF's longest paths have about 60; raw names are bounded by the readers."""

ROOTS = ("/raw/", "/ocsf/")
"""Where pointers of claims may lead."""


def quote_at(event: Event, pointer: str) -> Scalar | None:
    """Returns the scalar at the pointer, or None: nothing there, a list, a map, null, a fraction, or a bad pointer."""
    if len(pointer) > POINTER_CHARS_MAX or not pointer.startswith(ROOTS):
        return None
    try:
        value = resolve(event.document(), pointer)
    except AbsentError:
        return None
    return value if quotable(value) else None


def quotes(event: Event) -> Iterator[tuple[str, Scalar]]:
    """Yields (pointer, value) of everything in the event that can be quoted, in document order."""
    for pointer, value in leaves(event.document()):
        if pointer.startswith(ROOTS) and len(pointer) <= POINTER_CHARS_MAX and quotable(value):
            yield pointer, value


def quotable(value: object) -> bool:
    """Tells whether the value can stand in evidence: text without lone surrogates, an exact integer, a truth value."""
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    return isinstance(value, int) and abs(value) <= INTEGER_MAX


def text_of(value: Scalar) -> str:
    """Returns the value's JSON text, without the quotation marks of text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def same(stored: Scalar, stated: Scalar) -> bool:
    """Tells whether two values are one: equal, or a number or truth value and its JSON text. Nothing else is.

    Letter case, blanks and separators count: a value that differs in them is another value.
    """
    if isinstance(stored, str) and isinstance(stated, str):
        return stored == stated
    return text_of(stored) == text_of(stated)
