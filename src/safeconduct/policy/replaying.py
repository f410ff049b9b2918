"""Replay: calls that were decided, decided again under a proposed set of policies. Pure over a port of stored facts.

Each call is first decided under the set that decided it then. What comes out must be what its entry says: else the
facts are not those of the decision, or the decision was none of these policies', and the replay says so.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from safeconduct.kernel.decisions import Decision
from safeconduct.kernel.instants import Instant
from safeconduct.policy.decide import DecisionMemo
from safeconduct.policy.entities import Entities
from safeconduct.policy.model import EntityUid, PolicyRequest, references
from safeconduct.policy.opaque import EVERYTHING, looked_into
from safeconduct.policy.sets import PolicySet

POLICY_CODES = frozenset({"policy-forbids", "no-policy-permits", "policy-error", "entity-missing"})
"""The reasons that policies give. All others are the floor's, which no policy changes."""

PEOPLE_SHOWN_MAX = 50
"""Principals that are named of each kind of change, those with most calls first; the rest are counted."""


class Why(StrEnum):
    """Why a call can't be replayed."""

    FACTS = "facts-dropped"  # what policies saw then is not kept any more
    POLICIES = "policies-unknown"  # the text that decided it is not known here
    TARGETS = "targets-sealed"  # a policy asks for names of targets, which the entry counts and does not name
    DESTROYED = "destroyed"  # its sealed fields were ordered to be destroyed, and what they said goes with them
    UNSTATED = "not-recorded"  # its entry says too little: it is of an earlier release
    UNRECORDED = "unrecorded"  # refused beyond the rate at which refusals get entries


class Change(StrEnum):
    """What a proposed set does to a call."""

    TO_DENY = "allow-to-deny"
    TO_ALLOW = "deny-to-allow"
    REASONS = "other-reasons"
    NONE = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A call as it was decided. `floor` are the codes that stood against it and are no policy's.

    Sets in the context whose members are not known hold as many placeholders; they are named in `opaque`.
    """

    call: str
    at: Instant
    request: PolicyRequest
    epoch: int
    policies: str
    opaque: frozenset[str]
    floor: frozenset[str]
    codes: frozenset[str]
    determining: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReplayed:
    """A call, or several of which only the number is known, that can't be replayed."""

    call: str
    why: Why
    count: int = 1


class Facts(Protocol):
    """What was stored when calls were decided."""

    def policies(self, digest: str) -> PolicySet | None:
        """Returns the set that had this digest; None where its text is not known."""
        ...

    def entities(self, roots: frozenset[EntityUid], epoch: int) -> Entities:
        """Returns a store with all that could be reached from these at an epoch, as far as it is kept.

        Equal stores are the same object, so that what is made of one is made once.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One call under the proposed set."""

    call: Decided
    change: Change
    after: Decision
    agrees: bool  # the recorded set gave what is recorded


@dataclass(slots=True)
class Tally:
    """Calls of one kind: how many, whose, and the first of them."""

    count: int = 0
    people: Counter[str] = field(default_factory=Counter)
    first: Outcome | None = None

    def add(self, outcome: Outcome) -> None:
        """Counts one."""
        self.count += 1
        self.people[outcome.call.request.principal.id] += 1
        if self.first is None or outcome.call.call < self.first.call.call:
            self.first = outcome


@dataclass(slots=True)
class Replayed:
    """What a replay found so far."""

    changes: dict[Change, Tally] = field(default_factory=lambda: {one: Tally() for one in Change})
    mismatches: Tally = field(default_factory=Tally)
    skipped: dict[Why, int] = field(default_factory=dict)
    first_skipped: dict[Why, str] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """How many calls were replayed."""
        return sum(tally.count for tally in self.changes.values())

    def add(self, found: Outcome | NotReplayed) -> None:
        """Counts one."""
        if isinstance(found, NotReplayed):
            self.skipped[found.why] = self.skipped.get(found.why, 0) + found.count
            self.first_skipped.setdefault(found.why, found.call)
            return
        self.changes[found.change].add(found)
        if not found.agrees:
            self.mismatches.add(found)


class Replay:
    """Decides calls again. Remembers equal decisions, of which a history is full."""

    def __init__(self, proposed: PolicySet, facts: Facts) -> None:
        self._proposed = proposed
        self._facts = facts
        self._decide: Callable[[PolicySet, PolicyRequest, Entities], Decision] = DecisionMemo().decide
        self._known: dict[str, tuple[PolicySet, frozenset[str]] | None] = {}
        self._looked_into = looked_into(proposed)

    def each(self, calls: Iterable[Decided | NotReplayed]) -> Iterable[Outcome | NotReplayed]:
        """Yields what becomes of each call, in their order."""
        return (one if isinstance(one, NotReplayed) else self.one(one) for one in calls)

    def one(self, call: Decided) -> Outcome | NotReplayed:
        """Returns what becomes of a call."""
        known = self._recorded(call.policies)
        if known is None:
            return NotReplayed(call=call.call, why=Why.POLICIES)
        recorded, looked_into_then = known
        looked = looked_into_then | self._looked_into
        if call.opaque & looked or (call.opaque and EVERYTHING in looked):
            return NotReplayed(call=call.call, why=Why.TARGETS)
        before = self._on_facts(recorded, call)
        after = self._on_facts(self._proposed, call)
        if before is None or after is None:
            return NotReplayed(call=call.call, why=Why.FACTS)
        return Outcome(call=call, change=_change(call, after), after=after, agrees=_agrees(call, before))

    def _recorded(self, digest: str) -> tuple[PolicySet, frozenset[str]] | None:
        if digest not in self._known:
            found = self._facts.policies(digest)
            self._known[digest] = None if found is None else (found, looked_into(found))
        return self._known[digest]

    def _on_facts(self, policies: PolicySet, call: Decided) -> Decision | None:
        request = call.request
        needed = references(request.context) | {request.principal, request.resource}
        entities = self._facts.entities(needed | policies.mentions.keys(), call.epoch)
        if any(uid not in entities.compiled for uid in needed) and "entity-missing" not in call.codes:
            return None
        return self._decide(policies, request, entities)


def _change(call: Decided, after: Decision) -> Change:
    allowed_then = not call.floor and not call.codes
    allowed_now = not call.floor and after.allowed
    if allowed_then != allowed_now:
        return Change.TO_ALLOW if allowed_now else Change.TO_DENY
    same = codes_of(after) == call.codes and frozenset(after.determining) == call.determining
    return Change.NONE if same else Change.REASONS


def _agrees(call: Decided, again: Decision) -> bool:
    return codes_of(again) == call.codes and frozenset(again.determining) == call.determining


def codes_of(decision: Decision) -> frozenset[str]:
    """Returns the codes of a policy decision's reasons; none for an allow."""
    return frozenset(reason.code for reason in decision.reasons)
