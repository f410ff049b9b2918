"""People review what models answered about incidents: the queue, a review, and what the reviews say of each path."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError
from safeconduct.kernel.ids import PathId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.kernel.shares import wilson
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc import reasons
from safeconduct.soc.autonomy.levels import level_of
from safeconduct.soc.autonomy.model import Autonomy
from safeconduct.soc.autonomy.review_events import REVIEWED, REVIEWS, Decision, Review, Reviewed
from safeconduct.soc.claim_events import ANSWERS, AnswerRecord
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.owners import origin_of, owned
from safeconduct.soc.predicates import Judgment

_INVALID, _HELP = "review-invalid", "safeconduct review accept|correct|reject --help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What somebody says of an answer, named by the call that brought it."""

    answer: str
    decision: Decision
    reason: str
    judgment: Judgment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What the reviews say of a path's answers: how many were accepted, and Wilson's interval of that share."""

    path: PathId
    in_force: Autonomy
    answers: int
    decisions: dict[Decision, int]

    @property
    def reviewed(self) -> int:
        """Answers that somebody reviewed."""
        return sum(self.decisions.values())

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share of accepted ones lies, in 95 of 100 cases."""
        return wilson(self.decisions.get(Decision.ACCEPTED, 0), self.reviewed)


def answers(records: Records, owners: frozenset[str]) -> list[tuple[AnswerRecord, Review | None]]:
    """Returns what models answered about these owners' incidents, oldest first, with its review if it has one."""
    found = [one for _, one in records.scan(ANSWERS) if _owner(records, one) in owners]
    return [(one, records.get(REVIEWS, one.call)) for one in sorted(found, key=lambda one: (one.at, one.call))]


def rates(records: Records, owners: frozenset[str]) -> list[Rate]:
    """Returns what reviews say of each path that these owners' incidents are, or may be, put to."""
    known = answers(records, owners)
    return [_rate(records, path, known) for path in sorted(set(_paths(records, owners)) | {a.path for a, _ in known})]


def review(tx: Transaction, signed: SignedAct, opinion: Opinion, *, operation: str, content: str) -> Review:
    """Records what a person makes of an answer, once and for good.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not triage, or is not of the incident's owner.
        AbsentError: `answer-unknown`. ConflictError: `answer-reviewed`.
        InvalidInputError: `review-invalid`: no reason, or a judgment where none is corrected, or none where one is.
    """
    _sensible(opinion)
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.TRIAGE)
    answer = tx.get(ANSWERS, opinion.answer)
    if answer is None:
        raise _unknown(opinion.answer)
    owned(tx, signer, _owner(tx, answer) or "")
    former = tx.get(REVIEWS, answer.call)
    if former is not None:
        raise ConflictError(f"{former.reviewed.by} reviewed {answer.call} already", code="answer-reviewed")
    event = Reviewed(
        answer=answer.call,
        incident=answer.incident,
        path=answer.path,
        decision=opinion.decision,
        judgment=opinion.judgment,
        by=signer.id,
    )
    draft = REVIEWED.draft(event, sealed={"reason": opinion.reason}, subject=answer.incident, act=signed.envelope())
    entry = tx.append(origin_of(tx), draft)
    return Review(reviewed=event, at=entry.at, entry=entry.id)


def _paths(records: Records, owners: frozenset[str]) -> Iterator[PathId]:
    return (path.id for _, path in records.scan(kept.PATHS) if path.telemetry_of in owners)


def _rate(records: Records, path: PathId, known: list[tuple[AnswerRecord, Review | None]]) -> Rate:
    of = [review for answer, review in known if answer.path == path]
    decisions = Counter(review.reviewed.decision for review in of if review is not None)
    return Rate(path=path, in_force=level_of(records, path), answers=len(of), decisions=dict(decisions))


def _owner(records: Records, answer: AnswerRecord) -> str | None:
    incident = records.get(INCIDENTS, answer.incident)
    return incident.owner if incident else None


def _sensible(opinion: Opinion) -> None:
    reasons.check(opinion.reason, code=_INVALID, remedy=_HELP)
    if (opinion.decision is Decision.CORRECTED) is (opinion.judgment is None):
        text = "a correction, and nothing else, says which judgment is right"
        raise InvalidInputError(text, code=_INVALID, remedy=_HELP)


def _unknown(answer: str) -> AbsentError:
    return AbsentError(
        f"no answer came by call {answer[:64]!r}", code="answer-unknown", remedy="safeconduct review list --all"
    )
