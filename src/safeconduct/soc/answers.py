"""Reads a model's answer into claims to check. Whatever it says, what is no claim is named and nothing raises."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import msgspec

from safeconduct.kernel.canonical import INTEGER_MAX
from safeconduct.kernel.ids import ClaimId, EventId
from safeconduct.soc.answer_schema import ShownField
from safeconduct.soc.claims import CITED_MAX, TIME_POINTER, Author, AuthorKind, Claim, make_claim
from safeconduct.soc.entities import mentions
from safeconduct.soc.grounding.forms import form_of
from safeconduct.soc.grounding.linking import PARENT_PID_POINTER, PID_POINTER, support_pointers
from safeconduct.soc.model import EntityKind, Event
from safeconduct.soc.predicates import (
    Absence,
    Consequence,
    Count,
    Evidence,
    InOrder,
    Judgment,
    Observation,
    Order,
    Predicate,
    Relation,
    Tally,
    Technique,
    Tie,
    Verdict,
    Word,
)
from safeconduct.soc.quotes import Scalar, quotable, same
from safeconduct.soc.triage import PROMPT_VERSION, Hunted, ModelAnswer, Question

ANSWER_CHARS_MAX = 65_536
"""Characters of an answer that are read. 300 tokens have about 1,200; a larger model's answer fits many times."""

STRING_CHARS_MAX = 512
"""Characters of one string in an answer. What was shown is shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A part of an answer that is no claim: where (1 is the first claim, 0 the whole or the verdict), and why."""

    position: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an answer holds: claims, not yet checked, and what could not be read as one."""

    claims: tuple[Claim, ...]
    unreadable: tuple[Unreadable, ...]


class _Observation(msgspec.Struct, forbid_unknown_fields=True):
    event: str
    field: str
    value: Scalar


class _Count(msgspec.Struct, forbid_unknown_fields=True):
    field: str
    value: Scalar
    count: int


class _Sequence(msgspec.Struct, forbid_unknown_fields=True):
    first: str
    order: Order
    second: str


class _Relation(msgspec.Struct, forbid_unknown_fields=True):
    same: Tie
    first: str
    second: str


class _Consequence(msgspec.Struct, forbid_unknown_fields=True):
    first: str
    word: Word
    second: str
    same: Tie


class _Absence(msgspec.Struct, forbid_unknown_fields=True):
    hunt: int


class _Tally(msgspec.Struct, forbid_unknown_fields=True):
    hunt: int
    count: int


class _Technique(msgspec.Struct, forbid_unknown_fields=True):
    technique: str
    alert: str


class _Verdict(msgspec.Struct, forbid_unknown_fields=True):
    judgment: Judgment
    claims: list[int]


_Item: TypeAlias = _Observation | _Count | _Sequence | _Relation | _Consequence | _Technique | _Absence | _Tally

_FORMS: Mapping[str, type[_Item]] = {
    "observations": _Observation,
    "counts": _Count,
    "sequences": _Sequence,
    "relations": _Relation,
    "consequences": _Consequence,
    "techniques": _Technique,
    "absences": _Absence,
    "tallies": _Tally,
}


class _NotAClaimError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_answer(asked: Question, answer: ModelAnswer, events: Mapping[EventId, Event]) -> Reading:
    """Returns the claims of an answer. Never raises for what the answer says."""
    author = Author(kind=AuthorKind.MODEL, name=_name(answer.model), version=PROMPT_VERSION, call=answer.call)
    answered = _answered(answer.text)
    problems = [Unreadable(position=0, code=answered.problem)] if answered.problem else []
    if len(answered.items) > asked.claims_max:
        problems.append(Unreadable(position=asked.claims_max + 1, code="too-many-claims"))
    claims: dict[int, Claim] = {}
    for position, (form, item) in enumerate(answered.items[: asked.claims_max], start=1):
        try:
            claim = make_claim(asked.incident.id, author, _predicate(_convert(item, form), asked, events))
            claims[position] = _apart(claim, claims.values())
        except _NotAClaimError as error:
            problems.append(Unreadable(position=position, code=error.code))
    made = list(dict.fromkeys(claims.values()))
    if answered.verdict is not None:
        try:
            made.append(make_claim(asked.incident.id, author, _verdict(_convert(answered.verdict, _Verdict), claims)))
        except _NotAClaimError as error:
            problems.append(Unreadable(position=0, code=error.code))
    return Reading(claims=tuple(made), unreadable=tuple(problems))


@dataclass(slots=True)
class _Answered:
    """The parts of an answer that came whole, and why reading ended where it did."""

    items: list[tuple[type[_Item], Any]] = field(default_factory=list)
    verdict: Any = None
    problem: str = ""


_OPEN = re.compile(r"\s*\{")
_MEMBER = re.compile(r'\s*(?:,\s*)?"(\w+)"\s*:\s*')
_ITEM = re.compile(r"\s*(?:,\s*)?(?=\{)")
_LIST_END = re.compile(r"\s*\]")
_END = re.compile(r"\s*\}\s*$")


def _answered(text: str) -> _Answered:
    # Step by step, because a token limit cuts JSON although the schema held: what came whole still counts.
    answered = _Answered()
    if len(text) > ANSWER_CHARS_MAX:
        answered.problem = "answer-too-long"
        return answered
    opened = _OPEN.match(text)
    if opened is None:
        answered.problem = "not-json"
        return answered
    try:
        answered.problem = _members(text, opened.end(), answered)
    except (ValueError, RecursionError):
        answered.problem = "answer-cut"
    return answered


def _members(text: str, place: int, answered: _Answered) -> str:
    seen: set[str] = set()
    while (member := _MEMBER.match(text, place)) is not None:
        name = member.group(1)
        if name in seen:
            return "member-twice"
        seen.add(name)
        if member.end() == len(text):
            return "answer-cut"
        if name == "verdict":
            answered.verdict, place = _DECODER.raw_decode(text, member.end())
        elif name in _FORMS and text.startswith("[", member.end()):
            place = _list(text, member.end() + 1, _FORMS[name], answered)
        else:
            return "no-such-form"
    return "" if _END.match(text, place) else "answer-cut"


def _list(text: str, place: int, form: type[_Item], answered: _Answered) -> int:
    while (begin := _ITEM.match(text, place)) is not None:
        item, place = _DECODER.raw_decode(text, begin.end())
        answered.items.append((form, item))
    ended = _LIST_END.match(text, place)
    if ended is None:
        raise ValueError
    return ended.end()


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    # Two members of one name mean two things to two readers.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _refuse(constant: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(constant)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)


def _convert(item: Any, kind: Any) -> Any:  # noqa: ANN401 - a model's JSON, and any of the types above
    try:
        found = msgspec.convert(item, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _NotAClaimError("no-such-form") from error
    texts = [text for text in msgspec.structs.astuple(found) if isinstance(text, str)]
    if any(not quotable(text) or len(text) > STRING_CHARS_MAX for text in texts):
        raise _NotAClaimError("bad-text")
    return found


def _predicate(item: _Item, asked: Question, events: Mapping[EventId, Event]) -> Predicate:
    match item:
        case _Observation(event=event, field=field, value=value):
            return Observation(field=_evidence(asked, _event(asked, event), field, value))
        case _Count(field=field, value=value, count=count):
            return _count(asked, field, value, count)
        case _Sequence(first=first, order=order, second=second):
            return InOrder(
                order=order, first=_stored(asked, first, TIME_POINTER), second=_stored(asked, second, TIME_POINTER)
            )
        case _Relation(same=same, first=first, second=second):
            return _relation(same, _event(asked, first), _event(asked, second), asked, events)
        case _Consequence():
            return _consequence(item, asked, events)
        case _Technique(technique=technique, alert=alert):
            return _technique(asked, technique, alert)
        case _Absence(hunt=hunt):
            return Absence(hunt=_hunted(asked, hunt).hunt)
        case _Tally(hunt=hunt, count=count):
            return _tally(asked, _hunted(asked, hunt), count)


def _event(asked: Question, reference: str) -> EventId:
    if reference not in asked.events:
        raise _NotAClaimError("unknown-event")
    return asked.events[reference]


def _shown_field(asked: Question, event: EventId, pointer: str) -> ShownField | None:
    return next((field for field in asked.fields if (field.event, field.pointer) == (event, pointer)), None)


def _evidence(asked: Question, event: EventId, pointer: str, value: Scalar) -> Evidence:
    # A value copied as it was shown stands for what was shown, also where that was cut or escaped.
    field = _shown_field(asked, event, pointer)
    if field is not None and value == field.text:
        return Evidence(event=event, pointer=pointer, quote=field.value)
    if field is None or same(field.value, value):
        return Evidence(event=event, pointer=pointer, quote=value)
    return Evidence(event=event, pointer=pointer, quote=value, form=form_of(pointer, field.value))


def _stored(asked: Question, reference: str, pointer: str) -> Evidence:
    field = _shown_field(asked, _event(asked, reference), pointer)
    if field is None:
        raise _NotAClaimError("nothing-shown")
    return Evidence(event=field.event, pointer=pointer, quote=field.value)


def _count(asked: Question, pointer: str, value: Scalar, count: int) -> Predicate:
    counted = [field for field in asked.fields if field.pointer == pointer and field.text == value]
    if not counted:
        raise _NotAClaimError("nothing-shown")
    cited = tuple(Evidence(event=field.event, pointer=pointer, quote=field.value) for field in counted[:CITED_MAX])
    return Count(pointer=pointer, value=cited[0].quote, count=count, cited=cited)


def _relation(tie: Tie, first: EventId, second: EventId, asked: Question, events: Mapping[EventId, Event]) -> Relation:
    if tie is Tie.PARENT:
        pointers = (PID_POINTER, PARENT_PID_POINTER)
    else:
        pointers = _sharing(EntityKind(tie), events[first], events[second])
    fields = [_shown_field(asked, first, pointers[0]), _shown_field(asked, second, pointers[1])]
    for event in dict.fromkeys((first, second)):
        fields += [_shown_field(asked, event, pointer) for pointer in support_pointers(tie, events[event]) or ()]
    pieces = [Evidence(event=field.event, pointer=field.pointer, quote=field.value) for field in fields if field]
    if len(pieces) < len(fields):
        raise _NotAClaimError("nothing-shown")
    return Relation(tie=tie, left=pieces[0], right=pieces[1], support=tuple(pieces[2:]))


def _consequence(said: _Consequence, asked: Question, events: Mapping[EventId, Event]) -> Predicate:
    first, second = _event(asked, said.first), _event(asked, said.second)
    edge = _relation(said.same, first, second, asked, events)
    timed = {piece.event for piece in edge.support if piece.pointer == TIME_POINTER}
    times = [_stored(asked, one, TIME_POINTER) for one in (said.first, said.second)]
    fresh = tuple(piece for piece in times if piece.event not in timed)
    return Consequence(word=said.word, edge=replace(edge, support=(*edge.support, *fresh)))


def _hunted(asked: Question, number: int) -> Hunted:
    if not 1 <= number <= len(asked.hunted):
        raise _NotAClaimError("unknown-hunt")
    return asked.hunted[number - 1]


def _tally(asked: Question, hunted: Hunted, count: int) -> Predicate:
    found = [one for one in asked.fields if one.pointer == TIME_POINTER and one.event in hunted.result.events]
    cited = tuple(Evidence(event=one.event, pointer=TIME_POINTER, quote=one.value) for one in found[:CITED_MAX])
    if abs(count) > INTEGER_MAX:
        raise _NotAClaimError("no-such-form")
    return Tally(hunt=hunted.hunt, count=count, cited=cited)


def _sharing(kind: EntityKind, left: Event, right: Event) -> tuple[str, str]:
    """Returns the pointers of an entity that both name, or of the first of each: the check will tell them apart."""
    ours = [one for one in mentions(left) if one.entity.kind is kind]
    theirs = [one for one in mentions(right) if one.entity.kind is kind]
    if not ours or not theirs:
        raise _NotAClaimError("nothing-shown")
    pairs = ((one.pointer, other.pointer) for one in ours for other in theirs if one.entity == other.entity)
    return next(pairs, (ours[0].pointer, theirs[0].pointer))


def _technique(asked: Question, technique: str, reference: str) -> Predicate:
    alert = next((one for one in asked.incident.alerts if one.id == asked.alerts.get(reference)), None)
    if alert is None:
        raise _NotAClaimError("unknown-alert")
    fields = dict.fromkeys(_shown_field(asked, match.event, match.pointer) for match in alert.matches)
    cited = tuple(Evidence(event=field.event, pointer=field.pointer, quote=field.value) for field in fields if field)
    return Technique(technique=technique, alert=alert.id, cited=cited[:CITED_MAX])


def _verdict(verdict: _Verdict, claims: Mapping[int, Claim]) -> Predicate:
    if any(position not in claims for position in verdict.claims):
        raise _NotAClaimError("grounds-unreadable")
    grounds: dict[ClaimId, None] = dict.fromkeys(claims[position].id for position in verdict.claims)
    return Verdict(judgment=verdict.judgment, claims=tuple(grounds))


def _apart(claim: Claim, others: Iterable[Claim]) -> Claim:
    """Returns the claim, with a serial of its own if another says something else about the same fields."""
    found = claim
    while any(other.id == found.id and other.predicate != found.predicate for other in others):
        found = make_claim(claim.incident, claim.author, claim.predicate, serial=found.serial + 1)
    return found


def _name(model: str) -> str:
    # A model's name comes from its server: it is a name here, whatever it says.
    return re.sub(r"[^A-Za-z0-9._:/@+-]", "-", model).lstrip("._:/@+-")[:64] or "unnamed"
