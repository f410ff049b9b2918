"""A duty as it stands in the records: the one table of its states, and the moments that time brings it to.

docs/spec/obligations.md sections 3 and 4.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from safeconduct.access.due import WARN_DAYS
from safeconduct.access.obligations import Obligation
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import DAY, Instant, rfc3339
from safeconduct.kernel.ports import Collection
from safeconduct.program.vetting.model import Person


class DutyState(StrEnum):
    """Where a duty is. How late it is stands beside it: evidence that nobody accepted stops no clock."""

    OWED = "owed"
    HANDED_IN = "handed-in"
    RETURNED = "returned"
    OVER = "over"  # the program says no more that it is owed


class Action(StrEnum):
    """What happens to a duty."""

    TAKE = "take"  # the program says that it is owed, or says it otherwise than before
    HAND_IN = "hand-in"
    ACCEPT = "accept"
    RETURN = "return"
    WARN = "warn"
    LOWER = "lower"
    END = "end"


_LIVE = (DutyState.OWED, DutyState.HANDED_IN, DutyState.RETURNED)

TRANSITIONS: Mapping[tuple[DutyState, Action], DutyState] = {
    (DutyState.OVER, Action.TAKE): DutyState.OWED,
    **{(one, action): one for one in _LIVE for action in (Action.TAKE, Action.WARN, Action.LOWER)},
    **{(one, Action.HAND_IN): DutyState.HANDED_IN for one in _LIVE},
    **{(one, Action.END): DutyState.OVER for one in (*_LIVE, DutyState.OVER)},
    (DutyState.HANDED_IN, Action.ACCEPT): DutyState.OWED,
    (DutyState.HANDED_IN, Action.RETURN): DutyState.RETURNED,
}
"""Every step there is. What is not in here is refused as `duty-STATE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What time brings: a warning so many days before the duty is due, 0 for then, or a step so many days after."""

    at: Instant
    action: Action
    days: int
    tier: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """Evidence of one meeting: its digest, what it is and where it is from. The document stays with whoever has it."""

    kind: str
    sha256: str
    source: str
    by: Person
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """An obligation and how far it is. It counts from when the evidence that met it was handed in, else its beginning.

    `passed` counts the moments that are behind it, `tier` is what they left, None where nothing is lowered. `evidence`
    waits or was returned, for `reason`.
    """

    obligation: Obligation
    counts_from: Instant
    state: DutyState = DutyState.OWED
    passed: int = 0
    tier: int | None = None
    evidence: Handed | None = None
    reason: str = ""

    @property
    def due_at(self) -> Instant:
        """When it has to be met again."""
        return Instant(self.counts_from + self.obligation.days * DAY)

    @property
    def next(self) -> Moment | None:
        """What time brings next; None where nothing is left, or nothing is owed."""
        left = moments(self.obligation, self.due_at)[self.passed :] if self.state is not DutyState.OVER else ()
        return left[0] if left else None

    def step(self, action: Action, **changed: Any) -> "Duty":  # noqa: ANN401 - fields of Duty
        """Returns the duty after a step.

        Raises:
            ConflictError: `duty-STATE`: its state does not allow it.
        """
        state = TRANSITIONS.get((self.state, action))
        if state is None:
            raise ConflictError(
                f"obligation {self.obligation.id} is {self.state}, and {action} is no step from there",
                code=f"duty-{self.state}",
                clause=f"obligation:{self.obligation.id}",
            )
        return replace(self, state=state, **changed)


def moments(obligation: Obligation, due_at: Instant) -> tuple[Moment, ...]:
    """Returns all that time brings a duty to, in order: each warning that fits into its period, its end, each step."""
    return tuple(_moments(obligation, due_at))


def _moments(obligation: Obligation, due_at: Instant) -> Iterator[Moment]:
    for days in (*(one for one in WARN_DAYS if one < obligation.days), 0):
        yield Moment(at=Instant(due_at - days * DAY), action=Action.WARN, days=days)
    for step in obligation.steps:
        at = Instant(due_at + step.overdue_days * DAY)
        yield Moment(at=at, action=Action.LOWER, days=step.overdue_days, tier=step.tier)


def missed(duty: Duty) -> str:
    """Returns what was not done, as callers are told it."""
    return f"{duty.obligation.kind} {duty.obligation.id} of {duty.obligation.owner} was due at {rfc3339(duty.due_at)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """That a duty was met: evidence that the other party accepted, and the entry by which it did."""

    evidence: Handed
    by: Person
    entry: EntryId
    at: Instant


DUTIES = Collection("duties", Duty)  # at the obligation's id, for ever
MEETINGS = Collection("duty-meetings", Meeting)  # at `obligation/sha256`, for ever: no evidence counts twice
