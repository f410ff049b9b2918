"""Asking a model about an incident: which events it gets to see, as data, and what it may answer.

The answer's schema lists the shown events, fields and values as enums, so that a model can copy but hardly invent.
What it says is checked all the same.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import CallId, EventId, PathId
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.answer_schema import Shape, ShownField, answer_schema
from safeconduct.soc.claims import TIME_POINTER
from safeconduct.soc.entities import mentions
from safeconduct.soc.grounding import Shown, TechniqueTable
from safeconduct.soc.grounding.linking import support_pointers
from safeconduct.soc.hunts.model import Hunt, HuntResult
from safeconduct.soc.model import Alert, Event, Incident
from safeconduct.soc.predicates import Tie
from safeconduct.soc.prompts.model import BEGIN, DATA, END, Prompt, PromptKind
from safeconduct.soc.prompts.shipped import SHIPPED
from safeconduct.soc.quotes import quote_at
from safeconduct.soc.wording import asked_in_words, quoted, shown

REFERENCE_CHARS = 6
"""Digits of an id in the prompt, as in git: whole ids would take half of a small model's prompt."""

_LEVELS = ("critical", "high", "medium", "low", "informational")

_PLAIN = re.compile(r"/[\w/.~@+:-]{1,95}", re.ASCII)
# Pointers that are shown. Names in raw JSON come from outside, too: one that is a sentence stays out of the prompt.

_CLAIMS: Mapping[str, tuple[int, int]] = {
    "observations": (2, 2),
    "counts": (0, 0),
    "sequences": (1, 1),
    "relations": (0, 0),
    "techniques": (1, 1),
}
# Least and most of each kind that fit the default answer. A minimum, or the smallest models say one thing six times.


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one question may take. The defaults are for the local model: a small window on slow hardware.

    `chars_per_token` is an estimate per path, low on purpose: telemetry has short tokens. The instructions count too.
    """

    prompt_tokens_max: int = 700
    answer_tokens_max: int = 300
    chars_per_token: float = 2.0
    events_max: int = 12
    fields_max: int = 4
    grounds_max: int = 2
    claims: Mapping[str, tuple[int, int]] = field(default_factory=lambda: _CLAIMS)

    @property
    def claims_max(self) -> int:
        """Claims that an answer may hold, the verdict apart."""
        return sum(most for _, most in self.claims.values())

    @property
    def prompt_chars_max(self) -> int:
        """Characters that the messages may hold together."""
        return int(self.prompt_tokens_max * self.chars_per_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunted:
    """A hunt that was run for a model, and what it found."""

    hunt: Hunt
    result: HuntResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a model is asked to do with an incident: in which words, and after which hunts."""

    prompt: Prompt
    hunted: tuple[Hunted, ...] = ()

    @property
    def judges(self) -> bool:
        """Whether the answer holds a verdict."""
        return self.prompt.kind is PromptKind.TRIAGE

    @property
    def request(self) -> str:
        """The text around the data."""
        return self.prompt.found if self.hunted else self.prompt.request


TRIAGE = Task(prompt=SHIPPED[PromptKind.TRIAGE])


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is sent, and what the answer's references stand for.

    `payload` are the exact bytes of the request body: they are what leaves the house. `prompt` is the version of the
    words around the data.
    """

    incident: Incident
    payload: bytes
    prompt: str
    events: Mapping[str, EventId]
    alerts: Mapping[str, str]
    fields: Sequence[ShownField]
    claims_max: int
    hunted: tuple[Hunted, ...] = ()

    @property
    def shown(self) -> Shown:
        """What the model had in view."""
        pointers: dict[EventId, set[str]] = {}
        for one in self.fields:
            pointers.setdefault(one.event, set()).add(one.pointer)
        return Shown({event: frozenset(found) for event, found in pointers.items()}, self.hunts)

    @property
    def hunts(self) -> tuple[Hunt, ...]:
        """The hunts whose results the model had in view, in the order of their numbers."""
        return tuple(one.hunt for one in self.hunted)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """What a model answered: its text, the governed call that carried it, the model's name."""

    text: str
    call: CallId
    model: str


class ModelCaller(Protocol):
    """Calls a model through the gateway, on a path, for a purpose, with grants of its own. Never around it.

    Raises the gateway's refusal, or UpstreamError; either way the call has its entries.
    """

    async def complete(self, path: PathId, purpose: str, body: bytes) -> ModelAnswer:
        """Sends the body as it is and returns the answer's text."""
        ...


def question(
    incident: Incident,
    events: Mapping[EventId, Event],
    techniques: TechniqueTable,
    *,
    model: str,
    budget: Budget | None = None,
    task: Task = TRIAGE,
) -> Question:
    """Returns what to ask about an incident within the budget.

    Raises:
        InvalidInputError: none of the incident's events is stored, or the budget has no room for one event.
    """
    limits = budget or Budget()
    chosen: list[Event] = []
    for event in _worth(incident, events, task, limits):
        if len(chosen) == limits.events_max:
            break
        if _size(incident, [*chosen, event], techniques, limits, task) <= limits.prompt_chars_max:
            chosen.append(event)
    if not chosen:
        raise InvalidInputError(
            f"no event of incident {incident.id} fits a prompt of {limits.prompt_tokens_max} tokens",
            code="nothing-to-show",
            remedy="ingest the incident's telemetry again, or give the path a larger budget",
        )
    return _question(incident, sorted(chosen, key=lambda one: (one.at, one.id)), techniques, model, limits, task=task)


def _worth(incident: Incident, events: Mapping[EventId, Event], task: Task, limits: Budget) -> Iterator[Event]:
    """Yields events in the order in which they are worth their room: what hunts found has at most half of it."""
    found = [id_ for one in task.hunted for id_ in one.result.events[: limits.events_max]]
    fresh = list(dict.fromkeys(id_ for id_ in found if id_ in events))[: limits.events_max // 2]
    yield from (events[id_] for id_ in fresh)
    yield from (event for event in _by_weight(incident, events) if event.id not in fresh)


def _by_weight(incident: Incident, events: Mapping[EventId, Event]) -> Iterator[Event]:
    # One event of each kind of alert before a second of any, grave ones first: fifty guesses are one story.
    runs: dict[str, list[Alert]] = {}
    for alert in sorted((one for one in incident.alerts if one.matches), key=lambda one: (one.at, one.id)):
        runs.setdefault(alert.rule, []).append(alert)
    ranked = sorted(runs.values(), key=lambda run: (_rank(run[0]), run[0].at, run[0].id))
    seen: set[EventId] = set()
    # Of an alert on many events the last is the one that completed it.
    for nth, match in ((0, -1), (-1, -1), (0, 0)):
        for run in ranked:
            event = run[nth].matches[match].event
            if event in events and event not in seen:
                seen.add(event)
                yield events[event]


def _rank(alert: Alert) -> int:
    return _LEVELS.index(alert.level) if alert.level in _LEVELS else len(_LEVELS)


def _question(
    incident: Incident, chosen: Sequence[Event], techniques: TechniqueTable, model: str, limits: Budget, *, task: Task
) -> Question:
    fields = [field for event in chosen for field in _fields(incident, event, limits)]
    alerts = _alerts(incident, chosen)
    references = _references(event.id for event in chosen)
    alert_references = _references(alert.id for alert in alerts)
    shape = Shape(
        fields=fields,
        events={EventId(event): reference for event, reference in references.items()},
        alerts=alert_references,
        techniques=_tags(alerts, techniques),
        claims=limits.claims,
        grounds_max=limits.grounds_max,
        hunts=len(task.hunted),
        judges=task.judges,
    )
    body = {
        "model": model,
        "messages": _messages(incident, chosen, techniques, limits, task),
        "temperature": 0,
        "max_tokens": limits.answer_tokens_max,
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "claims",
                "strict": True,
                "schema": answer_schema(shape),
            },
        },
    }
    return Question(
        incident=incident,
        payload=msgspec.json.encode(body),
        prompt=task.prompt.version,
        events={reference: EventId(event) for event, reference in references.items()},
        alerts={reference: alert for alert, reference in alert_references.items()},
        fields=tuple(fields),
        claims_max=limits.claims_max,
        hunted=task.hunted,
    )


def _references(ids: Iterable[str]) -> dict[str, str]:
    wanted = list(dict.fromkeys(ids))
    length = REFERENCE_CHARS
    while len({one[:length] for one in wanted}) < len(wanted):
        length += 1
    return {one: one[:length] for one in wanted}


def _fields(incident: Incident, event: Event, limits: Budget) -> Iterator[ShownField]:
    fired_on = [match.pointer for alert in incident.alerts for match in alert.matches if match.event == event.id]
    named = [mention.pointer for mention in mentions(event)]
    # Relations rest on these; without them none of the model's could be verified.
    needed = [pointer for tie in Tie for pointer in support_pointers(tie, event) or ()]
    telling = list(dict.fromkeys([*fired_on[:2], *named, *fired_on]))[: limits.fields_max]
    for pointer in dict.fromkeys([*telling, *needed, TIME_POINTER]):
        value = quote_at(event, pointer)
        if value is not None and _PLAIN.fullmatch(pointer):
            yield ShownField(event=event.id, pointer=pointer, text=shown(value), value=value)


def _alerts(incident: Incident, chosen: Sequence[Event]) -> list[Alert]:
    ids = {event.id for event in chosen}
    return [alert for alert in incident.alerts if any(match.event in ids for match in alert.matches)]


def _tags(alerts: Sequence[Alert], techniques: TechniqueTable) -> list[str]:
    tagged = {technique for alert in alerts for technique in alert.techniques}
    return sorted(technique for technique in tagged if techniques.get(technique) is not None)


def _size(incident: Incident, chosen: Sequence[Event], techniques: TechniqueTable, limits: Budget, task: Task) -> int:
    return sum(len(message["content"]) for message in _messages(incident, chosen, techniques, limits, task))


def _messages(
    incident: Incident, chosen: Sequence[Event], techniques: TechniqueTable, limits: Budget, task: Task
) -> list[dict[str, str]]:
    references = _references(event.id for event in chosen)
    alerts = _alerts(incident, chosen)
    alert_references = _references(alert.id for alert in alerts)
    lines = [line for event in chosen for line in _block(incident, event, references[event.id], limits)]
    for alert in alerts:
        on = ", ".join(name for event, name in references.items() if event in alert.events)
        tags = " ".join(technique for technique in alert.techniques if techniques.get(technique) is not None)
        lines.append(f"alert {alert_references[alert.id]} on {on}: {_contained(quoted(alert.title))} {tags}".rstrip())
    for number, one in enumerate(task.hunted, start=1):
        said = _contained(msgspec.json.encode(asked_in_words(one.hunt)).decode())
        lines.append(f"hunt {number}, events {said}: {one.result.counted} found of {one.result.scanned}")
    data = "\n".join(lines)
    before, after = task.request.split(DATA)
    return [
        {"role": "system", "content": task.prompt.system},
        {"role": "user", "content": f"{before}{BEGIN}\n{data}\n{END}{after}"},
    ]


def _block(incident: Incident, event: Event, reference: str, limits: Budget) -> Iterator[str]:
    yield f"event {reference} at {rfc3339(event.at)[:19]}Z"
    for one in _fields(incident, event, limits):
        if one.pointer != TIME_POINTER:
            value = msgspec.json.encode(one.text).decode()
            yield f"{one.pointer} = {_contained(value)}"


def _contained(text: str) -> str:
    # No value can close the data block.
    return text.replace("<", "\\u003c").replace(">", "\\u003e")
