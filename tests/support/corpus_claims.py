"""Incidents from recordings of others and true claims about them: made from the records' text, not by the checker."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from safeconduct.kernel.canonical import digest
from safeconduct.kernel.ids import EventId, IncidentId
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.claims import Author, AuthorKind, Claim, make_claim
from safeconduct.soc.hunts.model import Comparison, Hunt, Where
from safeconduct.soc.model import Alert, Event, Incident, Match
from safeconduct.soc.predicates import (
    Absence,
    Consequence,
    Count,
    Evidence,
    Form,
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

MODEL = Author(kind=AuthorKind.MODEL, name="some-model", version="1", call="01JD0000000000000000000000")
TIME = "/ocsf/time"
EVENTS = 40  # of one recording, in one incident
FIELDS = 8  # of one event that are quoted
TECHNIQUE, REVOKED = "T1003.001", "T1086"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """An incident made of one recording's first events, and an event of another recording."""

    name: str
    incident: Incident
    events: Mapping[EventId, Event]
    stranger: Event

    @cached_property
    def ordered(self) -> Sequence[Event]:
        """The events by time."""
        return [self.events[one] for one in self.incident.events]


def recording(name: str, events: Sequence[Event], stranger: Event) -> Recording:
    """Returns a recording whose every tenth event has an alert that fired on its first field."""
    ordered = sorted(events, key=lambda one: (one.at, one.id))[:EVENTS]
    alerts = tuple(_alert(event) for event in ordered[::10])
    incident = Incident(
        id=IncidentId(digest([one.id for one in ordered])[:32]),
        alerts=alerts,
        edges=(),
        events=tuple(one.id for one in ordered),
        first_at=ordered[0].at,
        last_at=ordered[-1].at,
        score=50,
        score_reasons=(),
    )
    return Recording(name=name, incident=incident, events={one.id: one for one in ordered}, stranger=stranger)


def texts(event: Event) -> Iterator[tuple[str, str | int]]:
    """Yields where the event says what: its texts, whole numbers and truth values."""
    stack: list[tuple[str, object]] = [("/ocsf", event.ocsf), ("/raw", event.raw)]
    while stack:
        place, value = stack.pop()
        if isinstance(value, Mapping):
            stack += [
                (f"{place}/{str(name).replace('~', '~0').replace('/', '~1')}", one) for name, one in value.items()
            ]
        elif isinstance(value, list | tuple):
            stack += [(f"{place}/{number}", one) for number, one in enumerate(value)]
        elif isinstance(value, str | int) and len(place) <= 256 and abs(value if isinstance(value, int) else 0) < 2**53:
            yield place, value


def truths(here: Recording, rng: random.Random) -> list[Claim]:
    """Returns true claims of every kind that the recording has anything for, the verdict last."""
    said = [predicate for make in TRUTHS for predicate in make(here, rng)]
    claims = list({one.id: one for one in (make_claim(here.incident.id, MODEL, one) for one in said)}.values())
    grounds = tuple(one.id for one in claims if isinstance(one.predicate, Technique))[:1]
    verdict = Verdict(judgment=Judgment.TRUE_POSITIVE, claims=(*grounds, *(one.id for one in claims[:2])))
    return [*claims, make_claim(here.incident.id, MODEL, verdict)]


def piece(event: Event, pointer: str, quote: str | int | None = None, form: Form = Form.EXACT) -> Evidence:
    """Returns the evidence that the event says this there."""
    return Evidence(
        event=event.id, pointer=pointer, quote=dict(texts(event))[pointer] if quote is None else quote, form=form
    )


def _alert(event: Event) -> Alert:
    pointer, value = min(texts(event))
    return Alert(
        id=digest(["alert", event.id])[:32],
        rule="rule",
        rule_digest=digest("rule"),
        title="A rule",
        level="high",
        techniques=(TECHNIQUE,),
        events=(event.id,),
        at=event.at,
        matches=(Match(event=event.id, pointer=pointer, operator="equals", value=str(value), found=str(value)),),
    )


def _observed(here: Recording, rng: random.Random) -> Iterator[Predicate]:
    for event in here.ordered:
        found = sorted(texts(event))
        for pointer, value in rng.sample(found, min(FIELDS, len(found))):
            yield Observation(field=piece(event, pointer, value))
        for pointer, value in found:
            last = pointer.rpartition("/")[2]
            if last in {"Image", "ParentImage", "TargetFilename"} and isinstance(value, str) and value[1:3] == ":\\":
                yield Observation(field=piece(event, pointer, value.upper().replace("\\", "/"), Form.PATH))
            if last in {"Computer", "Hostname"} and isinstance(value, str):
                yield Observation(field=piece(event, pointer, value.swapcase(), Form.NAME))


def _counted(here: Recording, _: random.Random) -> Iterator[Predicate]:
    having: dict[tuple[str, str | int], list[Event]] = defaultdict(list)
    for event in here.ordered:
        for pointer, value in texts(event):
            having[pointer, value].append(event)
    for (pointer, value), events in list(having.items())[:40]:
        if not isinstance(value, int):  # a number and its text are one value, and both may be there
            yield Count(
                pointer=pointer, value=value, count=len(events), cited=tuple(piece(one, pointer) for one in events)
            )


def _sequenced(here: Recording, _: random.Random) -> Iterator[Predicate]:
    for one, other in pairwise(here.ordered):
        first, second = piece(one, TIME, rfc3339(one.at)), piece(other, TIME, other.at // 1000)
        if one.at // 1000 < other.at // 1000:
            yield InOrder(order=Order.BEFORE, first=first, second=second)
            yield InOrder(order=Order.AFTER, first=second, second=first)
        yield InOrder(order=Order.WITHIN, first=first, second=second, seconds=(other.at - one.at) // 1_000_000 + 1)


def guid_at(event: Event, name: str) -> tuple[str, str] | None:
    """Returns where the event's record names a process by its GUID, and the GUID."""
    found = [(at, str(value)) for at, value in texts(event) if at.startswith("/raw/") and at.endswith(f"/{name}")]
    return next(((at, value) for at, value in found if "{00000000" not in value and value.count("-") > 1), None)


def _related(here: Recording, _: random.Random) -> Iterator[Predicate]:
    # Where records write the same thing in the same words; nothing is guessed from numbers.
    for one, other in pairwise(here.ordered):
        for pointer, tie in (("/ocsf/device/hostname", Tie.HOST), ("/ocsf/src_endpoint/ip", Tie.IP)):
            both = dict(texts(one)).get(pointer), dict(texts(other)).get(pointer)
            if both[0] is not None and both[0] == both[1]:
                yield Relation(tie=tie, left=piece(one, pointer), right=piece(other, pointer))
        left, right = guid_at(one, "ProcessGuid"), guid_at(other, "ProcessGuid")
        if left and right and left[1] == right[1]:
            yield from _same_process((one, left[0]), (other, right[0]))
    started: dict[str, tuple[Event, str]] = {}
    for event in here.ordered:
        own, parent = guid_at(event, "ProcessGuid"), guid_at(event, "ParentProcessGuid")
        if parent and parent[1] in started:
            yield from _parent(started[parent[1]], (event, parent[0]))
        if own:
            started.setdefault(own[1], (event, own[0]))


def _same_process(left: tuple[Event, str], right: tuple[Event, str]) -> Iterator[Predicate]:
    edge = Relation(tie=Tie.PROCESS, left=piece(*left), right=piece(*right))
    yield edge
    if left[0].at // 1000 < right[0].at // 1000:
        timed = replace(edge, support=(piece(left[0], TIME), piece(right[0], TIME)))
        yield from (Consequence(word=word, edge=timed) for word in (Word.FOLLOWED_BY, Word.LED_TO))


def _parent(left: tuple[Event, str], right: tuple[Event, str]) -> Iterator[Predicate]:
    times = (piece(left[0], TIME), piece(right[0], TIME))
    edge = Relation(tie=Tie.PARENT, left=piece(*left), right=piece(*right), support=times)
    yield edge
    yield from (Consequence(word=word, edge=edge) for word in Word)


def _attributed(here: Recording, _: random.Random) -> Iterator[Predicate]:
    for alert in here.incident.alerts:
        match = alert.matches[0]
        cited = (piece(here.events[match.event], match.pointer),)
        yield Technique(technique=TECHNIQUE, alert=alert.id, cited=cited)
        yield Technique(technique=TECHNIQUE, alert=alert.id, cited=cited, tactic="credential-access")


def _hunted(here: Recording, _: random.Random) -> Iterator[Predicate]:
    if here.incident.last_at - here.incident.first_at > 86_400_000_000:
        return
    sources = tuple(sorted({one.source for one in here.ordered}))
    window = {"first": here.incident.first_at, "last": here.incident.last_at}
    pointers = Counter(
        pointer for one in here.ordered for pointer, value in texts(one) if isinstance(value, str) and value
    )
    plain = [one for one in sorted(pointers) if not any(step.isdigit() for step in one.split("/"))][:6]
    for pointer in plain:
        values = Counter(str(value).lower() for one in here.ordered for at, value in texts(one) if at == pointer)
        for value, count in list(values.items())[:4]:
            asked = Hunt(where=(Where(pointer, Comparison.EQUALS, value),), sources=sources, **window)
            event = next(one for one in here.ordered if str(dict(texts(one)).get(pointer)).lower() == value)
            yield Tally(hunt=asked, count=count, cited=(piece(event, pointer),))
        if (window["last"] - window["first"]) < 3_600_000_000:
            never = Where(pointer, Comparison.CONTAINS, "no-such-text-anywhere")
            yield from (Absence(hunt=Hunt(where=(never,), sources=(one,), **window)) for one in _bearing(here, pointer))


def _bearing(here: Recording, pointer: str) -> set[str]:
    return {one.source for one in here.ordered if dict(texts(one)).get(pointer)}


TRUTHS: Sequence[Callable[[Recording, random.Random], Iterator[Predicate]]] = (
    _observed, _counted, _sequenced, _related, _attributed, _hunted,
)  # fmt: skip
