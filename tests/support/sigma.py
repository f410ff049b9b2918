"""Rules and events made for one test."""

import uuid
from collections.abc import Mapping
from typing import Any

import yaml

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.model import Alert, Event
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


def found(events: list[Event], *rules: str) -> tuple[Alert, ...]:
    """Returns the alerts of the rules."""
    return detect(events, load([(f"{number}.yml", text) for number, text in enumerate(rules)]))


def holds(detection: Mapping[str, Any], **raw: Any) -> bool:
    """Tells whether a rule fires on a record."""
    return bool(found([record(**raw)], rule(detection)))
