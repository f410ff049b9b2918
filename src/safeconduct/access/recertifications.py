"""What a program says is recertified again and again: which access, how often, and how long there is to answer.

The section `recertifications` of the program file. docs/spec/recertification.md section 1.
"""

from dataclasses import dataclass
from enum import StrEnum

from safeconduct.access.path_schema import ID
from safeconduct.access.reading import Choice, FieldSpec, ListOf, Named, Section, Whole
from safeconduct.kernel.effects import Timer, set_timer
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import State

RECERTIFICATIONS_MAX = 20
"""Recertifications of one program: all its access once a week, by several kinds, and some to spare."""

PERIOD_DAYS_MAX = 1_095
"""Days between two campaigns: three years. What is looked at more rarely is not looked at."""

ANSWER_DAYS_MAX = 90
"""Days that there are to answer: a quarter. Who needs longer does not mean to."""

RECERTIFICATION_TIMER = "recertification.taken"
"""The kind of timer whose firing calls `program.recertifying.closing.take`: the program's word has changed."""


class Access(StrEnum):
    """What is recertified."""

    GRANTS = "grants"  # those of the program
    ISSUED_GRANTS = "issued-grants"
    ROLES = "roles"
    AGREEMENTS = "agreements"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recertification:
    """A campaign that comes again every `days`, over `of`, with `answer_days` to answer. `owner` sees that it is."""

    id: str
    owner: PrincipalId
    of: tuple[Access, ...]
    days: int
    answer_days: int


def follow_recertification(state: State, at: Instant, name: str) -> None:
    """Has campaigns follow what the program says of them since an instant: added, changed or gone."""
    set_timer(state, Timer(kind=RECERTIFICATION_TIMER, key=name, due_at=at))


_RECERTIFICATION = Section(
    (
        FieldSpec("owner", ID, "the person who sees that it is done, of the party accountable for `access-review`"),
        FieldSpec("of", ListOf(Choice(tuple(Access)), len(Access), 1), "what is recertified"),
        FieldSpec("days", Whole(1, PERIOD_DAYS_MAX), "days from one campaign to the next"),
        FieldSpec("answer_days", Whole(1, ANSWER_DAYS_MAX), "days to answer; what nobody answered is removed then"),
    ),
    "recertification",
)
RECERTIFICATIONS = Named(_RECERTIFICATION, RECERTIFICATIONS_MAX)
