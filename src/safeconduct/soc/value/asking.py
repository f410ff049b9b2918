"""What people were asked, as it is read out of the records: votes, reviews and second looks."""

from collections import Counter
from collections.abc import Iterator

from safeconduct.approvals import Approval, State
from safeconduct.approvals.events import APPROVALS
from safeconduct.kernel.ids import IncidentId, ulid_instant
from safeconduct.kernel.ports import Records
from safeconduct.soc.actions.reading import actions
from safeconduct.soc.autonomy.look_events import LOOKS, Look
from safeconduct.soc.autonomy.review_events import REVIEWS
from safeconduct.soc.claim_events import ANSWERS, AnswerRecord
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.value.asks import Ask, Asks

REVIEW, LOOK = "review", "look"
"""The kinds of asks that are no approvals'."""


def asks(records: Records, owners: frozenset[str]) -> Asks:
    """Returns what people were asked about these owners' incidents; votes on all else, too, where the house is one."""
    approvals, answers = list(_approvals(records, owners)), list(_answers(records, owners))
    looks = list(_looks(records, owners))
    waiting = Counter(one.proposal.kind for one in approvals if one.state is State.PROPOSED)
    waiting[REVIEW] += sum(records.get(REVIEWS, one.call) is None for one in answers)
    waiting[LOOK] += sum(one.done is None for one in looks)
    answered = [*_votes(approvals), *_reviews(records, answers), *_looked(looks)]
    return Asks(answered=tuple(answered), waiting=+waiting)


def _approvals(records: Records, owners: frozenset[str]) -> Iterator[Approval]:
    own = {one.approval for one in actions(records) if _is_of(records, one.incident, owners)}
    return (one for _, one in records.scan(APPROVALS) if HOUSE_OWNED in owners or one.id in own)


def _answers(records: Records, owners: frozenset[str]) -> Iterator[AnswerRecord]:
    return (one for _, one in records.scan(ANSWERS) if _is_of(records, one.incident, owners))


def _looks(records: Records, owners: frozenset[str]) -> Iterator[Look]:
    return (one for _, one in records.scan(LOOKS) if _is_of(records, one.due.incident, owners))


def _votes(approvals: list[Approval]) -> Iterator[Ask]:
    for one in approvals:
        for vote in one.votes:
            yield Ask(kind=one.proposal.kind, by=vote.voter, at=ulid_instant(vote.entry))


def _reviews(records: Records, answers: list[AnswerRecord]) -> Iterator[Ask]:
    for one in answers:
        review = records.get(REVIEWS, one.call)
        if review is not None:
            yield Ask(kind=REVIEW, by=review.reviewed.by, at=review.at)


def _looked(looks: list[Look]) -> Iterator[Ask]:
    for one in looks:
        if one.done is not None and one.done_at is not None:
            yield Ask(kind=LOOK, by=one.done.by, at=one.done_at)


def _is_of(records: Records, incident: IncidentId, owners: frozenset[str]) -> bool:
    found = records.get(INCIDENTS, incident)
    return found is not None and found.owner in owners
