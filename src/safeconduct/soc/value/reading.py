"""Courses and asks as they are read out of the records. Reading changes nothing, and opens nothing that is sealed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.unit_costs import UnitCosts
from safeconduct.gateway.budgets.model import Unit, Usage, amount
from safeconduct.gateway.events import ENDED_CALLS
from safeconduct.kernel.ids import EventId, IncidentId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records
from safeconduct.soc.actions.reading import actions
from safeconduct.soc.autonomy.look_events import LOOKS, Look
from safeconduct.soc.autonomy.review_events import REVIEWS
from safeconduct.soc.claim_events import ANSWERS, TRIAGED, AnswerRecord, ClaimRecord, claims_of
from safeconduct.soc.claims import AuthorKind
from safeconduct.soc.grounding import Outcome
from safeconduct.soc.incidents.closing import Closed, Closings
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.incidents.model import IncidentRecord
from safeconduct.soc.incidents.regrouping import REGROUPINGS
from safeconduct.soc.value.histories import histories
from safeconduct.soc.value.model import Answer, Course
from safeconduct.soc.value.report import Stretch


def unit_costs(records: Records) -> UnitCosts:
    """Returns what the program in force declares; nothing where it has no section `value`."""
    return records.get(kept.UNIT_COSTS, kept.UNIT_COSTS_KEY) or UnitCosts()


def courses(records: Records, owners: frozenset[str], stretch: Stretch) -> list[Course]:
    """Returns the courses of these owners' incidents that were opened in a stretch of time, oldest first."""
    known = _Known.of(records, owners)
    opened = ((known.opened_at(history), one, history) for one, history in _histories(records, known))
    found = [known.course(one, history, at) for at, one, history in opened if stretch.holds(at)]
    return sorted(found, key=lambda one: (one.opened_at, one.incident))


@dataclass(frozen=True, slots=True)
class _Known:
    """What is looked up for many incidents, read once."""

    records: Records
    incidents: Mapping[IncidentId, IncidentRecord]
    alerted: Mapping[str, frozenset[EventId]]
    answers: Mapping[IncidentId, list[AnswerRecord]]
    votes: Mapping[IncidentId, int]

    @classmethod
    def of(cls, records: Records, owners: frozenset[str]) -> "_Known":
        incidents = {one.id: one for _, one in records.scan(INCIDENTS) if one.owner in owners}
        alerted = {owner: frozenset(_alerted(incidents.values(), owner)) for owner in owners}
        answers: dict[IncidentId, list[AnswerRecord]] = defaultdict(list)
        for _, one in records.scan(ANSWERS):
            answers[one.incident].append(one)
        return cls(records, incidents, alerted, answers, _votes(records))

    def opened_at(self, history: Collection[IncidentId]) -> Instant:
        """Returns when the first of an incident and those that it grew out of was opened."""
        return min(self.incidents[one].opened_at for one in history if one in self.incidents)

    def course(self, record: IncidentRecord, history: Collection[IncidentId], opened_at: Instant) -> Course:
        """Returns an incident's course."""
        claims = [claim for one in history for claim in claims_of(self.records, one)]
        closings = sorted(_closings(self.records, history), key=lambda one: (one.at, one.entry))
        triaged = [found.at for one in history if (found := self.records.get(TRIAGED, one))]
        return Course(
            incident=record.id,
            alert_at=min(alert.at for alert in record.alerts),
            opened_at=opened_at,
            triaged_at=min(triaged, default=None),
            answers=tuple(self._answers(record, history, claims)),
            closings=tuple(closings),
            looks=tuple(_looks(self.records, closings)),
            votes=sum(self.votes.get(one, 0) for one in history),
            techniques=frozenset(_techniques(claims, AuthorKind.RULE)),
        )

    def _answers(
        self, record: IncidentRecord, history: Collection[IncidentId], claims: Iterable[ClaimRecord]
    ) -> Iterator[Answer]:
        said: dict[str, list[ClaimRecord]] = defaultdict(list)
        for claim in claims:
            said[claim.claim.author.call].append(claim)
        given = [one for key in history for one in self.answers.get(key, ())]
        for one in sorted(given, key=lambda one: (one.at, one.call)):
            yield _answer(self.records, one, said[one.call], self.alerted[record.owner])


def _histories(records: Records, known: _Known) -> Iterator[tuple[IncidentRecord, frozenset[IncidentId]]]:
    regroupings = (one for _, one in records.scan(REGROUPINGS))
    for incident, history in histories(known.incidents.values(), regroupings).items():
        yield known.incidents[incident], history


def _answer(
    records: Records, one: AnswerRecord, claims: Collection[ClaimRecord], alerted: Collection[EventId]
) -> Answer:
    review = records.get(REVIEWS, one.call)
    held = [record.claim for record in claims if record.claim.outcome is Outcome.VERIFIED]
    model, micro_usd = _spent(records, one)
    return Answer(
        call=one.call,
        path=one.path,
        model=model,
        at=one.at,
        claims=one.claims,
        verified=one.verified,
        prompt=one.prompt,
        judgment=next((claim.judgment for claim in held if claim.judgment), None),
        said=next((record.claim.judgment for record in claims if record.claim.judgment), None),
        decision=review.reviewed.decision if review else None,
        reviewed_at=review.at if review else None,
        micro_usd=micro_usd,
        techniques=frozenset(claim.technique for claim in held if claim.technique),
        beyond=frozenset(place.event for claim in held for place in claim.evidence if place.event not in alerted),
    )


def _spent(records: Records, one: AnswerRecord) -> tuple[str, int | None]:
    """Returns which model answered and what that cost by the path's prices now; None where it can't be said.

    A call that several upstreams were asked on may have cost more than the one that answered says.
    """
    call = records.get(ENDED_CALLS, one.call)
    if call is None:
        return "", None
    path = records.get(kept.PATHS, one.path)
    prices = next((model.prices for model in path.catalogue if model.version == call.model), None) if path else None
    if prices is None or call.prompt_tokens is None or call.completion_tokens is None or len(call.asked) != 1:
        return call.model, None
    return call.model, amount(Unit.MICRO_USD, Usage(call.prompt_tokens, call.completion_tokens), prices)


def _alerted(incidents: Iterable[IncidentRecord], owner: str) -> Iterator[EventId]:
    return (event for one in incidents if one.owner == owner for alert in one.alerts for event in alert.events)


def _closings(records: Records, history: Iterable[IncidentId]) -> Iterator[Closed]:
    return (closing for one in history for closing in Closings(records).history(one))


def _looks(records: Records, closings: Iterable[Closed]) -> Iterator[Look]:
    return (look for one in closings if (look := records.get(LOOKS, one.entry)))


def _techniques(claims: Iterable[ClaimRecord], author: AuthorKind) -> Iterator[str]:
    return (one.claim.technique for one in claims if one.claim.technique and one.claim.author.kind is author)


def _votes(records: Records) -> dict[IncidentId, int]:
    found: dict[IncidentId, int] = defaultdict(int)
    for action in actions(records):
        if action.approval:
            found[action.incident] += len(approvals.find(records, action.approval).votes)
    return found
