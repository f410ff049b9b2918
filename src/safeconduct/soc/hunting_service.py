"""A model hunts about an incident: it proposes, the hunts are run within bounds, and it claims what they show."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import CallId, EventId
from safeconduct.soc.grounding import Context
from safeconduct.soc.hunts.model import Hunt
from safeconduct.soc.model_hunts import HUNTS_MAX, Proposed, proposing, read_proposals
from safeconduct.soc.prompts.model import Prompt
from safeconduct.soc.questions.composing import question
from safeconduct.soc.questions.model import Hunted, ModelAnswer, ModelCaller, Task
from safeconduct.soc.triage_service import Answered, Asking, ask

EVENTS_SEEN_MAX = 64
"""Events of one hunt that are read to be shown: more than any prompt has room for."""


class Telemetry(Protocol):
    """The telemetry that an incident is of, as a server that has more to do asks it."""

    async def hunted(self, hunts: Sequence[Hunt], call: CallId) -> tuple[tuple[Hunted, ...], tuple[str, ...]]:
        """Returns the hunts that got an answer, with it, and the codes of those that got none.

        `call` is the governed call on which they were proposed. A hunt may be answered over more than it asked for; its
        answer says so.
        """
        ...

    async def seeing(self, events: Collection[EventId]) -> Context:
        """Returns the view of rules with further events."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunting:
    """What a model proposed to hunt for, what was run and found, and what it claims of that.

    `sent` are the bytes of the first question. `answered` is None where no hunt got an answer, for then there was
    nothing more to ask, and where the second question got none: then `failed` says why.
    """

    sent: bytes
    answer: ModelAnswer
    proposed: Proposed
    hunted: tuple[Hunted, ...]
    unanswered: tuple[str, ...]
    answered: Answered | None
    failed: SafeconductError | None


async def hunt(
    whole: Context,
    telemetry: Telemetry,
    caller: ModelCaller,
    asking: Asking,
    sources: Sequence[str],
    *,
    prompt: Prompt,
) -> Hunting:
    """Has a model propose hunts, runs them within their bounds, and asks it what they show.

    Two governed calls, the second only if a hunt got an answer.

    Raises:
        InvalidInputError: nothing of the incident can be shown.
        SafeconductError: what the gateway answered to the first question.
    """
    limits = asking.budget
    task = Task(prompt=prompt)
    asked = question(whole.incident, whole.events, whole.techniques, model=asking.model, budget=limits, task=task)
    sent = proposing(asked, sources)
    answer = await caller.complete(asking.path, asking.purpose, sent)
    proposed = read_proposals(answer.text, whole.incident, sources)
    hunted, unanswered = await telemetry.hunted(proposed.hunts, answer.call)
    answered, failed = await _asked(hunted, telemetry, caller, asking, prompt) if hunted else (None, None)
    return Hunting(
        sent=sent,
        answer=answer,
        proposed=proposed,
        hunted=hunted,
        unanswered=unanswered,
        answered=answered,
        failed=failed,
    )


async def _asked(
    hunted: tuple[Hunted, ...],
    telemetry: Telemetry,
    caller: ModelCaller,
    asking: Asking,
    prompt: Prompt,
) -> tuple[Answered | None, SafeconductError | None]:
    found = [id_ for one in hunted for id_ in one.result.events[:EVENTS_SEEN_MAX]]
    context = await telemetry.seeing(found)
    claims = {**asking.budget.claims, "absences": (0, HUNTS_MAX), "tallies": (0, HUNTS_MAX)}
    wider = replace(asking, budget=replace(asking.budget, claims=claims))
    try:
        return await ask(context, caller, wider, Task(prompt=prompt, hunted=hunted)), None
    except SafeconductError as error:
        return None, error
