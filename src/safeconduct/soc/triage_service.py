"""Triage of one incident: the rules' summary, and beside it what a model claims. The second can't change the first."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.kernel.ids import EventId, PathId
from safeconduct.soc.answers import Reading, read_answer
from safeconduct.soc.grounding import CheckedClaim, Context, TechniqueTable, check_all
from safeconduct.soc.model import Event, Incident
from safeconduct.soc.summary import Summary, rule_context, summarize
from safeconduct.soc.triage import Budget, ModelAnswer, ModelCaller, Question, question


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """What is known of an incident. `rules` and `summary` are there whatever the model did."""

    summary: Summary
    rules: tuple[CheckedClaim, ...]
    asked: Question
    answer: ModelAnswer
    reading: Reading
    model: tuple[CheckedClaim, ...]


async def triage(
    incident: Incident,
    events: Mapping[EventId, Event],
    techniques: TechniqueTable,
    caller: ModelCaller,
    *,
    path: PathId,
    purpose: str,
    model: str,
    budget: Budget | None = None,
) -> Triage:
    """Asks a model about an incident and checks what it says.

    Raises:
        InvalidInputError: nothing of the incident can be shown.
        SafeconductError: what the gateway answered instead; `summarize` needs no model and can be shown alone.
    """
    rules = rule_context(incident, events, techniques)
    summary, checked = summarize(rules)
    asked = question(incident, events, techniques, model=model, budget=budget)
    answer = await caller.complete(path, purpose, asked.payload)
    reading = read_answer(asked, answer, events)
    context = Context(incident=incident, events=events, shown=asked.shown, techniques=techniques)
    return Triage(
        summary=summary,
        rules=checked,
        asked=asked,
        answer=answer,
        reading=reading,
        model=check_all(reading.claims, context),
    )
