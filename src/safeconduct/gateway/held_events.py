"""The entry of an answer that waits for a person, and what it leaves in the records."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from safeconduct.access.detection import FoundKind
from safeconduct.access.readership import APART
from safeconduct.approvals import State as Approved
from safeconduct.approvals.events import APPROVALS
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import ApprovalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType

ANSWER, SALT = "answer", "salt"
"""Sealed fields, behind `APART` where an exploit was found."""

BYTES_STEP = 1024
"""Bytes to a multiple of which the length of a held answer is told: those who vote learn its size, guesses nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHeld:
    """The answer of `call` was put to the vote. `content` is the digest approved, over call, request and commitment.

    `request` is the digest of what it answers: another request fetches nothing. `answer_commitment` is to the answer,
    under a salt that is sealed: nobody confirms an answer by guessing it. It is empty in entries of builds that told a
    plain digest: those answers are handed over no more. `answer_bytes` is rounded up to BYTES_STEP for the same reason.
    `clause` is what had it held, `found` counts the findings by kind. Sealed: `answer`, the bytes that go when it is
    approved, `salt`, in hex, and `received`, the upstream's own where it spoke another dialect; with an exploit all
    under names of their own (`exploit_`).
    """

    approval: ApprovalId
    call: str
    content: str
    request: str
    answer_commitment: str = ""
    answer_bytes: int
    clause: str
    principal: str
    organization: str
    path: str
    purpose: str
    model: str
    found: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAnswer:
    """A held answer as those who vote find it. `entry` has it, sealed."""

    entry: str
    at: Instant
    held: AnswerHeld

    @property
    def sealed_as(self) -> str:
        """The name of the sealed field that has the answer."""
        return f"{self._apart}{ANSWER}"

    @property
    def salted_as(self) -> str:
        """The name of the sealed field that has the salt of the commitment."""
        return f"{self._apart}{SALT}"

    @property
    def _apart(self) -> str:
        return APART if FoundKind.EXPLOIT in self.held.found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldEntry:
    """Which approval an entry's answer waits for."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersOf:
    """The approvals of a principal's answers that waited when the last was held, that one included."""

    approvals: tuple[ApprovalId, ...]


ANSWER_HELD = EventType("gateway.answer.held/1", AnswerHeld, Retention.CALL)
HELD_ANSWERS = Collection("held-answers", HeldAnswer)  # at the approval's id
HELD_ENTRIES = Collection("held-entries", HeldEntry)  # at the entry's id
ANSWERS_OF = Collection("answers-of", AnswersOf)  # at the principal


def _held(state: State, entry: Entry) -> None:
    event = ANSWER_HELD.read(entry)
    state.insert(HELD_ANSWERS, event.approval, HeldAnswer(entry=entry.id, at=entry.at, held=event))
    state.insert(HELD_ENTRIES, entry.id, HeldEntry(approval=event.approval))
    known = state.get(ANSWERS_OF, event.principal)
    waiting = [one for one in (known.approvals if known else ()) if _waits(state, one)]
    state.put(ANSWERS_OF, event.principal, AnswersOf(approvals=(*waiting, event.approval)))


def _waits(state: State, approval: ApprovalId) -> bool:
    found = state.get(APPROVALS, approval)
    return found is not None and found.state is Approved.PROPOSED


PROJECTIONS: Mapping[str, Projection] = {ANSWER_HELD.name: _held}
