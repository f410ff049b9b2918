"""The course of an incident: what became of it, from its first alert to the last word on it, as the log has it.

docs/spec/value.md. All that is counted is counted over courses, so that whoever wants to can count again.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from safeconduct.kernel.ids import CallId, EventId, IncidentId, PathId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.autonomy.look_events import Look
from safeconduct.soc.autonomy.review_events import Decision
from safeconduct.soc.incidents.closing import Closed
from safeconduct.soc.predicates import Judgment


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model answered on a governed call, asked by a version of a prompt.

    `judgment` is its verified verdict, `said` its verdict though it was rejected. `decision` is what a person made of
    it. `micro_usd` is what the call cost, None where nobody can say. `techniques` are those of its verified claims,
    `beyond` the events that these cite and no alert holds.
    """

    call: CallId
    path: PathId
    model: str
    at: Instant
    claims: int
    verified: int
    prompt: str = ""
    judgment: Judgment | None = None
    said: Judgment | None = None
    decision: Decision | None = None
    reviewed_at: Instant | None = None
    micro_usd: int | None = None
    techniques: frozenset[str] = frozenset()
    beyond: frozenset[EventId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What became of an incident that stands, and of those that it grew out of or was regrouped from.

    `alert_at` is the time of its first alert's event, `opened_at` when the first of them was recorded, `triaged_at`
    when claims about one were checked first. `closings` are oldest first. `votes` are those on responses to it,
    `techniques` those of the rules' verified claims.
    """

    incident: IncidentId
    alert_at: Instant
    opened_at: Instant
    triaged_at: Instant | None = None
    answers: tuple[Answer, ...] = ()
    closings: tuple[Closed, ...] = ()
    looks: tuple[Look, ...] = ()
    votes: int = 0
    techniques: frozenset[str] = frozenset()

    @property
    def closed(self) -> Closed | None:
        """The closing that stands, if one does."""
        return next((one for one in reversed(self.closings) if one.stands), None)

    @property
    def found(self) -> Judgment | None:
        """What people found it to be: in the closing that stands, or else in the last second look."""
        closed = self.closed
        if closed and not closed.by_model:
            return closed.closed.disposition
        done = [(one.done_at or 0, one.done.disposition) for one in self.looks if one.done]
        return max(done)[1] if done else None

    @property
    def reviewed_at(self) -> Instant | None:
        """When a person reviewed an answer about it first."""
        return min((one.reviewed_at for one in self.answers if one.reviewed_at is not None), default=None)

    @property
    def closed_at(self) -> Instant | None:
        """When the closing that stands was made."""
        return self.closed.at if self.closed else None


def answers_of(courses: Iterable[Course]) -> Collection[Answer]:
    """Returns the answers about some incidents, each once: what a split made shares those of what it was."""
    return {one.call: one for course in courses for one in course.answers}.values()
