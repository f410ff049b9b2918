"""Tests of policies: what is expected of a decision, held against what it is, and what no test ever reached."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from safeconduct.kernel.decisions import Decision, Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a test says of its decision; None where it says nothing. `reasons` are codes, `determining` policies."""

    effect: Effect
    reasons: frozenset[str] | None = None
    determining: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One test and what came of it. `wrong` has a line for each expectation that was not met."""

    name: str
    decision: Decision
    wrong: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Tells whether everything was as expected."""
        return not self.wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """All tests of one set of policies. `unreached` are the policies that determined no decision of theirs."""

    tried: tuple[Tried, ...]
    unreached: tuple[str, ...]

    @property
    def failed(self) -> int:
        """How many tests were not as expected."""
        return sum(not one.passed for one in self.tried)


def held_against(name: str, expected: Expected, decision: Decision) -> Tried:
    """Holds a decision against what is expected of it."""
    return Tried(name=name, decision=decision, wrong=tuple(_wrong(expected, decision)))


def rehearsal(policy_ids: Sequence[str], tried: Iterable[Tried]) -> Rehearsal:
    """Returns what tests of a set of policies show."""
    tried = tuple(tried)
    reached = {policy for one in tried for policy in one.decision.determining}
    return Rehearsal(tried=tried, unreached=tuple(one for one in policy_ids if one not in reached))


def _wrong(expected: Expected, decision: Decision) -> Iterator[str]:
    effect = Effect.ALLOW if decision.allowed else Effect.DENY
    if effect is not expected.effect:
        yield f"expected {expected.effect}, got {effect}{_because(decision)}"
    reasons = frozenset(reason.code for reason in decision.reasons)
    if expected.reasons is not None and reasons != expected.reasons:
        yield f"expected reasons {_listed(expected.reasons)}, got {_listed(reasons)}"
    determining = frozenset(decision.determining)
    if expected.determining is not None and determining != expected.determining:
        yield f"expected to be determined by {_listed(expected.determining)}, got {_listed(determining)}"


def _because(decision: Decision) -> str:
    told = "; ".join(f"{reason.code} ({reason.clause}): {reason.text}" for reason in decision.reasons)
    return f": {told}" if told else ""


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
