"""A text as a model may come to read it: what is hidden, disguised or encoded in it as views, each with how it came.

Bounded in number, depth and characters. A view is for detectors alone: nothing that is forwarded is made of one.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from safeconduct.boundary.disguises import undisguised
from safeconduct.boundary.encodings import decoded
from safeconduct.boundary.fields import joined_fields

DEPTH_MAX = 3
"""Decodings of one another that are followed. Who nests deeper is hiding, and so is told by the outer layers."""

VIEWS_MAX = 1_024
"""Views of one text. Each encoded value that says something is one, and a log block of 64 KiB has a few dozen."""

VIEW_TIMES_MAX = 6
"""How many times its own length all views of a text may have together; what a disguise adds is once or twice that."""


class View(msgspec.Struct, frozen=True):
    """A text and the steps by which it came of the original, outermost first; the original's own has none."""

    text: str
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Revealed:
    """The views of a text, the text itself first. `whole` says that no bound left any out."""

    views: tuple[View, ...]
    whole: bool


def reveal(text: str) -> Revealed:
    """Returns a text with what can be made of it. Of plain prose that is one view."""
    views = [View(text)]
    todo = deque(views)
    seen, left = {text}, VIEW_TIMES_MAX * len(text)
    while todo:
        for view in _made_of(todo.popleft()):
            if view.text in seen:
                continue
            left -= len(view.text)
            if left < 0 or len(views) == VIEWS_MAX:
                return Revealed(tuple(views), whole=False)
            seen.add(view.text)
            views.append(view)
            if len(view.via) < DEPTH_MAX:
                todo.append(view)
    return Revealed(tuple(views), whole=True)


def _made_of(view: View) -> Iterator[View]:
    for step in (undisguised, decoded, joined_fields):
        for name, text in step(view.text):
            if text and not text.isspace():
                yield View(text, (*view.via, name))
