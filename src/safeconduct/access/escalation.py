"""What a program says is done where calls look misused: by signal a ladder of steps, each with owner, due time, action.

The section `escalation` of the program file. docs/spec/escalation.md section 1.
"""

from dataclasses import dataclass
from enum import StrEnum

from safeconduct.access.model.stops import SLOW_MS_MAX
from safeconduct.access.path_schema import ID
from safeconduct.access.reading import Choice, FieldSpec, ListOf, Named, Section, Whole
from safeconduct.kernel.ids import PrincipalId

STEPS_MAX = 9
"""Steps of one ladder: one for each action that there is."""

DUE_MINUTES_MAX = 30 * 24 * 60
"""Minutes until a step is due: a month. Later nobody remembers what it was about."""


class SignalKind(StrEnum):
    """What watch looks for (docs/spec/watch.md section 3)."""

    REFUSAL_RETRY = "refusal-retry"
    PROBING = "probing"
    DISTILLATION = "distillation"
    TOOL_ABUSE = "tool-abuse"
    OFF_PATH = "off-path"
    CREDENTIAL_SHARING = "credential-sharing"
    HONEYTOKEN = "honeytoken"


class Act(StrEnum):
    """What a step does. The first two are entries alone; the others stop something."""

    NOTE = "note"  # the case stands in the log
    MARK = "mark"  # its owner is told
    SLOW = "slow"
    WEAKER = "weaker"
    HOLD = "hold"
    SUSPEND = "suspend"
    ASK_FREEZE = "ask-freeze"  # its owner is asked to freeze
    FREEZE = "freeze"  # the grant is frozen, at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what is done as it begins, who then has to decide, and within how many minutes before the next."""

    action: Act
    owner: PrincipalId
    due_minutes: int
    slow_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """What follows one signal. `by` is the service that restricts and freezes in the program's name."""

    signal: SignalKind
    by: PrincipalId
    steps: tuple[Step, ...]


_STEP = Section(
    (
        FieldSpec("action", Choice(tuple(Act)), "what is done as the step begins"),
        FieldSpec("owner", ID, "the person who is told, and has to decide the case"),
        FieldSpec("due_minutes", Whole(1, DUE_MINUTES_MAX), "minutes to decide it; then the next step begins"),
        FieldSpec("slow_ms", Whole(0, SLOW_MS_MAX), "of `slow`: how long a call waits", required=False, default=0),
    ),
    "step",
)
_LADDER = Section(
    (
        FieldSpec("by", ID, "the service principal in whose name watch restricts and freezes"),
        FieldSpec("steps", ListOf(_STEP, STEPS_MAX, 1), "what is done, in this order, until somebody decides"),
    ),
    "ladder",
)
ESCALATION = Named(_LADDER, len(SignalKind), words=tuple(SignalKind), id_attribute="signal")
