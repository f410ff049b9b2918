"""What alerts and edges of an incident say, as claims: the rules' own, and nobody else's."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from safeconduct.kernel.ids import ClaimId, EventId
from safeconduct.soc.claims import CITED_MAX, TIME_POINTER, Author, AuthorKind, Claim, make_claim
from safeconduct.soc.entities import mentions
from safeconduct.soc.grounding.linking import PARENT_PID_POINTER, PID_POINTER, support_pointers
from safeconduct.soc.model import Alert, Edge, EntityKind, Event, Incident, Match
from safeconduct.soc.predicates import Count, Evidence, InOrder, Observation, Order, Predicate, Relation, Technique, Tie
from safeconduct.soc.quotes import quote_at, text_of

RULE_AUTHOR = Author(kind=AuthorKind.RULE, name="safeconduct.summary", version="1")
"""Who makes the claims of this module. The version changes when the same incident would give other claims."""

CLAIMS_MAX = 400
"""Claims by rules on one incident. A person reads tens; the rest of a larger incident stands in counts."""


def claims_by_rules(incident: Incident, events: Mapping[EventId, Event]) -> tuple[Claim, ...]:
    """Returns what alerts and edges say, as claims, each once, at most CLAIMS_MAX. They are not checked yet."""
    predicates: dict[ClaimId, Claim] = {}
    for predicate in _predicates(incident, events):
        claim = make_claim(incident.id, RULE_AUTHOR, predicate)
        predicates.setdefault(claim.id, claim)
        if len(predicates) == CLAIMS_MAX:
            break
    return tuple(predicates.values())


def _predicates(incident: Incident, events: Mapping[EventId, Event]) -> Iterator[Predicate]:
    found = runs(_with_values(alert, events) for alert in incident.alerts)
    events = {id_: events[id_] for id_ in incident.events if id_ in events}
    # The most telling first: what lies beyond CLAIMS_MAX is more of the same.
    for run in found:
        yield from _of_run(run, events)
    yield from _orders(found, events)
    for edge in incident.edges:
        yield from _of_edge(edge, events)
    yield from _parents(incident, events)
    for run in found:
        yield from _singular(run, events)


def _with_values(alert: Alert, events: Mapping[EventId, Event]) -> Alert:
    """Returns the alert without matches on a value's absence: there is nothing that a claim could quote."""

    def absent(match: Match) -> bool:
        event = events.get(match.event)
        return not match.found and event is not None and quote_at(event, match.pointer) is None

    return replace(alert, matches=tuple(match for match in alert.matches if not absent(match)))


def runs(alerts: Iterable[Alert]) -> list[list[Alert]]:
    """Returns alerts of one rule in a row as one list, by time. Those whose rule was changed since have no matches."""
    found: list[list[Alert]] = []
    for alert in sorted((one for one in alerts if one.matches), key=lambda one: (one.at, one.id)):
        if found and found[-1][0].rule == alert.rule:
            found[-1].append(alert)
        else:
            found.append([alert])
    return found


def _of_run(run: Sequence[Alert], events: Mapping[EventId, Event]) -> Iterator[Predicate]:
    first = run[0]
    for match in (*_telling(first), *_telling(run[-1])):
        yield Observation(field=_evidence(match, events))
    for event in dict.fromkeys(match.event for match in _telling(first)):
        yield from (Observation(field=piece) for piece in _named(event, events))
    for technique in first.techniques:
        cited = {(match.event, match.pointer): _evidence(match, events) for match in _telling(first)}
        yield Technique(technique=technique, alert=first.id, cited=tuple(cited.values())[:CITED_MAX])
    yield from _counts(run, events)


def _telling(alert: Alert) -> tuple[Match, ...]:
    """Returns what the alert matched in its first and its last event: of what lies between, counts tell."""
    ends = {alert.matches[0].event, alert.matches[-1].event}
    return tuple(match for match in alert.matches if match.event in ends)


def _named(event: EventId, events: Mapping[EventId, Event]) -> Iterator[Evidence]:
    for mention in mentions(events[event]) if event in events else ():
        piece = _field(events[event], mention.pointer)
        if piece:
            yield piece


def _counts(run: Sequence[Alert], events: Mapping[EventId, Event]) -> Iterator[Predicate]:
    values = Counter((match.pointer, match.found) for alert in run for match in alert.matches)
    for (pointer, found), count in values.items():
        if count > 1:
            counted = _count(pointer, found, events)
            if counted:
                yield counted


def _singular(run: Sequence[Alert], events: Mapping[EventId, Event]) -> Iterator[Predicate]:
    # Within a run, what no count covers.
    values = Counter((match.pointer, match.found) for alert in run for match in alert.matches)
    for alert in run[1:-1]:
        if all(values[match.pointer, match.found] == 1 for match in alert.matches):
            yield Observation(field=_evidence(alert.matches[0], events))


def _count(pointer: str, value: str, events: Mapping[EventId, Event]) -> Count | None:
    having = sorted(
        (event.at, event.id, stored)
        for event in events.values()
        if (stored := quote_at(event, pointer)) is not None and text_of(stored) == value
    )
    ids = [(event, stored) for _, event, stored in having]
    half = CITED_MAX // 2
    cited = ids if len(ids) <= CITED_MAX else ids[:half] + ids[-half:]
    pieces = tuple(Evidence(event=event, pointer=pointer, quote=stored) for event, stored in cited)
    return Count(pointer=pointer, value=pieces[0].quote, count=len(ids), cited=pieces) if len(ids) > 1 else None


def _orders(runs: Sequence[Sequence[Alert]], events: Mapping[EventId, Event]) -> Iterator[Predicate]:
    for earlier, later in pairwise(runs):
        first, second = _time(_last(earlier[0]), events), _time(_last(later[0]), events)
        # Within one millisecond nothing came first.
        if first and second and int(first.quote) < int(second.quote):
            yield InOrder(order=Order.BEFORE, first=first, second=second)


def _last(alert: Alert) -> EventId:
    # The event that completed the alert.
    return alert.matches[-1].event


def _of_edge(edge: Edge, events: Mapping[EventId, Event]) -> Iterator[Predicate]:
    tie = {kind.value: kind for kind in Tie}.get(edge.entity.kind.value)
    left, right = edge.events
    if tie is None or left == right or left not in events or right not in events:
        return
    relation = _relation(tie, (events[left], edge.pointers[0]), (events[right], edge.pointers[1]))
    if relation:
        yield relation


def _parents(incident: Incident, events: Mapping[EventId, Event]) -> Iterator[Predicate]:
    latest: dict[str, Event] = {}
    for event in sorted((events[id_] for id_ in incident.events if id_ in events), key=lambda one: (one.at, one.id)):
        processes = {one.pointer: one.entity.value for one in mentions(event) if one.entity.kind is EntityKind.PROCESS}
        parent = latest.get(processes.get(PARENT_PID_POINTER, ""))
        if parent is not None:
            relation = _relation(Tie.PARENT, (parent, PID_POINTER), (event, PARENT_PID_POINTER))
            if relation:
                yield relation
        if PID_POINTER in processes:
            latest[processes[PID_POINTER]] = event


def _relation(tie: Tie, left: tuple[Event, str], right: tuple[Event, str]) -> Relation | None:
    first, second = _field(*left), _field(*right)
    if first is None or second is None:
        return None
    support = [
        piece
        for event in (left[0], right[0])
        for pointer in support_pointers(tie, event) or ()
        if (piece := _field(event, pointer)) is not None
    ]
    return Relation(tie=tie, left=first, right=second, support=tuple(support))


def _field(event: Event, pointer: str) -> Evidence | None:
    value = quote_at(event, pointer)
    return None if value is None else Evidence(event=event.id, pointer=pointer, quote=value)


def _evidence(match: Match, events: Mapping[EventId, Event]) -> Evidence:
    # What the rule saw when it fired. If the store says otherwise now, the check says so. A number keeps its type.
    stored = quote_at(events[match.event], match.pointer) if match.event in events else None
    quote = stored if stored is not None and text_of(stored) == match.found else match.found
    return Evidence(event=match.event, pointer=match.pointer, quote=quote)


def _time(event: EventId, events: Mapping[EventId, Event]) -> Evidence | None:
    piece = _field(events[event], TIME_POINTER) if event in events else None
    return piece if piece and isinstance(piece.quote, int) else None
