"""The AuthZEN Authorization API 1.0 (OpenID): others ask whether somebody may call on a path.

Answers are those of the decision point that calls are decided by; what a request says of itself never widens them.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from safeconduct.access.evaluating import Evaluation
from safeconduct.access.model.parties import Role
from safeconduct.access.reading_rights import Reader
from safeconduct.http.control.asking import Asked
from safeconduct.http.control.callers import AskingCaller
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.declared import JSON, kind_of
from safeconduct.http.control.frame import answer
from safeconduct.kernel.decisions import Decision
from safeconduct.kernel.errors import InvalidInputError, RefusedError, TooLargeError

router = APIRouter(tags=["authzen"])

EVALUATIONS_MAX = 100
"""Evaluations in one request: some 50 ms of deciding, which others wait for."""

BODY_BYTES_MAX = 64 * 1024
"""Bytes of a request: 100 evaluations, each with a context of its own. Answers repeat what they refuse, each time."""

REQUEST_ID = "x-request-id"
REQUEST_ID_LENGTH_MAX = 128
"""Characters of a request's id that are given back; a longer one is left out."""

T = TypeVar("T")


class Semantics(StrEnum):
    """After which decision the rest is left undecided (section 7.1.2.1 of the API)."""

    ALL = "execute_all"
    FIRST_DENY = "deny_on_first_deny"
    FIRST_PERMIT = "permit_on_first_permit"


class Entity(msgspec.Struct, frozen=True):
    """A subject or a resource. Further properties are not looked at."""

    type: str
    id: str


class Act(msgspec.Struct, frozen=True):
    """An action."""

    name: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation, or what several have in common."""

    subject: Entity | None = None
    action: Act | None = None
    resource: Entity | None = None
    context: dict[str, Any] | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How several are gone through."""

    evaluations_semantic: Semantics = Semantics.ALL


class Questions(Question, frozen=True, kw_only=True):
    """Several evaluations; each takes from the request what it doesn't say itself."""

    evaluations: list[Question] = []
    options: Options = Options()


def asking(request: Request, asked: AskingCaller) -> Asked[Any]:
    """Returns who asks, and the evaluations that the route takes.

    Raises:
        UnauthenticatedError: as `asking_caller`.
        TooLargeError: the body is over BODY_BYTES_MAX.
        InvalidInputError: `evaluation-invalid`.
    """
    if len(asked.body) > BODY_BYTES_MAX:
        raise TooLargeError(f"expected evaluations of at most {BODY_BYTES_MAX} bytes, got {len(asked.body)}")
    try:
        body = msgspec.json.decode(asked.body, type=kind_of(request.scope["route"].endpoint))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInputError(f"the request is no evaluation: {error}", code="evaluation-invalid") from error
    return Asked(asked.reader, body)


Asking = Annotated[Asked[T], Depends(asking), JSON]


@router.post("/access/v1/evaluation")
async def evaluate(request: Request, asked: Asking[Question], control: Installation) -> Response:
    """Decides whether a subject may do something to a resource (AuthZEN Access Evaluation)."""
    (decided,) = await _decided(control, [_checked(asked.body, asked.reader)], Semantics.ALL)
    return _answer(request, _shown(decided))


@router.post("/access/v1/evaluations")
async def evaluate_several(request: Request, asked: Asking[Questions], control: Installation) -> Response:
    """Decides several evaluations, each with what the request has in common (AuthZEN Access Evaluations)."""
    body = asked.body
    if len(body.evaluations) > EVALUATIONS_MAX:
        raise TooLargeError(f"expected at most {EVALUATIONS_MAX} evaluations, got {len(body.evaluations)}")
    questions = [_checked(_joined(body, one), asked.reader) for one in body.evaluations or [body]]
    shown = [_shown(one) for one in await _decided(control, questions, body.options.evaluations_semantic)]
    return _answer(request, {"evaluations": shown} if body.evaluations else shown[0])


@router.get("/.well-known/authzen-configuration")
def configuration(request: Request, control: Installation) -> Response:
    """Returns where the AuthZEN endpoints are. Anybody may ask."""
    base = (control.lists_url or str(request.base_url)).rstrip("/")
    return answer(
        {
            "policy_decision_point": base,
            "access_evaluation_endpoint": f"{base}/access/v1/evaluation",
            "access_evaluations_endpoint": f"{base}/access/v1/evaluations",
        }
    )


def _joined(common: Question, own: Question) -> Question:
    return Question(
        subject=own.subject or common.subject,
        action=own.action or common.action,
        resource=own.resource or common.resource,
        context=own.context if own.context is not None else common.context,
    )


async def _decided(control: Control, questions: Sequence[Evaluation], semantics: Semantics) -> list[Decision]:
    """Decides in a thread. What that permits is by a fresh reading, what it denies by one of after the request.

    Raises:
        UnavailableError: as `InForce.fresh`, and as `InForce.newest`.
    """
    now, known = control.clock.now(), control.in_force

    def decide() -> list[Decision]:
        return list(_up_to_last((control.decisions.evaluate(one, now) for one in questions), semantics))

    epoch = known.standing().epoch
    decided = await asyncio.to_thread(decide)
    if not all(one.allowed for one in decided):
        await known.newest()
    unchanged = (await known.fresh()).epoch == epoch
    return decided if unchanged else await asyncio.to_thread(decide)


def _checked(question: Question, reader: Reader) -> Evaluation:
    subject, action, resource = question.subject, question.action, question.resource
    if subject is None or action is None or resource is None:
        missing = [name for name in ("subject", "action", "resource") if getattr(question, name) is None]
        raise InvalidInputError(f"the evaluation has no {', '.join(missing)}", code="evaluation-invalid")
    if reader.principal != subject.id and not reader.has(frozenset({Role.ADMINISTRATOR})):
        raise RefusedError(
            f"{reader.principal} asks about {subject.id[:64]!r}, and may ask about itself",
            code="not-about-yourself",
            clause=f"principal:{reader.principal}/roles",
            remedy="an administrator may ask about everybody",
        )
    return Evaluation(
        subject_type=subject.type,
        subject=subject.id,
        action=action.name,
        resource_type=resource.type,
        resource=resource.id,
        context=question.context or {},
    )


def _up_to_last(decisions: Iterable[Decision], semantics: Semantics) -> Iterator[Decision]:
    last = {Semantics.ALL: None, Semantics.FIRST_DENY: False, Semantics.FIRST_PERMIT: True}[semantics]
    for decision in decisions:
        yield decision
        if decision.allowed is last:
            return


def _shown(decision: Decision) -> Mapping[str, Any]:
    return {
        "decision": decision.allowed,
        "context": {"reasons": decision.reasons, "determining": decision.determining},
    }


def _answer(request: Request, document: Mapping[str, Any]) -> Response:
    response = answer(document)
    given = request.headers.get(REQUEST_ID, "")
    if given.isascii() and given.isprintable() and 0 < len(given) <= REQUEST_ID_LENGTH_MAX:
        response.headers[REQUEST_ID] = given
    return response
