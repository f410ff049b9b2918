"""Reviews in the log: what a person made of a model's answer about an incident. The reason is sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import CallId, EntryId, IncidentId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.soc.predicates import Judgment


class Decision(StrEnum):
    """What a person says of an answer: it holds, it judged wrongly, or it is of no use."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A person reviewed what a model answered on a governed call. `judgment` is the right one, of a correction."""

    answer: CallId
    incident: IncidentId
    path: PathId
    decision: Decision
    judgment: Judgment | None
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A review as it stands, for good. `entry` holds the reason."""

    reviewed: Reviewed
    at: Instant
    entry: EntryId


REVIEWED = EventType("soc.answer.reviewed/1", Reviewed, Retention.OPERATIONS)
REVIEWS = Collection("answer_reviews", Review)  # at the call that brought the answer


def _reviewed(state: State, entry: Entry) -> None:
    event = REVIEWED.read(entry)
    state.put(REVIEWS, event.answer, Review(reviewed=event, at=entry.at, entry=entry.id))
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {REVIEWED.name: _reviewed}
