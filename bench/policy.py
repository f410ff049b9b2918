"""What deciding a call costs in the policy engine, and what one more grant costs, where there are many of all."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import cedarpy

from safeconduct.access import authorization as cedar
from safeconduct.access import records as kept
from safeconduct.access.compiling import compile_standing
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.programs import Policies
from safeconduct.access.standing import Standing
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.decisions import Decision
from safeconduct.kernel.ids import GrantId, PathId, PrincipalId
from safeconduct.kernel.ports import State
from safeconduct.policy import DecisionMemo, Entities, PolicyRequest, PolicySet, decide
from safeconduct.policy.model import encode_record, encode_uid
from support.immediate import START  # type: ignore[import-not-found]
from support.programs import in_force  # type: ignore[import-not-found]

POLICIES = 50
PATHS = 20
PRINCIPALS = 2_000
ENTITIES = 10_000
GRANTS_MANY = 100_000
CALLERS = 500  # that take turns, each asked about `ROUNDS` times
ROUNDS = 12
PATCHES = 200
METHOD = (
    f"{POLICIES} policies (the default ones, and others of 8 terms that all are about calls), {ENTITIES:,} entities,"
    f" {CALLERS} callers in turn, each {ROUNDS} times, the first of which does not count; CPU of this process, no memo."
    " `decision` is the decision point by itself, `authorize` all of step 6 (facts, floor, decision), `memo` the same"
    " with decisions remembered, `bare` one call of the engine with all entities parsed before and the request as text,"
    " in the same run, in turns. `over_bare` divides the medians"
)
PATCH_METHOD = (
    f"at {GRANTS_MANY:,} grants of {PRINCIPALS:,} principals: a grant is put into the records, or taken out, and the"
    f" standing follows; CPU, {PATCHES} of each"
)


@dataclass(frozen=True)
class House:
    """A standing, and who calls."""

    state: State
    standing: Standing
    asked: Sequence[CallRequest]


def rows() -> list[dict[str, Any]]:
    """Measures, and returns the rows of docs/benchmarks.md."""
    small, large = house(ENTITIES - PRINCIPALS - PATHS), house(GRANTS_MANY)
    found = [*_decisions(small, ""), *_decisions(large, ".many_grants")]
    return [*found, *_patches(large)]


def house(grants: int) -> House:
    """Returns a program in force with so many grants, put into its records."""
    state = in_force().state
    path, principal = state.get(kept.PATHS, "soc-triage"), state.get(kept.PRINCIPALS, "triage-service")
    grant = state.get(kept.GRANTS, "service-triage")
    assert path is not None
    assert principal is not None
    assert grant is not None
    for number in range(PATHS):
        state.put(kept.PATHS, f"p-{number}", replace(path, id=PathId(f"p-{number}")))
    for number in range(PRINCIPALS):
        state.put(kept.PRINCIPALS, f"c-{number}", replace(principal, id=PrincipalId(f"c-{number}")))
    for number in range(grants):
        state.put(kept.GRANTS, f"g-{number}", _grant(grant, number))
    state.put(kept.POLICIES, kept.POLICIES_KEY, Policies(text=policies()))
    asked = [
        CallRequest(
            principal=PrincipalId(f"c-{number}"),
            path=PathId("p-0"),
            purpose=grant.purpose,
            model=path.models[0],
            grant=GrantId(f"g-{number}"),
            now=START,
        )
        for number in range(CALLERS)
    ]
    return House(state, compile_standing(state), asked)


def _grant(like: Grant, number: int) -> Grant:
    """Returns one of many: a principal holds those of one path after the other, more than one where there are many."""
    principal, path = PrincipalId(f"c-{number % PRINCIPALS}"), PathId(f"p-{number // PRINCIPALS % PATHS}")
    return replace(like, id=GrantId(f"g-{number}"), principal=principal, path=path)


def policies() -> str:
    """Returns the default policies and as many more as make 50: conditions of several terms on calls."""
    own = cedar.default_policies()
    count = len(cedar.compile_policies(own).ids)
    return own + "".join(_policy(number) for number in range(POLICIES - count))


def _policy(number: int) -> str:
    effect = "forbid" if number % 5 == 0 else "permit"
    return f"""
@id("more-{number}") {effect} (principal, action == Action::"call", resource is Path)
when {{
  context.window_open && context.agreement_valid && !context.frozen &&
  context.grant.path == resource && context.grant.principal == principal &&
  resource.purpose == "purpose-{number}" && context.model == "model-{number}" &&
  !context.targets_outside.isEmpty()
}};
"""


def _decisions(house: House, of: str) -> list[dict[str, Any]]:
    standing, memo = house.standing, DecisionMemo()
    asks = [_engine_request(standing, request) for request in house.asked]
    bare = _bare(standing) if not of else None
    ways: dict[str, Callable[[int], object]] = {
        "decision": lambda number: decide(standing.policies, asks[number], standing.entities),
        "authorize": lambda number: standing.authorize(house.asked[number]),
        "memo": lambda number: standing.authorize(house.asked[number], memo.decide),
    }
    if bare is not None:
        encoded = [_encoded(one) for one in asks]
        ways["bare"] = lambda number: bare(encoded[number])
    took = _in_turns(ways)
    found = [
        _row(f"policy.{name}_p50_us{of}", median(samples), "us", METHOD, samples) for name, samples in took.items()
    ]
    if bare is not None:
        found.append(_row("policy.over_bare", median(took["decision"]) / median(took["bare"]), "", METHOD, []))
    return found


def _engine_request(standing: Standing, request: CallRequest) -> PolicyRequest:
    """Returns what step 6 asks the engine, by listening to it."""
    heard: list[PolicyRequest] = []

    def listening(policies: PolicySet, asked: PolicyRequest, entities: Entities) -> Decision:
        heard.append(asked)
        return decide(policies, asked, entities)

    decision, _ = standing.authorize(request, listening)
    if not decision.allowed:
        raise RuntimeError(f"the measured call is to be allowed, got {decision}")
    return heard[0]


def _encoded(request: PolicyRequest) -> dict[str, Any]:
    return {
        "principal": encode_uid(request.principal),
        "action": encode_uid(request.action),
        "resource": encode_uid(request.resource),
        "context": canonical(encode_record(request.context)).decode(),
    }


def _bare(standing: Standing) -> Callable[[dict[str, Any]], object]:
    """Returns the engine's own call over all entities, which are parsed before."""
    everything = standing.entities.part(frozenset(standing.entities.compiled)).handle
    return lambda request: cedarpy.is_authorized(request, standing.policies.handle, everything)


def _in_turns(ways: Mapping[str, Callable[[int], object]]) -> dict[str, list[float]]:
    """Returns the microseconds of CPU that each way took each time, without those of the first round."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(ROUNDS):
        for number in range(CALLERS):
            for name, way in ways.items():
                began = time.thread_time_ns()
                way(number)
                if round_:
                    took[name].append((time.thread_time_ns() - began) / 1000)
    return took


def _patches(house: House) -> list[dict[str, Any]]:
    """Issues a grant and takes it away again, many times."""
    state, standing = house.state, house.standing
    ((_, like),) = state.scan(kept.GRANTS, "service-triage")
    more, less = list[float](), list[float]()
    for number in range(PATCHES):
        grant = replace(_grant(like, number), id=GrantId(f"more-{number}"))
        state.put(kept.ISSUED_GRANTS, grant.id, grant)
        standing = _followed(state, standing, grant.id, more)
        state.delete(kept.ISSUED_GRANTS, grant.id)
        standing = _followed(state, standing, grant.id, less)
    return [
        _row("policy.grant_more_ms", median(more), "ms", PATCH_METHOD, more),
        _row("policy.grant_less_ms", median(less), "ms", PATCH_METHOD, less),
    ]


def _followed(state: State, standing: Standing, grant: str, took: list[float]) -> Standing:
    kept.advance_epoch(state, {(kept.ISSUED_GRANTS.name, grant)})
    began = time.thread_time_ns()
    after = compile_standing(state, standing)
    took.append((time.thread_time_ns() - began) / 1_000_000)
    return after


def _row(name: str, value: float, unit: str, method: str, samples: Sequence[float]) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "method": method, "samples": list(samples)}
