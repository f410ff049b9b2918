"""The rules of docs/spec/grounding.md, by their numbers. Each answers None or why the claim does not follow."""

import re
from collections.abc import Callable, Iterable

from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import parse_rfc3339
from safeconduct.soc.claims import (
    CITED_MAX,
    NAME,
    TIME_POINTER,
    AuthorKind,
    Claim,
    ClaimKind,
    Count,
    Evidence,
    InOrder,
    Judgment,
    Order,
    Relation,
    Technique,
    Tie,
    Verdict,
    make_claim,
)
from safeconduct.soc.entities import HOST_PLACES, mentions
from safeconduct.soc.grounding.model import Context
from safeconduct.soc.grounding.observables import ungrounded
from safeconduct.soc.model import EntityKind, Event
from safeconduct.soc.quotes import Scalar, quote_at, quotes, same, text_of

Rule = Callable[[Claim, Context], Reason | None]

PROCESS_LIFE_S = 86_400
"""Seconds within which a process id on a host means one process. Ids are reused; nothing in the events says when."""

WITHIN_S_MAX = 30 * 86_400
"""Seconds that a `within` may span: beyond a month it says nothing."""

NOTE_CHARS_MAX = 2_000
"""Characters of a person's note."""

PID_POINTER = "/ocsf/process/pid"
PARENT_PID_POINTER = "/ocsf/process/parent_process/pid"

_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
_NEEDS_HOST = frozenset({Tie.USER, Tie.PROCESS, Tie.PARENT})
_NEEDS_TIME = frozenset({Tie.PROCESS, Tie.PARENT})


def _reason(rule: int, code: str, text: str) -> Reason:
    return Reason(code, f"grounding/{rule}", text)


def in_view(claim: Claim, context: Context) -> Reason | None:
    """Rule 1: every cited event exists, is of this incident, and its field was shown to the author."""
    if claim.incident != context.incident.id:
        return _reason(1, "other-incident", f"the claim is about incident {claim.incident}")
    evidence = claim.evidence
    if claim.kind is not ClaimKind.VERDICT and not evidence:
        return _reason(1, "no-evidence", "the claim cites no field")
    if len(evidence) > CITED_MAX:
        return _reason(1, "too-much-evidence", f"at most {CITED_MAX} fields can be cited, got {len(evidence)}")
    if len({(piece.event, piece.pointer) for piece in evidence}) != len(evidence):
        return _reason(1, "cited-twice", "the same field is cited twice")
    scope = frozenset(context.incident.events)
    return next((found for piece in evidence if (found := _out_of_view(piece, context, scope))), None)


def _out_of_view(piece: Evidence, context: Context, scope: frozenset[str]) -> Reason | None:
    if piece.event not in scope:
        return _reason(1, "event-out-of-scope", "a cited event is not of this incident")
    if piece.event not in context.events:
        return _reason(1, "event-missing", "a cited event is not stored")
    if not context.shown.covers(piece.event, piece.pointer):
        return _reason(1, "not-shown", "a cited field was not shown to the author")
    return None


def as_quoted(claim: Claim, context: Context) -> Reason | None:
    """Rule 2: each quote is the value at its pointer; a count is what counting gives."""
    for piece in claim.evidence:
        stored = quote_at(context.events[piece.event], piece.pointer)
        if stored is None:
            return _reason(2, "nothing-at-pointer", f"no value that can be quoted stands at {piece.pointer}")
        if not _agrees(piece, stored):
            return _reason(2, "quote-differs", f"the event says something else at {piece.pointer}")
    return _counted(claim.predicate, context) if isinstance(claim.predicate, Count) else None


def _agrees(piece: Evidence, stored: Scalar) -> bool:
    if piece.pointer == TIME_POINTER:
        return _milliseconds(piece.quote) == _milliseconds(stored) is not None
    return same(stored, piece.quote)


def _counted(predicate: Count, context: Context) -> Reason | None:
    if any(piece.pointer != predicate.pointer or not same(piece.quote, predicate.value) for piece in predicate.cited):
        return _reason(2, "counts-something-else", "a cited field is not what is counted")
    # What one author had in view is what a count of theirs is over.
    in_view = (context.events[id_] for id_ in set(context.incident.events) & set(context.events))
    found = sum(
        context.shown.covers(event.id, predicate.pointer) and _has(event, predicate.pointer, predicate.value)
        for event in in_view
    )
    if found != predicate.count:
        return _reason(2, "wrong-count", f"counting gives {found}, not {predicate.count}")
    if len(predicate.cited) != min(found, CITED_MAX):
        return _reason(
            2, "count-not-cited", f"{min(found, CITED_MAX)} fields must be cited, got {len(predicate.cited)}"
        )
    return None


def _has(event: Event, pointer: str, value: Scalar) -> bool:
    stored = quote_at(event, pointer)
    return stored is not None and same(stored, value)


def _milliseconds(value: Scalar) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    try:
        return parse_rfc3339(value) // 1000
    except InvalidInputError:
        return None


def in_order(claim: Claim, context: Context) -> Reason | None:
    """Rule 3: times are the events' times, and lie as stated."""
    for piece in claim.evidence:
        if piece.pointer == TIME_POINTER and context.events[piece.event].at // 1000 != _milliseconds(piece.quote):
            return _reason(3, "time-differs", "the cited time is not the event's")
    return _ordered(claim.predicate) if isinstance(claim.predicate, InOrder) else None


def _ordered(predicate: InOrder) -> Reason | None:
    if (predicate.first.pointer, predicate.second.pointer) != (TIME_POINTER, TIME_POINTER):
        return _reason(3, "no-time-cited", f"an order rests on {TIME_POINTER} of both events")
    if (predicate.order is Order.WITHIN) != (0 < predicate.seconds <= WITHIN_S_MAX) or predicate.seconds < 0:
        return _reason(3, "seconds-out-of-range", f"`within` takes 1 to {WITHIN_S_MAX} seconds, nothing else does")
    first, second = _milliseconds(predicate.first.quote), _milliseconds(predicate.second.quote)
    if first is None or second is None:
        return _reason(3, "no-time-cited", "a cited time is none")
    holds = {
        Order.BEFORE: first < second,
        Order.AFTER: first > second,
        Order.WITHIN: abs(first - second) <= predicate.seconds * 1000,
    }[predicate.order]
    return None if holds else _reason(3, "wrong-order", "the events do not lie in time as stated")


def linked(claim: Claim, context: Context) -> Reason | None:
    """Rule 4: the entities are the same by their normal form; a parent is one by pid, host and time."""
    predicate = claim.predicate
    if not isinstance(predicate, Relation):
        return None
    left, right = context.events[predicate.left.event], context.events[predicate.right.event]
    if left.id == right.id:
        return _reason(4, "same-event", "an event has no relation to itself")
    if predicate.tie is Tie.PARENT and (predicate.left.pointer, predicate.right.pointer) != (
        PID_POINTER,
        PARENT_PID_POINTER,
    ):
        return _reason(4, "no-pid-cited", f"a parent is cited at {PID_POINTER}, its child at {PARENT_PID_POINTER}")
    kind = EntityKind.PROCESS if predicate.tie is Tie.PARENT else EntityKind(predicate.tie)
    shared = _entities(left, predicate.left.pointer, kind) & _entities(right, predicate.right.pointer, kind)
    if not shared:
        return _reason(4, "not-the-same", f"the two fields do not name the same {kind.value}")
    return _supported(predicate, left, right) or _alive(predicate, left, right, context)


def _entities(event: Event, pointer: str, kind: EntityKind) -> frozenset[str]:
    return frozenset(one.entity.value for one in mentions(event) if one.pointer == pointer and one.entity.kind is kind)


def support_pointers(tie: Tie, event: Event) -> tuple[str, ...] | None:
    """Returns the further fields of an event that such a relation rests on, or None if it has no host and needs one."""
    host = next((pointer for pointer in HOST_PLACES if quote_at(event, pointer) is not None), None)
    if tie in _NEEDS_HOST and host is None:
        return None
    hosts = (host,) if host and tie in _NEEDS_HOST else ()
    return (*hosts, TIME_POINTER) if tie in _NEEDS_TIME else hosts


def _supported(predicate: Relation, left: Event, right: Event) -> Reason | None:
    cited = {(piece.event, piece.pointer) for piece in predicate.support}
    for event in (left, right):
        needed = support_pointers(predicate.tie, event)
        if needed is None:
            return _reason(4, "host-unknown", f"a {predicate.tie.value} is only one on a host, and an event names none")
        if any((event.id, pointer) not in cited for pointer in needed):
            return _reason(4, "support-missing", f"the relation also rests on {', '.join(needed)} of both events")
    return None


def _alive(predicate: Relation, left: Event, right: Event, context: Context) -> Reason | None:
    if predicate.tie not in _NEEDS_TIME:
        return None
    if abs(left.at - right.at) > PROCESS_LIFE_S * 1_000_000:
        return _reason(4, "pid-too-old", f"a process id is not trusted for longer than {PROCESS_LIFE_S} s")
    if predicate.tie is Tie.PROCESS:
        return None
    if left.at > right.at:
        return _reason(4, "parent-after-child", "the parent's event is later than the child's")
    nearer = any(
        left.at < other.at <= right.at and other.source == left.source and _same_pid(left, other)
        for other in context.events.values()
        if other.id not in (left.id, right.id)
    )
    return (
        _reason(4, "nearer-parent", "the parent's process id was used again before the child started")
        if nearer
        else None
    )


def _same_pid(one: Event, other: Event) -> bool:
    return bool(_entities(one, PID_POINTER, EntityKind.PROCESS) & _entities(other, PID_POINTER, EntityKind.PROCESS))


def technique_supported(claim: Claim, context: Context) -> Reason | None:
    """Rule 6: the technique is in the pinned ATT&CK version, in use, and tagged by the cited alert on these events."""
    predicate = claim.predicate
    if not isinstance(predicate, Technique):
        return None
    known = context.techniques.get(predicate.technique) if _TECHNIQUE.fullmatch(predicate.technique) else None
    if known is None:
        return _reason(6, "technique-unknown", "no such technique in the pinned ATT&CK version")
    if known.revoked or known.deprecated:
        return _reason(6, "technique-withdrawn", f"{predicate.technique} is revoked or deprecated")
    alert = next((one for one in context.incident.alerts if one.id == predicate.alert), None)
    if alert is None:
        return _reason(6, "alert-unknown", "the cited alert is not of this incident")
    if predicate.technique not in alert.techniques:
        return _reason(6, "technique-unsupported", "the cited alert does not point to this technique")
    fired_on = {(match.event, match.pointer) for match in alert.matches}
    if any((piece.event, piece.pointer) not in fired_on for piece in predicate.cited):
        return _reason(6, "alert-elsewhere", "a cited field is not one the alert fired on")
    return None


def says_no_more(claim: Claim, context: Context) -> Reason | None:
    """Rule 7: what a note names occurs in the cited events."""
    if not claim.note:
        return None
    if len(claim.note) > NOTE_CHARS_MAX:
        return _reason(7, "note-too-long", f"a note has at most {NOTE_CHARS_MAX} characters")
    cited = [context.events[id_] for id_ in sorted({piece.event for piece in claim.evidence})]
    values = [text_of(value) for event in cited for _, value in quotes(event)]
    extra = ungrounded(claim.note, cited=values, named=_names(context.events.values()))
    if extra:
        return _reason(7, "observable-ungrounded", f"no cited event names the {extra[0].kind} {extra[0].value!r}")
    return None


def _names(events: Iterable[Event]) -> frozenset[str]:
    found = (one.entity for event in events for one in mentions(event))
    return frozenset(
        entity.value.partition("@")[0] for entity in found if entity.kind in (EntityKind.USER, EntityKind.HOST)
    )


def rests_on_verified(claim: Claim, context: Context) -> Reason | None:
    """Rule 9: a verdict rests on verified claims. Only a person may clear an incident."""
    predicate = claim.predicate
    if not isinstance(predicate, Verdict):
        return None
    if not 0 < len(predicate.claims) <= CITED_MAX or len(set(predicate.claims)) != len(predicate.claims):
        return _reason(9, "no-grounds", f"a verdict rests on 1 to {CITED_MAX} different claims")
    if any(id_ not in context.verified for id_ in predicate.claims):
        return _reason(9, "grounds-unverified", "a claim that the verdict rests on is not verified")
    if predicate.judgment is not Judgment.TRUE_POSITIVE:
        # A detector never raises trust, nor does a model that read what an attacker wrote.
        return (
            None if claim.author.kind is AuthorKind.PERSON else _reason(9, "may-not-clear", "only a person may clear")
        )
    if not any(context.verified[id_].kind is ClaimKind.TECHNIQUE for id_ in predicate.claims):
        return _reason(9, "no-technique", "a true positive rests on at least one verified technique")
    return None


def is_ours(claim: Claim, _context: Context) -> Reason | None:
    """Rule 10: text of events is data: it names no author, and nobody but a person adds free text."""
    author = claim.author
    if not NAME.fullmatch(author.name) or not NAME.fullmatch(author.version):
        return _reason(10, "author-malformed", "the author's name or version is none")
    if author.call and not NAME.fullmatch(author.call):
        return _reason(10, "author-malformed", "the author's call is no id")
    if make_claim(claim.incident, author, claim.predicate, serial=claim.serial).id != claim.id:
        return _reason(10, "id-forged", "the claim's id is not the one its content gives")
    if claim.note and author.kind is not AuthorKind.PERSON:
        return _reason(10, "free-text", "only a person may add a note")
    return None


RULES: tuple[Rule, ...] = (
    in_view,
    as_quoted,
    in_order,
    linked,
    technique_supported,
    says_no_more,
    rests_on_verified,
    is_ours,
)
"""In order: each may rely on what the ones before it established."""
