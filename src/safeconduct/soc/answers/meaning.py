"""What a part of an answer says about the evidence that was shown."""

from collections.abc import Mapping
from dataclasses import replace

from safeconduct.kernel.canonical import INTEGER_MAX
from safeconduct.kernel.ids import ClaimId, EventId
from safeconduct.soc.answers.items import (
    AbsenceItem,
    ConsequenceItem,
    CountItem,
    Item,
    NotAClaimError,
    ObservationItem,
    RelationItem,
    SequenceItem,
    TallyItem,
    TechniqueItem,
    VerdictItem,
)
from safeconduct.soc.claims import CITED_MAX, TIME_POINTER, Claim
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
    Observation,
    Predicate,
    Relation,
    Tally,
    Technique,
    Tie,
    Verdict,
)
from safeconduct.soc.questions.answer_schema import ShownField
from safeconduct.soc.questions.model import Hunted, Question
from safeconduct.soc.quotes import Scalar, same


def predicate_of(item: Item, asked: Question, events: Mapping[EventId, Event]) -> Predicate:
    """Returns what an item says of the evidence that was shown.

    Raises:
        NotAClaimError: it refers to what was not shown.
    """
    match item:
        case ObservationItem(event=event, field=field, value=value):
            return Observation(field=_evidence(asked, _event(asked, event), field, value))
        case CountItem(field=field, value=value, count=count):
            return _count(asked, field, value, count)
        case SequenceItem(first=first, order=order, second=second):
            return InOrder(
                order=order, first=_stored(asked, first, TIME_POINTER), second=_stored(asked, second, TIME_POINTER)
            )
        case RelationItem(same=same, first=first, second=second):
            return _relation(same, _event(asked, first), _event(asked, second), asked, events)
        case ConsequenceItem():
            return _consequence(item, asked, events)
        case TechniqueItem(technique=technique, alert=alert):
            return _technique(asked, technique, alert)
        case AbsenceItem(hunt=hunt):
            return Absence(hunt=_hunted(asked, hunt).hunt)
        case TallyItem(hunt=hunt, count=count):
            return _tally(asked, _hunted(asked, hunt), count)


def _event(asked: Question, reference: str) -> EventId:
    if reference not in asked.events:
        raise NotAClaimError("unknown-event")
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
        raise NotAClaimError("nothing-shown")
    return Evidence(event=field.event, pointer=pointer, quote=field.value)


def _count(asked: Question, pointer: str, value: Scalar, count: int) -> Predicate:
    counted = [field for field in asked.fields if field.pointer == pointer and field.text == value]
    if not counted:
        raise NotAClaimError("nothing-shown")
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
        raise NotAClaimError("nothing-shown")
    return Relation(tie=tie, left=pieces[0], right=pieces[1], support=tuple(pieces[2:]))


def _consequence(said: ConsequenceItem, asked: Question, events: Mapping[EventId, Event]) -> Predicate:
    first, second = _event(asked, said.first), _event(asked, said.second)
    edge = _relation(said.same, first, second, asked, events)
    timed = {piece.event for piece in edge.support if piece.pointer == TIME_POINTER}
    times = [_stored(asked, one, TIME_POINTER) for one in (said.first, said.second)]
    fresh = tuple(piece for piece in times if piece.event not in timed)
    return Consequence(word=said.word, edge=replace(edge, support=(*edge.support, *fresh)))


def _hunted(asked: Question, number: int) -> Hunted:
    if not 1 <= number <= len(asked.hunted):
        raise NotAClaimError("unknown-hunt")
    return asked.hunted[number - 1]


def _tally(asked: Question, hunted: Hunted, count: int) -> Predicate:
    found = [one for one in asked.fields if one.pointer == TIME_POINTER and one.event in hunted.result.events]
    cited = tuple(Evidence(event=one.event, pointer=TIME_POINTER, quote=one.value) for one in found[:CITED_MAX])
    if abs(count) > INTEGER_MAX:
        raise NotAClaimError("no-such-form")
    return Tally(hunt=hunted.hunt, count=count, cited=cited)


def _sharing(kind: EntityKind, left: Event, right: Event) -> tuple[str, str]:
    """Returns the pointers of an entity that both name, or of the first of each: the check will tell them apart."""
    ours = [one for one in mentions(left) if one.entity.kind is kind]
    theirs = [one for one in mentions(right) if one.entity.kind is kind]
    if not ours or not theirs:
        raise NotAClaimError("nothing-shown")
    pairs = ((one.pointer, other.pointer) for one in ours for other in theirs if one.entity == other.entity)
    return next(pairs, (ours[0].pointer, theirs[0].pointer))


def _technique(asked: Question, technique: str, reference: str) -> Predicate:
    alert = next((one for one in asked.incident.alerts if one.id == asked.alerts.get(reference)), None)
    if alert is None:
        raise NotAClaimError("unknown-alert")
    fields = dict.fromkeys(_shown_field(asked, match.event, match.pointer) for match in alert.matches)
    cited = tuple(Evidence(event=field.event, pointer=field.pointer, quote=field.value) for field in fields if field)
    return Technique(technique=technique, alert=alert.id, cited=cited[:CITED_MAX])


def verdict_of(verdict: VerdictItem, claims: Mapping[int, Claim]) -> Predicate:
    """Returns a verdict on claims of the same answer, by their numbers.

    Raises:
        NotAClaimError: it rests on what is no claim (`grounds-unreadable`).
    """
    if any(position not in claims for position in verdict.claims):
        raise NotAClaimError("grounds-unreadable")
    grounds: dict[ClaimId, None] = dict.fromkeys(claims[position].id for position in verdict.claims)
    return Verdict(judgment=verdict.judgment, claims=tuple(grounds))
