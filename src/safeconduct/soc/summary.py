"""The deterministic summary: what the rules alone can say about an incident, after the same check as everyone's claims.

No model's claim comes in here: the functions take none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from safeconduct.kernel.ids import ClaimId, EventId, IncidentId
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.soc.claims import Claim
from safeconduct.soc.entities import mentions
from safeconduct.soc.grounding import CheckedClaim, Context, Search, Shown, TechniqueTable, check_all
from safeconduct.soc.inventory import NOTHING, Inventory
from safeconduct.soc.model import Alert, Entity, EntityKind, Event, Incident, Match
from safeconduct.soc.predicates import Count, Technique
from safeconduct.soc.quotes import quote_at, text_of
from safeconduct.soc.rule_claims import claims_by_rules, runs
from safeconduct.soc.wording import number_of, shown

STEPS_MAX = 60
"""Steps in a summary; what comes after is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Alerts of one rule in a row, as one thing that happened."""

    at: Instant
    last_at: Instant
    title: str
    level: str
    alerts: int
    techniques: tuple[str, ...]
    entities: tuple[Entity, ...]
    claims: tuple[ClaimId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TechniqueUse:
    """A technique that at least one verified claim supports."""

    technique: str
    name: str
    tactics: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What happened, by verified claims of rules alone. `grounded` of `alerts` alerts have such a claim."""

    incident: IncidentId
    first_at: Instant
    last_at: Instant
    score: int
    score_reasons: tuple[str, ...]
    who: tuple[Entity, ...]
    entities: tuple[Entity, ...]
    techniques: tuple[TechniqueUse, ...]
    steps: tuple[Step, ...]
    steps_left_out: int
    alerts: int
    grounded: int


def rule_context(
    incident: Incident,
    events: Mapping[EventId, Event],
    techniques: TechniqueTable,
    *,
    inventory: Inventory = NOTHING,
    search: Search | None = None,
) -> Context:
    """Returns the context in which claims of rules are checked: rules saw every event of the incident whole."""
    return Context(
        incident=incident,
        events=events,
        shown=Shown.whole(incident.events),
        techniques=techniques,
        inventory=inventory,
        search=search,
    )


def summarize(context: Context) -> tuple[Summary, tuple[CheckedClaim, ...]]:
    """Returns the summary and the checked claims of rules that it rests on. `context` is the rules' own."""
    checked = check_all(claims_by_rules(context.incident, context.events), context)
    return _summary(context, checked), checked


def sentences(summary: Summary) -> tuple[str, ...]:
    """Returns the summary in sentences, values of events quoted and bounded."""
    what = f"{number_of(summary.alerts, 'alert')} from {rfc3339(summary.first_at)} to {rfc3339(summary.last_at)}"
    lines = [f"{what}, score {summary.score}; {summary.grounded} rest on verified claims."]
    if summary.who:
        lines.append("Concerned: " + ", ".join(f"{one.kind.value} {shown(one.value)}" for one in summary.who) + ".")
    for step in summary.steps:
        times = f" ({step.alerts} alerts)" if step.alerts > 1 else ""
        tags = f" [{', '.join(step.techniques)}]" if step.techniques else ""
        lines.append(f"{rfc3339(step.at)} {shown(step.title)}{times}{tags}")
    if summary.steps_left_out:
        lines.append(f"{summary.steps_left_out} further steps.")
    return tuple(lines)


def _summary(context: Context, checked: Sequence[CheckedClaim]) -> Summary:
    incident = context.incident
    held = [one.claim for one in checked if one.verified]
    grounds = _grounds(held, context.events)
    steps = tuple(step for run in runs(incident.alerts) if (step := _step(run, held, grounds, context)).claims)
    supported = sorted({technique for step in steps for technique in step.techniques})
    entities = tuple(sorted({entity for step in steps for entity in step.entities}))
    return Summary(
        incident=incident.id,
        first_at=incident.first_at,
        last_at=incident.last_at,
        score=incident.score,
        score_reasons=tuple(incident.score_reasons),
        who=tuple(one for one in entities if one.kind in (EntityKind.IP, EntityKind.USER, EntityKind.HOST)),
        entities=entities,
        techniques=tuple(_use(technique, context.techniques) for technique in supported),
        steps=steps[:STEPS_MAX],
        steps_left_out=len(steps[STEPS_MAX:]),
        alerts=len(incident.alerts),
        grounded=sum(bool(grounds.of(alert)) for alert in incident.alerts),
    )


@dataclass(frozen=True, slots=True)
class _Grounds:
    """Verified claims by the fields they cite, and by what they count: a count is over more than it can cite."""

    cited: Mapping[tuple[EventId, str], tuple[ClaimId, ...]]
    counted: Mapping[tuple[str, str], ClaimId]
    events: Mapping[EventId, Event]

    def of(self, alert: Alert) -> tuple[ClaimId, ...]:
        """Returns the claims that an alert's evidence carries."""
        cited = [id_ for match in alert.matches for id_ in self.cited.get((match.event, match.pointer), ())]
        counted = [self.counted.get((match.pointer, match.found)) for match in alert.matches if self._stands(match)]
        return tuple(dict.fromkeys([*cited, *(id_ for id_ in counted if id_ is not None)]))

    def _stands(self, match: Match) -> bool:
        stored = quote_at(self.events[match.event], match.pointer) if match.event in self.events else None
        return stored is not None and text_of(stored) == match.found


def _grounds(held: Sequence[Claim], events: Mapping[EventId, Event]) -> _Grounds:
    cited: dict[tuple[EventId, str], tuple[ClaimId, ...]] = {}
    for claim in held:
        for piece in claim.evidence:
            cited[piece.event, piece.pointer] = (*cited.get((piece.event, piece.pointer), ()), claim.id)
    counted = {
        (claim.predicate.pointer, text_of(claim.predicate.value)): claim.id
        for claim in held
        if isinstance(claim.predicate, Count)
    }
    return _Grounds(cited, counted, events)


def _step(
    run: Sequence[Alert],
    held: Sequence[Claim],
    grounds: _Grounds,
    context: Context,
) -> Step:
    alerts = {alert.id for alert in run}
    events = [context.events[id_] for alert in run for id_ in alert.events if id_ in context.events]
    named = {one.entity for event in events for one in mentions(event) if (event.id, one.pointer) in grounds.cited}
    supported = {
        claim.predicate.technique
        for claim in held
        if isinstance(claim.predicate, Technique) and claim.predicate.alert in alerts
    }
    return Step(
        at=run[0].at,
        last_at=run[-1].at,
        title=run[0].title,
        level=run[0].level,
        alerts=len(run),
        techniques=tuple(sorted(supported)),
        entities=tuple(sorted(named)),
        claims=tuple(dict.fromkeys(id_ for alert in run for id_ in grounds.of(alert))),
    )


def _use(technique: str, techniques: TechniqueTable) -> TechniqueUse:
    known = techniques.get(technique)
    return TechniqueUse(
        technique=technique, name=known.name if known else "", tactics=tuple(known.tactics) if known else ()
    )
