"""What a version brings about an incident: the model is asked as it would be in earnest, and the claims are checked.

Nothing of it becomes a claim about the incident: a trial is no triage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from safeconduct.kernel.errors import SafeconductError
from safeconduct.soc.grounding import Context
from safeconduct.soc.hunting_service import Telemetry, hunt
from safeconduct.soc.predicates import Judgment, Verdict
from safeconduct.soc.prompts.model import Prompt, PromptKind
from safeconduct.soc.questions.model import ModelCaller, Task
from safeconduct.soc.triage_service import Answered, Asking, ask
from safeconduct.soc.trials.model import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An incident, its telemetry with the sources in it, and whom to ask about it."""

    whole: Context
    telemetry: Telemetry
    sources: Sequence[str]
    caller: ModelCaller
    asking: Asking


async def answer_in(subject: Subject, prompt: Prompt) -> Answer:
    """Returns what a prompt brings, without what it took: that is in the calls' outcomes. Raises for no refusal."""
    try:
        if prompt.kind is PromptKind.HUNT:
            return await _hunted(subject, prompt)
        return _told(await ask(subject.whole, subject.caller, subject.asking, Task(prompt=prompt)))
    except SafeconductError as error:
        return Answer(failed=error.code, calls=_named(error.call))


async def _hunted(subject: Subject, prompt: Prompt) -> Answer:
    done = await hunt(subject.whole, subject.telemetry, subject.caller, subject.asking, subject.sources, prompt=prompt)
    first = (str(done.answer.call),)
    if done.failed is not None:
        return Answer(failed=done.failed.code, calls=first + _named(done.failed.call))
    problems = len(done.proposed.problems)
    if done.answered is None:
        return Answer(calls=first, unreadable=problems)
    return _told(done.answered, before=first, unreadable=problems)


def _told(answered: Answered, *, before: tuple[str, ...] = (), unreadable: int = 0) -> Answer:
    return Answer(
        calls=(*before, str(answered.answer.call)),
        claims=len(answered.claims),
        verified=sum(one.verified for one in answered.claims),
        unreadable=unreadable + len(answered.reading.unreadable),
        judgment=_judgment(answered),
    )


def _judgment(answered: Answered) -> Judgment | None:
    verdicts = (one.claim.predicate for one in answered.claims)
    return next((one.judgment for one in verdicts if isinstance(one, Verdict)), None)


def _named(call: str) -> tuple[str, ...]:
    return (call,) if call else ()
