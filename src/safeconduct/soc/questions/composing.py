"""Composing the question about an incident, within its budget.

The answer's schema lists the shown events, fields and values as enums, so that a model can copy but hardly invent.
What it says is checked all the same.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EventId
from safeconduct.soc.grounding import TechniqueTable
from safeconduct.soc.model import Event, Incident
from safeconduct.soc.prompts.model import BEGIN, DATA, END
from safeconduct.soc.questions.answer_schema import Shape, answer_schema
from safeconduct.soc.questions.exhibit import Exhibit
from safeconduct.soc.questions.model import TRIAGE, Budget, Question, Task
from safeconduct.soc.questions.ordering import by_worth


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
    empty = Exhibit(incident=incident, techniques=techniques, fields_max=limits.fields_max, hunted=task.hunted)
    exhibit = _filled(empty, events, limits, task)
    return Question(
        incident=incident,
        payload=msgspec.json.encode(_body(exhibit, model, limits, task)),
        prompt=task.prompt.version,
        events={name: event for event, name in exhibit.event_names.items()},
        alerts={name: alert for alert, name in exhibit.alert_names.items()},
        fields=tuple(exhibit.fields),
        claims_max=limits.claims_max,
        hunted=task.hunted,
    )


def _filled(exhibit: Exhibit, events: Mapping[EventId, Event], limits: Budget, task: Task) -> Exhibit:
    """Returns the exhibit with the most telling events that there is room for, in the order of their times."""
    chosen: list[Event] = []
    for event in by_worth(exhibit.incident, events, task.hunted, limits.events_max):
        if len(chosen) == limits.events_max:
            break
        if _chars(exhibit.holding([*chosen, event]), task) <= limits.prompt_chars_max:
            chosen.append(event)
    if not chosen:
        raise InvalidInputError(
            f"no event of incident {exhibit.incident.id} fits a prompt of {limits.prompt_tokens_max} tokens",
            code="nothing-to-show",
            remedy="ingest the incident's telemetry again, or give the path a larger budget",
        )
    return exhibit.holding(sorted(chosen, key=lambda one: (one.at, one.id)))


def _chars(exhibit: Exhibit, task: Task) -> int:
    return sum(len(message["content"]) for message in _messages(exhibit, task))


def _messages(exhibit: Exhibit, task: Task) -> list[dict[str, str]]:
    before, after = task.request.split(DATA)
    return [
        {"role": "system", "content": task.prompt.system},
        {"role": "user", "content": f"{before}{BEGIN}\n{exhibit.text()}\n{END}{after}"},
    ]


def _body(exhibit: Exhibit, model: str, limits: Budget, task: Task) -> dict[str, Any]:
    schema = answer_schema(_shape(exhibit, limits, task))
    return {
        "model": model,
        "messages": _messages(exhibit, task),
        "temperature": 0,
        "max_tokens": limits.answer_tokens_max,
        "response_format": {"type": "json_schema", "json_schema": {"name": "claims", "strict": True, "schema": schema}},
    }


def _shape(exhibit: Exhibit, limits: Budget, task: Task) -> Shape:
    return Shape(
        fields=exhibit.fields,
        events=exhibit.event_names,
        alerts=exhibit.alert_names,
        techniques=sorted({technique for alert in exhibit.alerts for technique in exhibit.known(alert)}),
        claims=limits.claims,
        grounds_max=limits.grounds_max,
        hunts=len(task.hunted),
        judges=task.judges,
    )
