"""Reads an answer into claims, each once."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from safeconduct.kernel.ids import EventId
from safeconduct.soc.answers.items import NotAClaimError, VerdictItem, convert
from safeconduct.soc.answers.meaning import predicate_of, verdict_of
from safeconduct.soc.answers.parsing import taken_apart
from safeconduct.soc.claims import Author, AuthorKind, Claim, make_claim
from safeconduct.soc.model import Event
from safeconduct.soc.questions.model import ModelAnswer, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A part of an answer that is no claim: where (1 is the first claim, 0 the whole or the verdict), and why."""

    position: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an answer holds: claims, not yet checked, and what could not be read as one."""

    claims: tuple[Claim, ...]
    unreadable: tuple[Unreadable, ...]


def read_answer(asked: Question, answer: ModelAnswer, events: Mapping[EventId, Event]) -> Reading:
    """Returns the claims of an answer. Never raises for what the answer says."""
    author = Author(kind=AuthorKind.MODEL, name=_name(answer.model), version=asked.prompt, call=answer.call)
    answered = taken_apart(answer.text)
    problems = [Unreadable(position=0, code=answered.problem)] if answered.problem else []
    if len(answered.items) > asked.claims_max:
        problems.append(Unreadable(position=asked.claims_max + 1, code="too-many-claims"))
    claims: dict[int, Claim] = {}
    for position, (form, item) in enumerate(answered.items[: asked.claims_max], start=1):
        try:
            claim = make_claim(asked.incident.id, author, predicate_of(convert(item, form), asked, events))
            claims[position] = _apart(claim, claims.values())
        except NotAClaimError as error:
            problems.append(Unreadable(position=position, code=error.code))
    made = list(dict.fromkeys(claims.values()))
    if answered.verdict is not None:
        try:
            made.append(
                make_claim(asked.incident.id, author, verdict_of(convert(answered.verdict, VerdictItem), claims))
            )
        except NotAClaimError as error:
            problems.append(Unreadable(position=0, code=error.code))
    return Reading(claims=tuple(made), unreadable=tuple(problems))


def _apart(claim: Claim, others: Iterable[Claim]) -> Claim:
    """Returns the claim, with a serial of its own if another says something else about the same fields."""
    found = claim
    while any(other.id == found.id and other.predicate != found.predicate for other in others):
        found = make_claim(claim.incident, claim.author, claim.predicate, serial=found.serial + 1)
    return found


def _name(model: str) -> str:
    # A model's name comes from its server: it is a name here, whatever it says.
    return re.sub(r"[^A-Za-z0-9._:/@+-]", "-", model).lstrip("._:/@+-")[:64] or "unnamed"
