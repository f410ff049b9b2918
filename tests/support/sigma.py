"""Rules and events made for one test."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.engine import Engine
from safeconduct.soc.detection.ir import RuleIR
from safeconduct.soc.detection.matching import matches
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.detection.views import views
from safeconduct.soc.model import Alert, Event, Match
from support.telemetry import START


def rule(detection: Mapping[str, Any], name: str = "one", **more: Any) -> str:
    """Returns a rule as YAML; its id follows from its name."""
    fields = {"title": f"Rule {name}", "id": identity(name), "name": name, "level": "low", **more}
    logsource = fields.pop("logsource", {"category": "webserver"})
    return yaml.safe_dump(fields | {"logsource": logsource, "detection": dict(detection)}, allow_unicode=True)


def counting(name: str, kind: str, rules: list[str], **more: Any) -> str:
    """Returns a correlation rule as YAML."""
    correlation = {"type": kind, "rules": rules, "timespan": "1m"} | more
    fields = {"title": f"Rule {name}", "id": identity(name), "name": name, "level": "high", "correlation": correlation}
    return yaml.safe_dump(fields)


def identity(name: str) -> str:
    """Returns the id that a name always gets."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def record(number: int = 0, at_s: float = 0, **raw: Any) -> Event:
    """Returns an event of a web server with these raw fields."""
    return Event(
        id=EventId(f"{number:032x}"),
        source="access",
        at=Instant(START + seconds(at_s)),
        raw=raw,
        ocsf={"class_uid": 4002, "activity_id": 3},
    )


def logged(number: int, channel: str, system: Mapping[str, Any] | None = None, **data: Any) -> Event:
    """Returns a Windows event as a log renders it, of a channel, with more members of its header and its own data."""
    header = {"EventID": 1, "Channel": channel, "Provider": {"#attributes": {"Name": "Made"}}} | dict(system or {})
    raw = {"Event": {"System": header, "EventData": data}}
    return Event(id=EventId(f"{number:032x}"), source="windows", at=Instant(START), raw=raw, ocsf={"class_uid": 0})


def found(events: list[Event], *rules: str) -> tuple[Alert, ...]:
    """Returns the alerts of the rules."""
    return detect(events, load([(f"{number}.yml", text) for number, text in enumerate(rules)]))


def fired(engine: Engine, events: Iterable[Event]) -> set[tuple[str, EventId, tuple[Match, ...]]]:
    """Returns the hits of an engine: rule, event and evidence."""
    return {(one.rule.head.id, one.view.event.id, one.matches) for one in engine.hits(events)}


def fired_singly(rules: Iterable[RuleIR], events: Sequence[Event]) -> set[tuple[str, EventId, tuple[Match, ...]]]:
    """Returns what rules say of each event by itself: rule, event and evidence."""
    return {
        (one.head.id, event.id, evidence)
        for one in rules
        for event in events
        for view in views(event, one.source)
        if (evidence := matches(one.condition, view)) is not None
    }


def holds(detection: Mapping[str, Any], **raw: Any) -> bool:
    """Tells whether a rule fires on a record."""
    return bool(found([record(**raw)], rule(detection)))
