"""Whether somebody may call on a path, asked by others in the terms of the AuthZEN Authorization API 1.0.

All that is said of subject and resource beyond their names is left aside: what they are stands in the program, and
nobody widens it by asking.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

import msgspec

from safeconduct.access.authorization import CALL
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.standing import Standing
from safeconduct.access.target_rules import Place
from safeconduct.kernel.decisions import Decision, Effect, Reason
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import GrantId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant

SUBJECT, RESOURCE = "principal", "path"
"""The types there are of a subject and of a resource."""

TARGETS_ASKED_MAX = 256
"""Targets in one context. Up to a hundred evaluations may have it in common, and each looks at all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """May this subject do this to this resource, in this context?"""

    subject_type: str
    subject: str
    action: str
    resource_type: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)


class DecisionPoint(Protocol):
    """What answers. Equal questions about the same standing at the same instant get equal answers."""

    def evaluate(self, asked: Evaluation, now: Instant) -> Decision:
        """Decides. What is not known is denied.

        Raises:
            InvalidInputError: the context is not what it must be.
        """
        ...


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What of a context we know; the rest is the asker's own. Purpose and model are the path's unless said."""

    purpose: str = ""
    model: str = ""
    grant: str = ""
    targets: Annotated[tuple[str, ...], msgspec.Meta(max_length=TARGETS_ASKED_MAX)] = ()
    data_classes: tuple[str, ...] = ("unlabeled",)


class AccessPoint:
    """`DecisionPoint` on the standing in force: with floor and policies, as a call at this instant would be decided."""

    def __init__(self, standing: Callable[[], Standing]) -> None:
        self._standing = standing

    def evaluate(self, asked: Evaluation, now: Instant) -> Decision:
        """Decides. `context-invalid` where a name of the context that we know has a value of another type."""
        if (asked.subject_type, asked.action, asked.resource_type) != (SUBJECT, CALL.id, RESOURCE):
            text = f"what is known here is: {SUBJECT} NAME may {CALL.id} {RESOURCE} NAME"
            return Decision(Effect.DENY, (Reason("evaluation-unknown", "request", text, "ask in these terms"),))
        said = _said(asked.context)
        standing = self._standing()
        path = standing.path(PathId(asked.resource))
        request = CallRequest(
            principal=PrincipalId(asked.subject),
            path=PathId(asked.resource),
            purpose=said.purpose or (path.purpose if path else ""),
            model=said.model or (path.models[0] if path else ""),
            now=now,
            grant=GrantId(said.grant) if said.grant else None,
            targets=dict.fromkeys(said.targets, Place.ARGUMENT),
            data_classes=said.data_classes,
        )
        return standing.authorize(request)[0]


def _said(context: Mapping[str, Any]) -> _Asked:
    try:
        return msgspec.convert(context, _Asked)
    except msgspec.ValidationError as error:
        raise InvalidInputError(
            f"the context is not what a call has: {error}",
            code="context-invalid",
            remedy="docs/spec/policy.md section 6 lists what a context may say",
        ) from error
