"""Rules tried on stored events: what they find of the past as the rules in use do, and what they add. Pure.

docs/spec/trials.md, section 4.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from safeconduct.kernel.ids import EventId, IncidentId
from safeconduct.kernel.instants import DAY, Instant
from safeconduct.soc.incidents.finding import Detection
from safeconduct.soc.model import Alert
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.trials.model import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """A rule that found something else than before: alerts it has more, and alerts it has no more."""

    rule: str
    title: str
    level: str
    new: int
    gone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refound:
    """An incident that a person closed, and whether the rules opened one on its events, before and after."""

    incident: IncidentId
    disposition: Judgment
    before: bool
    after: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleComparison:
    """What a change of rules changes over the same events, which span `days`, begun ones counted whole."""

    events: int
    days: int
    alerts_before: int
    alerts_after: int
    rules: tuple[RuleChange, ...]
    cases: tuple[Refound, ...]

    @property
    def new(self) -> int:
        """Alerts that there were not before."""
        return sum(one.new for one in self.rules)

    @property
    def lost(self) -> tuple[IncidentId, ...]:
        """True positives that are found by the rules in use, and are no more."""
        return tuple(
            one.incident
            for one in self.cases
            if one.disposition is Judgment.TRUE_POSITIVE and one.before and not one.after
        )


def compare_rules(
    before: Detection,
    after: Detection,
    cases: Sequence[Case],
    events_of: Mapping[IncidentId, frozenset[EventId]],
    span: tuple[Instant, Instant],
) -> RuleComparison:
    """Returns what changes where the second detection stands in for the first. `events_of` are the incidents' own."""
    return RuleComparison(
        events=before.events,
        days=max(1, -(-(span[1] - span[0]) // DAY)),
        alerts_before=len(before.alerts),
        alerts_after=len(after.alerts),
        rules=tuple(_changes(before.alerts, after.alerts)),
        cases=tuple(
            Refound(
                incident=case.incident,
                disposition=case.disposition,
                before=_finds(before, events_of[case.incident]),
                after=_finds(after, events_of[case.incident]),
            )
            for case in cases
        ),
    )


def _changes(before: Sequence[Alert], after: Sequence[Alert]) -> Iterable[RuleChange]:
    # By rule and events, not by id: a rule whose text was edited is the same rule.
    former, latter = ({(one.rule, one.events): one for one in alerts} for alerts in (before, after))
    new = Counter(key[0] for key in latter.keys() - former.keys())
    gone = Counter(key[0] for key in former.keys() - latter.keys())
    heads = {one.rule: one for one in (*before, *after)}
    for rule in sorted(new.keys() | gone.keys(), key=lambda rule: (-new[rule] - gone[rule], rule)):
        head = heads[rule]
        yield RuleChange(rule=rule, title=head.title, level=head.level, new=new[rule], gone=gone[rule])


def _finds(detection: Detection, events: frozenset[EventId]) -> bool:
    return any(not events.isdisjoint(incident.events) for incident in detection.incidents)
