"""The values that all of the boundary speaks in: blocks of a conversation, their labels, what was found in them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

import msgspec

EVERYBODY = "*"
"""The reader that stands for all of them."""


class Integrity(IntEnum):
    """How far what is said may be acted on. Of several that mix the least holds."""

    HOSTILE = 0  # a detector took it for an attack
    UNTRUSTED = 1
    TOOL_TRUSTED = 2  # from a tool that the operator registered as trusted
    ENDORSED = 3  # a rule turned it into a closed shape: one of a list, a number, a known id
    USER = 4  # typed by an authenticated principal
    SYSTEM = 5  # the path's operator


class Label(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a value. The default is what a value without one has: untrusted, and nobody may read it.

    `readers` are those who may see it, `{EVERYBODY}` for all; `origins` the digests of the blocks it came of;
    `purpose` what it may be used for, empty for any.
    """

    integrity: Integrity = Integrity.UNTRUSTED
    readers: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    purpose: str = ""

    def readable_by(self, readers: frozenset[str]) -> bool:
        """Whether each of those may see it."""
        return EVERYBODY in self.readers or (EVERYBODY not in readers and readers <= self.readers)


def joined(labels: Iterable[Label]) -> Label:
    """Returns the label of what was made of values: least integrity, common readers, all origins.

    Of no values it is the default label. Purposes that differ leave one that nothing has.
    """
    first, *others = tuple(labels) or (Label(),)
    if not others:
        return first
    integrity, readers, purpose = first.integrity, first.readers, first.purpose
    for other in others:
        integrity = min(integrity, other.integrity)
        readers = _common(readers, other.readers)
        purpose = _narrower(purpose, other.purpose)
    origins = first.origins.union(*[other.origins for other in others])
    return Label(integrity=integrity, readers=readers, origins=origins, purpose=purpose)


def _common(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    if EVERYBODY in one:
        return other
    return one if EVERYBODY in other else one & other


NO_PURPOSE = "-"
"""The purpose of what was made of values with different ones: no path has it."""


def _narrower(one: str, other: str) -> str:
    if one == other or not other:
        return one
    return other if not one else NO_PURPOSE


class Source(StrEnum):
    """Where a block of a conversation stands. What a client writes there is its word, and no evidence."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"  # a tool's result, whatever role carries it
    DOCUMENT = "document"  # attached, found by a search, or where nobody has a reading for it
    DEFINITION = "definition"  # a tool's or an answer's, as the client describes it to the model
    SETTING = "setting"  # a parameter of the call: it goes to the model's server, and no model reads it


class Block(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One text of a conversation. `pointer` is where it stands in the request (RFC 6901).

    `call_id` is the tool call whose result it is, empty for other blocks. `opaque` is what stands there where it is no
    text (base64 of an image, a vendor's seal); then `text` is empty, and nothing there may be rewritten.
    """

    pointer: str
    source: Source
    text: str
    call_id: str = ""
    opaque: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model has a tool called. `arguments` is what it is called with, as JSON values.

    `pointer` is where they stand in a request that brings the call back: a JSON text, or an object. Empty in an answer.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    pointer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A conversation as a request brings it: its blocks and the tool calls in it, each in their order."""

    blocks: tuple[Block, ...] = ()
    calls: tuple[ToolCall, ...] = ()


class Finding(msgspec.Struct, frozen=True, gc=False):
    """What a recognizer found at `text[start:end]`: `kind` is its shape (`windows-sid`), `data_class` what decides.

    An indicator that a rule keeps has the class `indicator`.
    """

    kind: str
    data_class: str
    start: int
    end: int


class Hint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a detector says of a block: `rule` of `family` matched, scored 0 to 1. It can only lower trust.

    `via` are the steps by which what matched was made of the block's text, outermost first; none where it stands there.
    """

    rule: str
    family: str
    score: float
    pointer: str = ""
    via: tuple[str, ...] = ()
