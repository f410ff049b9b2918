"""What a program says is owed again and again: drills, reports, attestations, recertifications.

The section `obligations` of the program file. docs/spec/obligations.md section 2.
"""

from dataclasses import dataclass
from enum import StrEnum

from safeconduct.access.model.parties import PrincipalKind
from safeconduct.access.path_schema import ID, TIER
from safeconduct.access.reading import Choice, FieldSpec, ListOf, Named, Section, Text, Whole
from safeconduct.kernel.effects import Timer, set_timer
from safeconduct.kernel.ids import OrganizationId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import State

OBLIGATIONS_MAX = 100
"""Obligations of one program. Each is somebody's work at least every few years."""

PERIOD_DAYS_MAX = 1_095
"""Days between two times that a duty is met: three years. What is owed more rarely nobody remembers to do."""

STEPS_MAX = 9
"""Steps of one obligation: one for each tier that there is to fall through."""

OVERDUE_DAYS_MAX = 365
"""Days after which a step may still wait: a year. Later it would follow nothing."""

OBLIGATION_TIMER = "obligation.taken"
"""The kind of timer whose firing calls `program.obligations.timing.take`: the program's word on a duty has changed."""


class ObligationKind(StrEnum):
    """What is owed."""

    DRILL = "drill"
    REPORT = "report"
    ATTESTATION = "attestation"
    RECERTIFICATION = "recertification"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoweringStep:
    """What follows a duty that is overdue by so many days: no models above `tier`."""

    overdue_days: int
    tier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """A recurring duty under an activity. `days` is its period, `organization` that of its owner, which it binds.

    `binds` are the kinds of principal whose tier it lowers, empty for all.
    """

    id: str
    kind: ObligationKind
    activity: str
    about: str
    owner: PrincipalId
    organization: OrganizationId
    days: int
    steps: tuple[LoweringStep, ...]
    binds: tuple[PrincipalKind, ...] = ()


def follow_obligation(state: State, at: Instant, name: str) -> None:
    """Has a duty follow what the program says of it since an instant: added, changed or gone."""
    set_timer(state, Timer(kind=OBLIGATION_TIMER, key=name, due_at=at))


_STEP = Section(
    (
        FieldSpec("overdue_days", Whole(0, OVERDUE_DAYS_MAX), "days overdue; each step's are more than those before"),
        FieldSpec("tier", TIER, "the highest tier of models from then on; each step's is lower than those before"),
    ),
    "step",
)
_OBLIGATION = Section(
    (
        FieldSpec("kind", Choice(tuple(ObligationKind)), "what is owed"),
        FieldSpec("activity", ID, "the activity of `agreement.responsibilities` that it belongs to"),
        FieldSpec("about", Text("text of up to 500", r"(?s).{1,500}"), "what the evidence has to show"),
        FieldSpec(
            "owner", ID, "the person who owes it, of a party that is responsible or accountable for the activity"
        ),
        FieldSpec("days", Whole(1, PERIOD_DAYS_MAX), "days from one time that it is met until it is due again"),
        FieldSpec("steps", ListOf(_STEP, STEPS_MAX, 1), "what missing it takes from the owner's organization"),
        FieldSpec(
            "binds",
            ListOf(Choice(tuple(PrincipalKind)), len(PrincipalKind)),
            "the kinds of principal whose tier it lowers; all of the organization's where it is empty",
            required=False,
            default=[],
        ),
    ),
    "obligation",
)
OBLIGATIONS = Named(_OBLIGATION, OBLIGATIONS_MAX)
