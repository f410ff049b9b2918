"""The entries of a call's labels: what its blocks, and those of its answer, were taken for."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from safeconduct.boundary.labels import Known, Labelled, Why
from safeconduct.boundary.model import Block, Integrity, Label, Source, ToolCall, Transcript, joined
from safeconduct.boundary.sinks import leaves
from safeconduct.boundary.variables import holding
from safeconduct.boundary.words import Words
from safeconduct.gateway.label_events import ANSWER, CALL_LABELLED, REQUEST, BlockLabel, CallLabelled, mixed
from safeconduct.gateway.labelling import CallLabels
from safeconduct.kernel.entries import Draft

BLOCKS_LISTED_MAX = 1_024
"""Blocks that the entry of a call lists: as many as a request may have messages. With more the session is full."""

AT_CHARACTERS_MAX = 64
"""Characters of a block's place as it is shown."""

_NAMES = frozenset(
    (
        "messages",
        "input",
        "content",
        "text",
        "system",
        "instructions",
        "tools",
        "function",
        "description",
        "parameters",
        "properties",
        "enum",
        "input_schema",
        "tool_calls",
        "name",
        "image_url",
        "url",
        "source",
        "data",
        "title",
        "context",
        "output",
        "summary",
    )
)
"""Names in a place that are the dialects'. Others are the caller's own words, and are not shown."""


def labelled_draft(call: str, labels: CallLabels) -> Draft:
    """Returns the entry of a call's labels; its projection remembers them. All definitions are one line of it."""
    definitions = [one for one in labels.blocks if one.marked.block.source is Source.DEFINITION]
    apart = [one for one in labels.blocks if one.marked.block.source not in (Source.DEFINITION, Source.SETTING)]
    least = sorted(definitions, key=lambda one: one.label.integrity)[:1]
    listed = [_listed(one, labels.known) for one in (apart + least)[:BLOCKS_LISTED_MAX]]
    unlisted = len(apart) + len(least) - len(listed)
    return _draft(call, labels, REQUEST, listed, unlisted=unlisted)


def answered_draft(call: str, labels: CallLabels, answer: Transcript) -> Draft:
    """Returns the entry of what was answered: the session has seen that its model said so."""
    marks, handed_on = labels.conversation.marks, _HandedOn.of(labels)
    words = Words.of(labels.words) if answer.calls else Words()
    listed = [
        _answered("answer", marks.text(one), handed_on.in_text(one), (marks.folded(one.text), *marks.lines(one.text)))
        for one in answer.blocks
    ]
    called = [(one, handed_on.in_arguments(one)) for one in answer.calls]
    listed += [_answered("call", marks.call(one), _of_arguments(one, words, least)) for one, least in called]
    return _draft(call, replace(labels, context=handed_on.context), ANSWER, listed)


@dataclass(slots=True)
class _HandedOn:
    """Which texts an answer hands on that its model was not shown.

    `context` is what the session read by it: who may not see such a text may not see what was made of it either.
    """

    context: Label
    variables: Mapping[str, Label]

    @classmethod
    def of(cls, labels: CallLabels) -> "_HandedOn":
        return cls(labels.context, labels.variables)

    def in_text(self, block: Block) -> Integrity:
        return self._mixed(holding(block.text, self.variables))

    def in_arguments(self, call: ToolCall) -> Integrity:
        return self._mixed(str(value) for _, value in leaves(call.arguments) if str(value) in self.variables)

    def _mixed(self, texts: Iterable[str]) -> Integrity:
        label = joined((self.context, *(self.variables[text] for text in texts)))
        self.context = msgspec.structs.replace(self.context, readers=label.readers)
        return label.integrity


def _answered(at: str, mark: str, integrity: Integrity, folded: tuple[str, ...] = ()) -> BlockLabel:
    return BlockLabel(
        at=at,
        source=Source.ASSISTANT.value,
        integrity=integrity.name.lower(),
        why=Why.ANSWERED.value,
        mark=mark,
        also=folded if integrity < Integrity.USER else (),
    )


def _of_arguments(call: ToolCall, words: Words, context: Integrity) -> Integrity:
    """Returns how far what a tool is called with is trusted: as the user's, where each value was said by the user."""
    said = all(words.has(value) for _, value in leaves(call.arguments))
    return max(context, Integrity.USER) if said and context is not Integrity.HOSTILE else context


def _draft(call: str, labels: CallLabels, stage: str, listed: list[BlockLabel], *, unlisted: int = 0) -> Draft:
    found = labels.conversation
    caller, tags = found.caller, found.marks.tags
    event = CallLabelled(
        call=call,
        organization=caller.organization,
        path=caller.path,
        principal=caller.principal,
        stage=stage,
        session=tags[-1] if tags else "",
        context=mixed(labels.context),
        counts=dict(sorted(Counter(one.integrity for one in listed).items())),
        blocks=tuple(listed),
        unlisted=unlisted,
        prompts=found.prompts if stage == REQUEST else (),
    )
    return CALL_LABELLED.draft(event)


def _listed(one: Labelled, known: Known) -> BlockLabel:
    marked = one.marked
    integrity = one.label.integrity
    noted = integrity >= Integrity.USER or known.tainted.get(marked.folded, Integrity.SYSTEM) <= integrity
    return BlockLabel(
        at=shown(marked.block.pointer),
        source=marked.block.source.value,
        integrity=integrity.name.lower(),
        why=one.why.value,
        mark=marked.mark,
        also=() if noted else (marked.folded, *marked.lines),
    )


def shown(pointer: str) -> str:
    """Returns a place as everybody may see it: a name that is the caller's own word is left out."""
    parts = [part if part.isdecimal() or part in _NAMES else "*" for part in pointer.split("/")[1:]]
    return "".join(f"/{part}" for part in parts)[:AT_CHARACTERS_MAX]
