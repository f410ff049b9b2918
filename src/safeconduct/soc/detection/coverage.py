"""What the rules look for, by tactic and technique of ATT&CK, and which of it there is telemetry for."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from safeconduct.kernel.instants import Instant
from safeconduct.soc.attack import AttackTable, attack_version
from safeconduct.soc.detection.ir import Head, LogSource
from safeconduct.soc.detection.model import RuleSet
from safeconduct.soc.detection.views import views
from safeconduct.soc.model import Event
from safeconduct.soc.ports import EventStore

SLICES, SLICE_EVENTS = 20, 100
"""Telemetry is looked at in so many places, side by side in time, and at so many events in each: half a second."""

LAYER_VERSION = "4.5"
"""The form of ATT&CK Navigator's layer files that is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TacticCoverage:
    """Of a tactic: its techniques in use, those with a rule, those with a rule whose log source was seen, the rules."""

    id: str
    name: str
    techniques: int
    covered: int
    with_data: int
    rules: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCoverage:
    """A log source that rules are for, how many, and whether there are events of it."""

    category: str
    product: str
    service: str
    rules: int
    seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TechniqueCoverage:
    """A technique with rules; `with_data` are those whose log source was seen."""

    id: str
    name: str
    rules: int
    with_data: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What the rules cover. `not_in_use` are techniques that rules name and ATT&CK doesn't use (any more)."""

    attack: str
    rules: int
    without_technique: int
    sampled: int
    tactics: Sequence[TacticCoverage]
    techniques: Sequence[TechniqueCoverage]
    sources: Sequence[SourceCoverage]
    not_in_use: Sequence[str]


def sample(store: EventStore, first: Instant, last: Instant) -> Iterator[Event]:
    """Yields events from all over a stretch of time, some twice where there are few."""
    for number in range(SLICES):
        yield from islice(store.between(Instant(first + (last - first) * number // SLICES)), SLICE_EVENTS)


def coverage(rules: RuleSet, events: Iterable[Event], table: AttackTable) -> Coverage:
    """Returns what the rules that make alerts cover, and what of it some of these events are for."""
    looked = list({event.id: event for event in events}.values())
    needs = _needs(rules)
    seen = _seen(looked, set().union(*needs.values()))
    heads = [head for head in rules.heads() if head.alerts]
    covered, fed = _by_technique(heads), _by_technique(head for head in heads if needs[head.id] <= seen)
    return Coverage(
        attack=table.source,
        rules=len(heads),
        without_technique=sum(not head.techniques for head in heads),
        sampled=len(looked),
        tactics=[_tactic(name, covered, fed, table) for name in table.tactics],
        techniques=[
            TechniqueCoverage(id=name, name=table.name(name), rules=len(found), with_data=len(fed[name]))
            for name, found in sorted(covered.items())
            if table.in_use(name)
        ],
        sources=_sources(heads, needs, seen),
        not_in_use=sorted(name for name in covered if not table.in_use(name)),
    )


def layer(found: Coverage, name: str) -> dict[str, Any]:
    """Returns the coverage as a layer file of ATT&CK Navigator: the score is the rules with data, the comment both."""
    most = max((one.rules for one in found.techniques), default=1)
    return {
        "name": name,
        "versions": {"attack": attack_version(found.attack), "layer": LAYER_VERSION},
        "domain": "enterprise-attack",
        "description": f"{found.rules} rules; scores are rules whose log source has events",
        "techniques": [
            {
                "techniqueID": one.id,
                "score": one.with_data,
                "comment": f"{one.rules} rules, {one.with_data} of them with data",
                "enabled": True,
            }
            for one in found.techniques
        ],
        "gradient": {"colors": ["#ffffff", "#2f6f4f"], "minValue": 0, "maxValue": most},
        "showTacticRowBackground": False,
        "hideDisabled": False,
    }


def _needs(rules: RuleSet) -> dict[str, frozenset[LogSource]]:
    """Returns the log sources of each rule; those of a correlation are those of what it counts."""
    needs = {rule.head.id: frozenset({rule.source}) for rule in rules.events}
    for one in rules.correlations:
        needs[one.head.id] = frozenset().union(*(needs[key] for key in one.rules))
    return needs


def _seen(events: Iterable[Event], wanted: Collection[LogSource]) -> set[LogSource]:
    open_ones, seen = set(wanted), set[LogSource]()
    for event in events:
        found = {source for source in open_ones if next(iter(views(event, source)), None) is not None}
        seen |= found
        open_ones -= found
    return seen


def _by_technique(heads: Iterable[Head]) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for head in heads:
        for name in head.techniques:
            found[name].add(head.id)
    return found


def _tactic(
    name: str, covered: Mapping[str, set[str]], fed: Mapping[str, set[str]], table: AttackTable
) -> TacticCoverage:
    members = [key for key, technique in table.techniques.items() if technique.in_use and name in technique.tactics]
    return TacticCoverage(
        id=table.tactics[name].id,
        name=table.tactics[name].name,
        techniques=len(members),
        covered=sum(key in covered for key in members),
        with_data=sum(key in fed for key in members),
        rules=len(set().union(*(covered[key] for key in members if key in covered))),
    )


def _sources(
    heads: Iterable[Head], needs: Mapping[str, frozenset[LogSource]], seen: Collection[LogSource]
) -> list[SourceCoverage]:
    counted = Counter(source for head in heads for source in needs[head.id])
    return [
        SourceCoverage(
            category=source.category,
            product=source.product,
            service=source.service,
            rules=number,
            seen=source in seen,
        )
        for source, number in sorted(
            counted.items(), key=lambda item: (-item[1], item[0].category, item[0].product, item[0].service)
        )
    ]
