"""The decision point. Deny unless a policy permits, none forbids, and the engine had no trouble with any of them."""

import re

import cedarpy
import msgspec

from safeconduct.kernel.canonical import JSONValue
from safeconduct.kernel.decisions import Decision, Effect, Reason
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.policy.entities import Entities, Part
from safeconduct.policy.model import EntityUid, PolicyRequest, encode_record, encode_uid, references
from safeconduct.policy.sets import PolicySet

DECISIONS_KEPT_MAX = 8192
"""Decisions that a memo keeps, at about 1 KB each: a hot set of 200 principals on 20 paths fits twice."""

_MENDED = "an administrator mends the policies of the program: any doubt of the engine denies"
_PERMITTED = "ask as a policy of `safeconduct path show` permits, or an administrator applies a program that permits it"
_NOT_FORBIDDEN = "ask so that its condition does not hold, or an administrator applies a program without it"

_POLICY_NUMBER = re.compile(r"`policy(\d+)`")


def decide(policies: PolicySet, request: PolicyRequest, entities: Entities) -> Decision:
    """Decides a request. Pure: equal arguments give equal decisions.

    The reasons of a deny name the policies that forbade it, or say that none permitted it. Any engine error denies:
    Cedar itself skips a policy that fails to evaluate, so that a `forbid` over a missing attribute would not forbid.
    """
    part = reached(policies, request, entities)
    missing = None if part.whole else _absent(request, part)
    if missing is not None:
        text = f"{missing} is not in the entity store"
        return Decision(Effect.DENY, (Reason("entity-missing", str(missing), text, _MENDED),), errors=(text,))
    answer = cedarpy.is_authorized(_encoded(request), policies.handle, part.handle)
    determining = tuple(policies.ids[int(number.removeprefix("policy"))] for number in answer.diagnostics.reasons)
    errors = tuple(_with_ids(error, policies) for error in answer.diagnostics.errors)
    if errors or answer.decision is cedarpy.Decision.NoDecision:
        return _failed(determining, errors or ("the engine gave no decision",))
    if answer.decision is cedarpy.Decision.Allow:
        return Decision(Effect.ALLOW, determining=tuple(sorted(determining)))
    return Decision(Effect.DENY, _reasons(determining), tuple(sorted(determining)))


class DecisionMemo:
    """Remembers decisions by all they depend on: policies, what can be reached of the entities, what is asked.

    Of the context that is what these policies can tell apart (policy/views.py).

    It can't be stale: there is no clock in a request (a context says `window_open`, never `now`).
    """

    def __init__(self, kept_max: int = DECISIONS_KEPT_MAX) -> None:
        self._kept: dict[tuple[object, ...], Decision] = {}
        self._kept_max = kept_max

    def decide(self, policies: PolicySet, request: PolicyRequest, entities: Entities) -> Decision:
        """Returns what `decide` returns."""
        part = reached(policies, request, entities)
        named = request.principal, request.action, request.resource
        seen = policies.views.seen(request.context, entities.attributes(request.resource))
        key = (policies.digest, part.digest, named, seen)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = decide(policies, request, entities)
            if len(self._kept) > self._kept_max:
                del self._kept[next(iter(self._kept))]  # the oldest
        return found

    def __len__(self) -> int:
        return len(self._kept)


def reached(policies: PolicySet, request: PolicyRequest, entities: Entities) -> Part:
    """Returns all of the entities that the decision on a request can depend on."""
    named = (request.principal, request.action, request.resource)
    return entities.part(references(request.context).union(named, policies.mentions), request.resource)


def _absent(request: PolicyRequest, part: Part) -> EntityUid | None:
    named = {request.principal, request.resource} | references(request.context)
    return min((uid for uid in named if part.members[uid] is None), default=None)


def _encoded(request: PolicyRequest) -> dict[str, JSONValue]:
    return {
        "principal": encode_uid(request.principal),
        "action": encode_uid(request.action),
        "resource": encode_uid(request.resource),
        "context": _json(encode_record(request.context)),
    }


def _json(context: dict[str, JSONValue]) -> str:
    try:
        return msgspec.json.encode(context).decode()
    except UnicodeEncodeError as error:
        raise InvalidInputError("the request holds a lone surrogate, which has no UTF-8 form") from error


def _failed(determining: tuple[str, ...], errors: tuple[str, ...]) -> Decision:
    told = (f"a policy could not be evaluated: {error}" for error in errors)
    reasons = tuple(Reason("policy-error", "policies", text, _MENDED) for text in told)
    return Decision(Effect.DENY, reasons, tuple(sorted(determining)), errors)


def _reasons(forbidding: tuple[str, ...]) -> tuple[Reason, ...]:
    if not forbidding:
        return (Reason("no-policy-permits", "policies", "no policy permits this", _PERMITTED),)
    return tuple(
        Reason("policy-forbids", f"policy:{policy_id}", f"policy {policy_id} forbids this", _NOT_FORBIDDEN)
        for policy_id in sorted(forbidding)
    )


def _with_ids(error: str, policies: PolicySet) -> str:
    names = {str(number): policy_id for number, policy_id in enumerate(policies.ids)}
    return _POLICY_NUMBER.sub(lambda match: f"`{names.get(match[1], match[0])}`", error)
