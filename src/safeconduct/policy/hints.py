"""What a set of policies holds to no effect, told only where it is proven from the text alone.

A policy is taken as a scope and the conditions that must all hold. Nothing is assumed of the values that a request may
have, so that silence proves nothing, and what is told is so for every request.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cedarpy import pst

from safeconduct.policy.sets import PolicySet, parse_statement
from safeconduct.policy.source import Statement, statements


class HintKind(StrEnum):
    """Why a policy decides nothing."""

    NEVER_HOLDS = "never-holds"  # one of its conditions is literally false
    SHADOWED = "shadowed"  # whenever it holds, another of the same effect does
    ALWAYS_FORBIDDEN = "always-forbidden"  # whenever this permit holds, a forbid does
    PERMITS_NOTHING = "permits-nothing"  # no permit is left that could allow anything


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing that is proven. `policy` is empty where it is about the whole set; `by` is the policy that shows it."""

    kind: HintKind
    policy: str
    place: tuple[int, int]
    by: str = ""

    @property
    def text(self) -> str:
        """What it means, for people."""
        return {
            HintKind.NEVER_HOLDS: f"policy {self.policy} never holds: one of its conditions is false",
            HintKind.SHADOWED: f"policy {self.policy} decides nothing: whenever it holds, {self.by} does",
            HintKind.ALWAYS_FORBIDDEN: f"policy {self.policy} permits nothing: whenever it holds, {self.by} forbids",
            HintKind.PERMITS_NOTHING: "no policy can permit anything, so every request is denied",
        }[self.kind]


Condition: TypeAlias = tuple[bool, pst.Expr]
"""An expression, and whether it must be true or false."""

Scope: TypeAlias = tuple[pst.PrincipalOrResourceConstraint, pst.ActionConstraint, pst.PrincipalOrResourceConstraint]


@dataclass(frozen=True, slots=True)
class _Policy:
    id: str
    place: tuple[int, int]
    effect: str
    scope: Scope
    conditions: frozenset[Condition]


def hints(policies: PolicySet) -> tuple[Hint, ...]:
    """Returns what is proven of a set, in its order. Errors of evaluation are left aside: they deny in any case."""
    parsed = [_read(*pair) for pair in zip(policies.ids, statements(policies.text), strict=True)]
    found = tuple(hint for number in range(len(parsed)) for hint in _of(number, parsed))
    idle = {hint.policy for hint in found if hint.kind is not HintKind.SHADOWED}
    if all(policy.effect != "permit" or policy.id in idle for policy in parsed):
        return (*found, Hint(HintKind.PERMITS_NOTHING, "", (1, 1)))
    return found


def _of(number: int, policies: Sequence[_Policy]) -> Iterator[Hint]:
    policy = policies[number]
    if any(_is_false(condition) for condition in policy.conditions):
        yield Hint(HintKind.NEVER_HOLDS, policy.id, policy.place)
        return
    for other_number, other in enumerate(policies):
        # Of two that are alike the later one is told.
        alike = _implies(policy, other) and (other_number < number or not _implies(other, policy))
        if other_number != number and alike and other.effect == policy.effect:
            yield Hint(HintKind.SHADOWED, policy.id, policy.place, other.id)
            return
        if (policy.effect, other.effect) == ("permit", "forbid") and _implies(policy, other):
            yield Hint(HintKind.ALWAYS_FORBIDDEN, policy.id, policy.place, other.id)
            return


def _implies(policy: _Policy, other: _Policy) -> bool:
    """Tells whether the other holds whenever the policy does, as far as their forms show."""
    within = all(_within(mine, theirs) for mine, theirs in zip(policy.scope, other.scope, strict=True))
    needed = {condition for condition in other.conditions if not _is_true(condition)}
    return within and needed <= policy.conditions


def _within(inner: object, outer: object) -> bool:
    if isinstance(outer, pst.ScopeAny) or inner == outer:
        return True
    if isinstance(outer, pst.ScopeIs):
        if isinstance(inner, pst.ScopeEq):
            return isinstance(inner.entity, pst.EntityUid) and inner.entity.type == outer.entity_type
        return isinstance(inner, pst.ScopeIsIn) and inner.entity_type == outer.entity_type
    if isinstance(outer, pst.ScopeIn):
        return isinstance(inner, pst.ScopeEq | pst.ScopeIsIn) and inner.entity == outer.entity
    if isinstance(outer, pst.ActionIn):
        inside = inner.entities if isinstance(inner, pst.ActionIn) else [getattr(inner, "entity", None)]
        return all(entity in outer.entities for entity in inside)
    return False


def _read(policy_id: str, statement: Statement) -> _Policy:
    parsed = parse_statement(statement)
    stated = ((isinstance(clause, pst.When), clause.expr) for clause in parsed.clauses)
    conditions = frozenset(one for wanted, expression in stated for one in _conjuncts(expression, wanted=wanted))
    scope = (parsed.principal, parsed.action, parsed.resource)
    return _Policy(policy_id, (statement.line, statement.column), parsed.effect, scope, conditions)


def _conjuncts(expression: pst.Expr, *, wanted: bool) -> Iterator[Condition]:
    """Yields what must hold each for itself: `a && b` is two conditions, and so is `unless { a || b }`."""
    if isinstance(expression, pst.UnaryOp) and expression.op == "not":
        yield from _conjuncts(expression.arg, wanted=not wanted)
    elif isinstance(expression, pst.BinaryOp) and expression.op == ("and" if wanted else "or"):
        yield from _conjuncts(expression.left, wanted=wanted)
        yield from _conjuncts(expression.right, wanted=wanted)
    else:
        yield wanted, expression


def _is_false(condition: Condition) -> bool:
    wanted, expression = condition
    return isinstance(expression, pst.BoolLit) and expression.value is not wanted


def _is_true(condition: Condition) -> bool:
    wanted, expression = condition
    return isinstance(expression, pst.BoolLit) and expression.value is wanted
