"""What of an incident is laid out before a model: events, alerts and hunts as lines of data, each with a short name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import msgspec

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.claims import TIME_POINTER
from safeconduct.soc.entities import mentions
from safeconduct.soc.grounding import TechniqueTable
from safeconduct.soc.grounding.linking import support_pointers
from safeconduct.soc.model import Alert, Event, Incident
from safeconduct.soc.predicates import Tie
from safeconduct.soc.questions.answer_schema import ShownField
from safeconduct.soc.questions.model import Hunted
from safeconduct.soc.quotes import quote_at
from safeconduct.soc.wording import asked_in_words, quoted, shown

REFERENCE_CHARS = 6
"""Digits of an id in the prompt, as in git: whole ids would take half of a small model's prompt."""

_PLAIN = re.compile(r"/[\w/.~@+:-]{1,95}", re.ASCII)
# Pointers that are shown. Names in raw JSON come from outside, too: one that is a sentence stays out of the prompt.


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """Some of an incident's events, with at most `fields_max` telling fields of each, and what hunts found.

    Techniques that are not in the table are never shown.
    """

    incident: Incident
    techniques: TechniqueTable
    fields_max: int
    hunted: tuple[Hunted, ...] = ()
    events: tuple[Event, ...] = ()

    def holding(self, events: Sequence[Event]) -> "Exhibit":
        """Returns the same exhibit with these events."""
        return replace(self, events=tuple(events))

    @cached_property
    def fields(self) -> list[ShownField]:
        """Every field that is shown, the events' times among them."""
        return [field for event in self.events for field in self._fields(event)]

    @cached_property
    def alerts(self) -> list[Alert]:
        """The alerts on the events."""
        ids = {event.id for event in self.events}
        return [alert for alert in self.incident.alerts if any(match.event in ids for match in alert.matches)]

    @cached_property
    def event_names(self) -> dict[EventId, str]:
        """How each event is called, by its id."""
        return {EventId(event): name for event, name in _references(event.id for event in self.events).items()}

    @cached_property
    def alert_names(self) -> dict[str, str]:
        """How each alert is called, by its id."""
        return _references(alert.id for alert in self.alerts)

    def known(self, alert: Alert) -> list[str]:
        """Returns the techniques that an alert is tagged with and the table has, in its order."""
        return [technique for technique in alert.techniques if self.techniques.get(technique) is not None]

    def text(self) -> str:
        """Returns the lines of data."""
        events = (line for event in self.events for line in self._block(event))
        hunts = (_hunt_line(number, one) for number, one in enumerate(self.hunted, start=1))
        return "\n".join([*events, *map(self._alert_line, self.alerts), *hunts])

    def _fields(self, event: Event) -> Iterator[ShownField]:
        for pointer in dict.fromkeys([*self._telling(event), *_needed(event), TIME_POINTER]):
            value = quote_at(event, pointer)
            if value is not None and _PLAIN.fullmatch(pointer):
                yield ShownField(event=event.id, pointer=pointer, text=shown(value), value=value)

    def _telling(self, event: Event) -> list[str]:
        alerts = self.incident.alerts
        fired_on = [match.pointer for alert in alerts for match in alert.matches if match.event == event.id]
        named = [mention.pointer for mention in mentions(event)]
        return list(dict.fromkeys([*fired_on[:2], *named, *fired_on]))[: self.fields_max]

    def _block(self, event: Event) -> Iterator[str]:
        yield f"event {self.event_names[event.id]} at {rfc3339(event.at)[:19]}Z"
        for one in self._fields(event):
            if one.pointer != TIME_POINTER:
                value = msgspec.json.encode(one.text).decode()
                yield f"{one.pointer} = {_contained(value)}"

    def _alert_line(self, alert: Alert) -> str:
        on = ", ".join(name for event, name in self.event_names.items() if event in alert.events)
        title, tags = _contained(quoted(alert.title)), " ".join(self.known(alert))
        return f"alert {self.alert_names[alert.id]} on {on}: {title} {tags}".rstrip()


def _hunt_line(number: int, one: Hunted) -> str:
    said = _contained(msgspec.json.encode(asked_in_words(one.hunt)).decode())
    return f"hunt {number}, events {said}: {one.result.counted} found of {one.result.scanned}"


def _needed(event: Event) -> Iterator[str]:
    # Relations rest on these; without them none of the model's could be verified.
    return (pointer for tie in Tie for pointer in support_pointers(tie, event) or ())


def _references(ids: Iterable[str]) -> dict[str, str]:
    wanted = list(dict.fromkeys(ids))
    length = REFERENCE_CHARS
    while len({one[:length] for one in wanted}) < len(wanted):
        length += 1
    return {one: one[:length] for one in wanted}


def _contained(text: str) -> str:
    # No value can close the data block.
    return text.replace("<", "\\u003c").replace(">", "\\u003e")
