"""Step 4: the label of every block of a conversation. Pure; docs/spec/labels.md has the promises.

A label comes from what the program says and from what this gateway saw, never from what a client, a tool or a model
says of itself. Each step here can only lower what the one before gave.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from safeconduct.access.tools import Constraint
from safeconduct.boundary.closing import is_closed
from safeconduct.boundary.model import EVERYBODY, Block, Integrity, Label, Source, ToolCall, joined

NOTHING_YET = Label(integrity=Integrity.SYSTEM, readers=frozenset({EVERYBODY}))
"""What nothing was made of: joined with a label it is that label."""


class Why(StrEnum):
    """Why a block has its integrity."""

    VOUCHED = "vouched"  # the operator answers for it
    NOT_VOUCHED = "not-vouched"  # nobody answers for it
    NEW_TURN = "new-turn"  # the user's, and this gateway sees it for the first time
    NOT_THE_USERS = "not-the-users"  # the program doesn't take this caller's user text for a user's
    HISTORY_REPLACED = "history-replaced"  # it follows on nothing that was seen: what the session has read counts
    SEEN = "seen"  # as it was when it was first seen in this session
    NOT_SEEN = "not-seen"  # history that this gateway didn't see in this session
    SEEN_UNTRUSTED = "seen-untrusted"  # it came as less before, in this session
    CLOSED = "closed"  # a tool's result in the closed shape that its entry states
    TOOL = "tool"  # what the tool's entry says, and what it was called with
    ATTACHED = "attached"  # whoever attached it, somebody else wrote it
    SETTING = "setting"  # no model reads it
    RECORDS_FULL = "records-full"  # the session has more than is remembered
    ANSWERED = "answered"  # the session's model said it, of all that the session had read
    OPAQUE = "opaque"  # as `TOOL`, and no model is shown it
    HINTED = "hinted"  # a detector took it for an attack


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the program says of a call: whose its user's words are, and who reads them.

    `tools` are the labels of results by tool, as the registry declares them, `schemas` what closes a result.
    """

    user: Integrity = Integrity.UNTRUSTED
    readers: frozenset[str] = frozenset()
    purpose: str = ""
    tools: Mapping[str, Label] = field(default_factory=dict)
    schemas: Mapping[str, Mapping[str, Constraint]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is remembered of a session. Marks are digests that nobody can make without the gateway's key.

    `blocks` is the least integrity of each text that was seen, by its mark, and of each call. `tainted` is that of
    texts below the user's, by the marks of their folded form and of their lines, in this session or one that it
    descends from. `floor` is the join of all that these read. `begun` tells whether any of them had a call before,
    `full` that not everything was remembered.
    """

    blocks: Mapping[str, int] = field(default_factory=dict)
    tainted: Mapping[str, int] = field(default_factory=dict)
    floor: Label = NOTHING_YET
    begun: bool = False
    full: bool = False


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    """A block with its marks: of its text, of the text's folded form, and of its longer lines.

    `vouched` is whether the operator answers for it, `hinted` whether a detector took it for an attack, `probed`
    whether it asks for the model's orders or what it memorized: data that do so attack, a user who does is watched.
    `unread` is whether a variable stands for it: what the model says then is not made of it.
    """

    block: Block
    mark: str
    folded: str = ""
    lines: tuple[str, ...] = ()
    vouched: bool = False
    hinted: bool = False
    probed: bool = False
    unread: bool = False


class MarkedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call that a conversation brings back, with the mark of its id, name and arguments."""

    call: ToolCall
    mark: str


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """A block with its label, and why it has that integrity."""

    marked: Marked
    label: Label
    why: Why


def label_blocks(
    blocks: Sequence[Marked], calls: Sequence[MarkedCall], rules: Rules, known: Known
) -> tuple[Labelled, ...]:
    """Returns each block with its label, in their order."""
    steps = _Steps(blocks, calls, rules, known)
    first = [(one, *steps.by_source(one)) for one in blocks]
    here: dict[str, int] = {}
    for one, label, _ in first:
        for mark in (one.mark, one.folded, *one.lines) if label.integrity < Integrity.USER else ():
            here[mark] = min(label.integrity, here.get(mark, label.integrity))
    records = [record for record in (known.blocks, known.tainted, here) if record]
    return tuple([steps.lowered(one, label, why, records) for one, label, why in first])


def context_of(labelled: Iterable[Labelled], known: Known) -> Label:
    """Returns the label of what a model makes of a conversation: all that it reads, and all that the session read."""
    read = (one.label for one in labelled if not (one.marked.unread or one.marked.block.source is Source.SETTING))
    return joined((known.floor, *read))


def turn_of(pointer: str) -> int:
    """Returns the number of the message that a pointer leads into; -1 where it leads into none."""
    within, _, rest = pointer[1:].partition("/")
    number = rest.partition("/")[0]
    return int(number) if within in ("messages", "input") and number.isdecimal() else -1


class _Steps:
    def __init__(self, blocks: Sequence[Marked], calls: Sequence[MarkedCall], rules: Rules, known: Known) -> None:
        self._rules, self._known = rules, known
        self._calls: dict[str, list[MarkedCall]] = {}
        for one in calls:
            self._calls.setdefault(one.call.id, []).append(one)
        spoken = [(turn_of(one.block.pointer), one.mark) for one in blocks if one.block.source is Source.ASSISTANT]
        spoken += [(turn_of(one.call.pointer), one.mark) for one in calls]
        results = [turn_of(one.block.pointer) for one in blocks if one.block.source is Source.TOOL]
        last = max([turn for turn, _ in spoken], default=-1)
        self._tail = max([last, *results])
        before = [mark for turn, mark in spoken if turn == last]
        self._follows = not known.begun or (bool(before) and all(mark in known.blocks for mark in before))

    def lowered(self, one: Marked, label: Label, why: Why, records: Sequence[Mapping[str, int]]) -> Labelled:
        """Returns the block's label after what was seen of its text by its marks: in this conversation, or before."""
        known, integrity = one.mark in self._known.blocks, label.integrity
        if self._known.full and not known and integrity > Integrity.UNTRUSTED:
            integrity, why = Integrity.UNTRUSTED, Why.RECORDS_FULL
        # A line of what the user said before may come back in a tool's result, and is still the user's.
        marks = (one.mark, one.folded) if known else (one.mark, one.folded, *one.lines)
        seen = [record[mark] for record in records for mark in marks if mark in record]
        if seen and min(seen) < integrity:
            integrity, why = Integrity(min(seen)), Why.SEEN_UNTRUSTED
        attacks = one.hinted or (one.probed and integrity < Integrity.USER)
        if attacks and not (one.vouched and integrity is Integrity.SYSTEM):
            integrity, why = Integrity.HOSTILE, Why.HINTED
        origins = frozenset((one.mark,))
        told = Label(integrity=integrity, readers=label.readers, origins=origins, purpose=label.purpose)
        return Labelled(marked=one, label=told, why=why)

    def by_source(self, one: Marked) -> tuple[Label, Why]:
        """Returns what the program and the session say of a block for where it stands."""
        match one.block.source:
            case Source.SYSTEM | Source.DEFINITION:
                return self._of(Integrity.SYSTEM, Why.VOUCHED) if one.vouched else self._of_nobody(Why.NOT_VOUCHED)
            case Source.USER:
                return self._by_user(one)
            case Source.ASSISTANT:
                return self._by_model(one)
            case Source.TOOL:
                return self._by_tool(one)
            case Source.SETTING:
                return self._of_nobody(Why.SETTING)
            case _:
                return self._of_nobody(Why.ATTACHED)

    def _by_user(self, one: Marked) -> tuple[Label, Why]:
        if self._rules.user < Integrity.USER:
            return self._of_nobody(Why.NOT_THE_USERS)
        seen = self._known.blocks.get(one.mark)
        if seen is not None:
            return self._of(
                Integrity(min(seen, Integrity.USER)), Why.SEEN if seen >= Integrity.USER else Why.SEEN_UNTRUSTED
            )
        if turn_of(one.block.pointer) < self._tail:
            return self._of_nobody(Why.NOT_SEEN)
        words, _ = self._of(Integrity.USER, Why.NEW_TURN)
        if self._follows:
            return words, Why.NEW_TURN
        return joined((words, self._known.floor)), Why.HISTORY_REPLACED

    def _by_model(self, one: Marked) -> tuple[Label, Why]:
        seen = self._known.blocks.get(one.mark)
        if seen is None:
            return self._of_nobody(Why.NOT_SEEN)
        said, _ = self._of(Integrity(seen), Why.SEEN)
        return replace(said, readers=joined((said, self._known.floor)).readers), Why.SEEN

    def _by_tool(self, one: Marked) -> tuple[Label, Why]:
        called = self._calls.get(one.block.call_id, [])
        seen = self._known.blocks.get(called[0].mark) if len(called) == 1 else None
        if seen is None:
            return Label(), Why.NOT_SEEN
        declared = self._rules.tools.get(called[0].call.name, Label())
        arguments, why = replace(self._known.floor, integrity=Integrity(seen)), Why.TOOL
        if is_closed(one.block.text, self._rules.schemas.get(called[0].call.name, {})):
            declared, why = replace(declared, integrity=max(declared.integrity, Integrity.ENDORSED)), Why.CLOSED
        elif one.unread:
            why = Why.OPAQUE
        return joined((declared, arguments)), why

    def _of(self, integrity: Integrity, why: Why) -> tuple[Label, Why]:
        return Label(integrity=integrity, readers=self._rules.readers, purpose=self._rules.purpose), why

    def _of_nobody(self, why: Why) -> tuple[Label, Why]:
        return self._of(Integrity.UNTRUSTED, why)
