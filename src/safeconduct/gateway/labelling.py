"""Step 4: labels the blocks of a call, from what the program says of its path and what is remembered of its session.

What is remembered is read in the transaction of the intent, which the labels' entry shares: no call of the session that
was committed before is missed, by whatever worker. docs/spec/labels.md has the promises.
"""

import hashlib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from safeconduct.access.label_rules import LabelRules, UserText, Vouched
from safeconduct.access.model.parties import PrincipalKind
from safeconduct.boundary.labels import (
    NOTHING_YET,
    Known,
    Labelled,
    Marked,
    MarkedCall,
    Rules,
    Why,
    context_of,
    label_blocks,
)
from safeconduct.boundary.model import Block, Integrity, Label, Source, ToolCall, Transcript, joined
from safeconduct.boundary.sinks import INTEGRITY
from safeconduct.gateway.label_events import SESSION_RECORDS, SessionRecord, label_of
from safeconduct.gateway.label_marks import Marks
from safeconduct.gateway.prepared import Prepared
from safeconduct.kernel.ports import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose call is labelled, and what the program says of its words."""

    organization: str
    principal: str
    path: str
    session: str
    vouching: LabelRules = field(default_factory=LabelRules)
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A call's transcript with its marks, to be labelled once what is remembered of the session is at hand."""

    caller: Caller
    marks: Marks
    blocks: tuple[Marked, ...]
    calls: tuple[MarkedCall, ...]
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLabels:
    """The labels of one call. `context` is that of what the model makes of it: its answer, each leaf of its calls.

    `words` are the texts that are the user's own.
    """

    conversation: Conversation
    blocks: tuple[Labelled, ...]
    context: Label
    known: Known

    @property
    def by_pointer(self) -> Mapping[str, Label]:
        """The labels by where their blocks stand."""
        return {one.marked.block.pointer: one.label for one in self.blocks}

    @property
    def words(self) -> tuple[str, ...]:
        """What the user said, so far as it is the user's: what a whole value may rest on."""
        users = (one for one in self.blocks if one.marked.block.source is Source.USER)
        return tuple(one.marked.block.text for one in users if one.label.integrity >= Integrity.USER)

    @property
    def results(self) -> tuple[tuple[ToolCall, str], ...]:
        """What tools told, each with the call that a model of this session made."""
        calls = {one.call.id: one.call for one in self.conversation.calls}
        told = (one.marked.block for one in self.blocks if one.why in (Why.TOOL, Why.CLOSED, Why.OPAQUE))
        return tuple((calls[block.call_id], block.text) for block in told)

    @property
    def variables(self) -> Mapping[str, Label]:
        """The texts that variables stand for, each with its label: what a value has that is one of them."""
        found: dict[str, Label] = {}
        for one in self.blocks:
            text = one.marked.block.text
            if one.marked.unread:
                found[text] = joined((found[text], one.label)) if text in found else one.label
        return found


def caller_of(prepared: Prepared) -> Caller:
    """Returns whose call it is, and what the program says of it."""
    vouching, person = prepared.path.labels or LabelRules(), prepared.principal.kind is PrincipalKind.PERSON
    theirs = vouching.user_text is UserText.TRUSTED or (vouching.user_text is UserText.PERSON and person)
    return Caller(
        organization=prepared.principal.organization,
        principal=prepared.principal.id,
        path=prepared.path.id,
        session=prepared.arrival.session,
        vouching=vouching,
        rules=Rules(
            user=Integrity.USER if theirs else Integrity.UNTRUSTED,
            readers=frozenset(vouching.readers),
            purpose=prepared.purpose,
            tools={
                tool.name: Label(integrity=INTEGRITY[tool.result], readers=frozenset(tool.result_readers))
                for tool in prepared.path.sinks
            },
            schemas={tool.name: tool.result_schema for tool in prepared.path.sinks},
        ),
    )


def conversation(
    caller: Caller,
    transcript: Transcript,
    secret: bytes,
    hinted: Iterable[str] = (),
    probed: Iterable[str] = (),
    *,
    unread: Container[str] = frozenset(),
) -> Conversation:
    """Returns a call's transcript with its marks. A detector took `hinted` places for an attack, `probed` for probes.

    At `unread` places the model is shown variables. Costs no look-up; what it costs is in the size of the request.
    """
    marks = Marks(secret, caller.organization, caller.session)
    definitions, attacked, asked = _definitions(transcript.blocks), frozenset(hinted), frozenset(probed)
    blocks = tuple(
        Marked(
            block=block,
            mark=marks.text(block),
            folded=marks.folded(block.text),
            lines=marks.lines(block.text),
            vouched=_vouched(block, definitions, caller.vouching),
            hinted=block.pointer in attacked,
            probed=block.pointer in asked,
            unread=block.pointer in unread,
        )
        for block in transcript.blocks
    )
    prompts = [_prompt(block, definitions) for block in transcript.blocks if block.source is Source.SYSTEM]
    return Conversation(
        caller=caller,
        marks=marks,
        blocks=blocks,
        calls=tuple(MarkedCall(call=call, mark=marks.call(call)) for call in transcript.calls),
        prompts=(*prompts, *([definitions] if definitions else ())),
    )


def call_labels(found: Conversation, records: Records) -> CallLabels:
    """Returns the labels of a call, by what is remembered of its session now."""
    known = _known([records.get(SESSION_RECORDS, tag) for tag in found.marks.tags])
    blocks = label_blocks(found.blocks, found.calls, found.caller.rules, known)
    return CallLabels(conversation=found, blocks=blocks, context=context_of(blocks, known), known=known)


_NOTHING_KNOWN = Known()


def _known(records: list[SessionRecord | None]) -> Known:
    found = [one for one in records if one is not None]
    if not found:
        return _NOTHING_KNOWN
    own = records[-1]
    return Known(
        blocks=own.blocks if own else {},
        tainted=_least([one.tainted for one in found]),
        floor=joined((NOTHING_YET, *(label_of(one.floor) for one in found))),
        begun=True,
        full=any(one.full for one in found),
    )


def _least(records: Sequence[Mapping[str, int]]) -> Mapping[str, int]:
    if len(records) <= 1:
        return records[0] if records else {}
    least: dict[str, int] = {}
    for record in records:
        least |= {mark: min(value, least.get(mark, value)) for mark, value in record.items()}
    return least


def _vouched(block: Block, definitions: str, vouching: LabelRules) -> bool:
    if block.source not in (Source.SYSTEM, Source.DEFINITION):
        return False
    return vouching.system is Vouched.TRUSTED or (
        bool(vouching.prompts) and _prompt(block, definitions) in vouching.prompts
    )


def _prompt(block: Block, definitions: str) -> str:
    return definitions if block.source is Source.DEFINITION else hashlib.sha256(block.text.encode()).hexdigest()


def _definitions(blocks: Iterable[Block]) -> str:
    """Returns the SHA-256 of all definitions of a request, with their places; empty where there are none."""
    found = [[block.pointer, block.text] for block in blocks if block.source is Source.DEFINITION]
    return hashlib.sha256(msgspec.json.encode(found)).hexdigest() if found else ""
