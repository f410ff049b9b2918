"""The states of a vetting case, and every step between them: who may take it and what it demands.

The one table. Services ask it before an entry, projections follow it after, and docs/spec/vetting.md prints it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.kernel.errors import ConflictError


class State(StrEnum):
    """Where a case is."""

    OPEN = "open"
    SUBMITTED = "submitted"
    IN_REVIEW = "in-review"
    EVIDENCE_WANTED = "evidence-wanted"
    APPROVED = "approved"
    PROVISIONED = "provisioned"
    READY = "ready"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    DENIED = "denied"
    APPEALED = "appealed"  # against a denial
    SUSPENSION_APPEALED = "suspension-appealed"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class Action(StrEnum):
    """What moves a case, or does not and is on record."""

    ADD = "add"  # evidence, and some is still missing
    SUBMIT = "submit"  # the last evidence that was missing
    ASSESS = "assess"
    WANT_MORE = "want-more"
    APPROVE = "approve"
    DENY = "deny"
    APPEAL = "appeal"
    UPHOLD = "uphold"
    REJECT = "reject"
    PROVISION = "provision"
    CONFIRM = "confirm"  # provision of what has nothing to prove: an organization, or a renewal in time
    PROVE = "prove"
    SUSPEND = "suspend"
    EXPIRE = "expire"
    SUPERSEDE = "supersede"
    ESCALATE = "escalate"
    WITHDRAW = "withdraw"


class Actor(StrEnum):
    """Who takes a step."""

    APPLICANT = "applicant"  # the subject, its sponsor, or an administrator of its organization
    ASSESSOR = "assessor"
    REVIEWER = "reviewer"
    ADMINISTRATOR = "administrator"
    PROTECTOR = "protector"
    SYSTEM = "system"


class Demand(StrEnum):
    """What a step demands beyond its state and its actor. rules.py asks each."""

    DISINTERESTED = "disinterested"  # not the subject, who answers for it, who applied, or of an organization vetted
    EVIDENCE_SAME = "evidence-same"  # the digest of what was looked at is the one on record
    EVIDENCE_CURRENT = "evidence-current"
    ALL_PASSED = "all-passed"  # every check that the tier wants, each on the evidence on record
    A_FAILURE = "a-failure"
    SECOND_PERSON = "second-person"  # no assessor, and where the criteria say so of the other party
    NO_PART = "no-part"  # nobody who took part in what was decided
    ANOTHER_PERSON = "another-person"  # not who suspended it
    FIRST_APPEAL = "first-appeal"  # none against what stands now was turned down
    REASON = "reason"  # a code of the closed list, for this action
    IN_TIME = "in-time"  # the approval has not ended
    PROBE = "probe"  # an answered probe of the subject itself on the path's version in force


@dataclass(frozen=True, slots=True)
class Step:
    """One row: from any of `sources` to `target`."""

    action: Action
    sources: tuple[State, ...]
    target: State
    actor: Actor
    demands: tuple[Demand, ...] = ()


_PENDING = (State.OPEN, State.SUBMITTED, State.IN_REVIEW, State.EVIDENCE_WANTED)
_REVIEWED = (State.SUBMITTED, State.IN_REVIEW)
_GRANTED = (State.APPROVED, State.PROVISIONED, State.READY)
_CONTESTED = (State.APPEALED, State.SUSPENSION_APPEALED)
_LOOKED_AT = (Demand.DISINTERESTED, Demand.EVIDENCE_SAME, Demand.EVIDENCE_CURRENT)
_DECIDED = (Demand.DISINTERESTED, Demand.SECOND_PERSON)
_RULED = (Demand.DISINTERESTED, Demand.NO_PART)

TABLE = (
    Step(Action.ADD, (State.OPEN,), State.OPEN, Actor.APPLICANT, (Demand.EVIDENCE_CURRENT,)),
    Step(Action.ADD, (State.EVIDENCE_WANTED,), State.EVIDENCE_WANTED, Actor.APPLICANT, (Demand.EVIDENCE_CURRENT,)),
    Step(
        Action.SUBMIT,
        (State.OPEN, State.EVIDENCE_WANTED),
        State.SUBMITTED,
        Actor.APPLICANT,
        (Demand.EVIDENCE_CURRENT,),
    ),
    Step(Action.ASSESS, _REVIEWED, State.IN_REVIEW, Actor.ASSESSOR, _LOOKED_AT),
    Step(Action.WANT_MORE, _REVIEWED, State.EVIDENCE_WANTED, Actor.ASSESSOR, (Demand.DISINTERESTED, Demand.REASON)),
    Step(
        Action.APPROVE,
        (State.IN_REVIEW,),
        State.APPROVED,
        Actor.REVIEWER,
        (*_DECIDED, Demand.ALL_PASSED, Demand.EVIDENCE_CURRENT),
    ),
    Step(
        Action.DENY,
        (State.IN_REVIEW,),
        State.DENIED,
        Actor.REVIEWER,
        (*_DECIDED, Demand.A_FAILURE, Demand.REASON),
    ),
    Step(Action.APPEAL, (State.DENIED,), State.APPEALED, Actor.APPLICANT, (Demand.FIRST_APPEAL, Demand.REASON)),
    Step(
        Action.APPEAL,
        (State.SUSPENDED,),
        State.SUSPENSION_APPEALED,
        Actor.APPLICANT,
        (Demand.FIRST_APPEAL, Demand.REASON),
    ),
    Step(Action.UPHOLD, (State.APPEALED,), State.SUBMITTED, Actor.REVIEWER, _RULED),
    Step(Action.REJECT, (State.APPEALED,), State.DENIED, Actor.REVIEWER, _RULED),
    Step(Action.UPHOLD, (State.SUSPENSION_APPEALED,), State.APPROVED, Actor.REVIEWER, _RULED),
    Step(Action.REJECT, (State.SUSPENSION_APPEALED,), State.SUSPENDED, Actor.REVIEWER, _RULED),
    Step(
        Action.PROVISION,
        (State.APPROVED,),
        State.PROVISIONED,
        Actor.ADMINISTRATOR,
        (Demand.DISINTERESTED, Demand.IN_TIME),
    ),
    Step(
        Action.PROVISION,
        (State.SUSPENDED,),
        State.PROVISIONED,
        Actor.ADMINISTRATOR,
        (Demand.DISINTERESTED, Demand.ANOTHER_PERSON, Demand.IN_TIME),
    ),
    Step(
        Action.CONFIRM,
        (State.APPROVED,),
        State.READY,
        Actor.ADMINISTRATOR,
        (Demand.DISINTERESTED, Demand.IN_TIME),
    ),
    Step(
        Action.CONFIRM,
        (State.SUSPENDED,),
        State.READY,
        Actor.ADMINISTRATOR,
        (Demand.DISINTERESTED, Demand.ANOTHER_PERSON, Demand.IN_TIME),
    ),
    Step(
        Action.PROVE,
        (State.PROVISIONED, State.READY),
        State.READY,
        Actor.APPLICANT,
        (Demand.IN_TIME, Demand.PROBE),
    ),
    Step(Action.SUSPEND, _GRANTED, State.SUSPENDED, Actor.PROTECTOR, (Demand.REASON,)),
    Step(Action.EXPIRE, (*_GRANTED, State.SUSPENDED, State.SUSPENSION_APPEALED), State.EXPIRED, Actor.SYSTEM),
    Step(Action.SUPERSEDE, (*_GRANTED, State.SUSPENDED, State.EXPIRED), State.SUPERSEDED, Actor.SYSTEM),
    *(Step(Action.ESCALATE, (one,), one, Actor.SYSTEM) for one in (*_REVIEWED, *_CONTESTED)),
    Step(
        Action.WITHDRAW,
        (*_PENDING, *_GRANTED, *_CONTESTED, State.SUSPENDED, State.DENIED),
        State.WITHDRAWN,
        Actor.APPLICANT,
    ),
)
"""All that can happen. What has no row is refused as `vetting-state`."""

STEPS: Mapping[tuple[State, Action], Step] = {(source, row.action): row for row in TABLE for source in row.sources}

UNDECIDED = frozenset((*_PENDING, *_CONTESTED))
"""A subject has at most one case in these: one application at a time."""


def step(state: State, action: Action) -> Step:
    """Returns the row of an action in a state.

    Raises:
        ConflictError: `vetting-state`: there is none.
    """
    found = STEPS.get((state, action))
    if found is None:
        can = ", ".join(sorted({other.value for at, other in STEPS if at is state})) or "nothing"
        raise ConflictError(
            f"the case is {state}, and {action} is no step from there",
            code="vetting-state",
            clause=f"vetting:state/{state}",
            remedy=f"what can happen now: {can}",
        )
    return found


def reference() -> str:
    """Returns the table as Markdown."""
    lines = ["| from | step | to | by | demands |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(cells)} |" for cells in _rows()]
    return "\n".join(lines) + "\n"


def _rows() -> Iterator[tuple[str, ...]]:
    for row in TABLE:
        sources = ", ".join(f"`{one}`" for one in row.sources)
        demands = ", ".join(f"`{one}`" for one in row.demands) or "-"
        yield sources, row.action.value, f"`{row.target}`", row.actor.value, demands
