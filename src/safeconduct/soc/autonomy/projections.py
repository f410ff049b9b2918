"""How entries move a path's level: by hand, and by themselves when reviews, claims or second looks say so.

A demotion is part of the entry that shows it is due (R1): the next use, in the next transaction, finds the lower level.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from safeconduct.access import records as kept
from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import IncidentId, PrincipalId
from safeconduct.kernel.ports import Projection, State
from safeconduct.soc import claim_events
from safeconduct.soc.autonomy import look_events, review_events
from safeconduct.soc.autonomy.evidence import Evidence, Loss, lost
from safeconduct.soc.autonomy.findings import Checked, Judged
from safeconduct.soc.autonomy.level_events import DEMOTED, PROMOTED, RESUMED, STOPPED, Demoted, Promoted
from safeconduct.soc.autonomy.levels import STANDINGS, Standing, evidence_of, level_of, standing_of
from safeconduct.soc.autonomy.look_events import LOOK_DONE, LOOK_OVERDUE, LookOutcome
from safeconduct.soc.autonomy.model import Autonomy, lower
from safeconduct.soc.autonomy.review_events import REVIEWED, Decision
from safeconduct.soc.claim_events import ANSWERS, CLAIMS_CHECKED
from safeconduct.soc.incidents import closing
from safeconduct.soc.incidents.closing import CLOSED, REOPENED, Closings
from safeconduct.soc.incidents.naming import counted_as
from safeconduct.soc.predicates import Judgment

Weighing = Callable[[State, Entry], None]


def _promoted(state: State, entry: Entry) -> None:
    _set(state, entry, PROMOTED.read(entry), "promoted")


def _demoted(state: State, entry: Entry) -> None:
    _set(state, entry, DEMOTED.read(entry), "demoted")


def _set(state: State, entry: Entry, event: Promoted | Demoted, why: str) -> None:
    former = state.get(STANDINGS, event.path)
    made = Standing(
        path=event.path,
        models=event.models,
        level=event.level,
        since=entry.at,
        why=why,
        entry=entry.id,
        stopped_by=former.stopped_by if former else "",
    )
    state.put(STANDINGS, event.path, made)
    record_act(state, entry)


def _stopped(state: State, entry: Entry) -> None:
    event = STOPPED.read(entry)
    standing = _standing(state, event.path) or Standing(path=event.path, models=())
    state.put(STANDINGS, event.path, replace(standing, stopped_by=entry.id))
    record_act(state, entry)


def _resumed(state: State, entry: Entry) -> None:
    event = RESUMED.read(entry)
    former = _standing(state, event.path)
    if former is not None:
        level = lower(former.level, _start(state, event.path)) if former.level else None
        state.put(
            STANDINGS,
            event.path,
            Standing(path=event.path, models=former.models, level=level, since=entry.at, why="resumed", entry=entry.id),
        )
    record_act(state, entry)


def _answered(state: State, entry: Entry) -> None:
    event = CLAIMS_CHECKED.read(entry)
    answer = state.get(ANSWERS, event.call) if event.call and event.part == event.parts else None
    if answer is not None and answer.claims:
        name = counted_as(state, answer.incident)
        one = Checked(incident=name, answers=1, verified=answer.verified, claims=answer.claims)
        _weigh(state, entry, answer.path, lambda known: known.answered(one))


def _reviewed(state: State, entry: Entry) -> None:
    event = REVIEWED.read(entry)
    one = _judged(state, event.incident, event.by, good=event.decision is Decision.ACCEPTED)
    _weigh(state, entry, event.path, lambda known: known.reviewed(one))


def _looked(state: State, entry: Entry) -> None:
    event = LOOK_DONE.read(entry)
    look = state.get(look_events.LOOKS, event.closing)
    if look is not None:
        confirmed = event.outcome is LookOutcome.CONFIRMED
        one = _judged(state, event.incident, event.by, good=confirmed)
        _weigh(state, entry, look.due.path, lambda known: known.looked(one))
        if not confirmed and event.disposition is Judgment.TRUE_POSITIVE:
            _lose(state, entry, look.due.path, Loss.MISSED)


def _judged(state: State, incident: IncidentId, by: PrincipalId, *, good: bool) -> Judged:
    return Judged(incident=counted_as(state, incident), good=int(good), bad=int(not good), by=(by,))


def _overdue(state: State, entry: Entry) -> None:
    _lose(state, entry, LOOK_OVERDUE.read(entry).path, Loss.OVERDUE)


def _reopened(state: State, entry: Entry) -> None:
    look_events.ended(state, REOPENED.read(entry).closing)


def _closed(state: State, entry: Entry) -> None:
    """A person found an attack in what a model had closed, whether or not it was drawn for a second look."""
    event = CLOSED.read(entry)
    if event.path or event.disposition is not Judgment.TRUE_POSITIVE:
        return
    for former in Closings(state).history(event.incident):
        standing = _standing(state, former.closed.path)
        if former.by_model and standing is not None and former.at >= standing.since:
            _lose(state, entry, former.closed.path, Loss.MISSED)


def _weigh(state: State, entry: Entry, path: str, grown: Callable[[Evidence], Evidence]) -> None:
    standing = _standing(state, path)
    if standing is None:
        return
    standing = replace(standing, evidence=grown(evidence_of(state, standing)))
    state.put(STANDINGS, path, standing)
    level = level_of(state, path)
    why = lost(level, standing.evidence)
    if why is not None:
        _fall(state, entry, standing, level, why)


def _lose(state: State, entry: Entry, path: str, why: Loss) -> None:
    standing, level = _standing(state, path), level_of(state, path)
    if standing is not None and level is Autonomy.ACT:  # below it no model closes anything
        _fall(state, entry, standing, level, why)


def _fall(state: State, entry: Entry, standing: Standing, level: Autonomy, why: Loss) -> None:
    fallen = replace(standing, level=level.below, since=entry.at, why=why.value, entry=entry.id, evidence=Evidence())
    state.put(STANDINGS, standing.path, fallen)


def _standing(state: State, path: str) -> Standing | None:
    sealed = state.get(kept.PATHS, path) if path else None
    return standing_of(state, sealed) if sealed else None


def _start(state: State, path: str) -> Autonomy:
    sealed = state.get(kept.PATHS, path)
    return Autonomy(sealed.autonomy_start) if sealed else Autonomy.ADVISE


def _then(first: Projection, second: Weighing) -> Projection:
    def both(state: State, entry: Entry) -> None:
        first(state, entry)
        second(state, entry)

    return both


_EVIDENCE: Mapping[str, Projection] = {
    **claim_events.PROJECTIONS,
    **review_events.PROJECTIONS,
    **closing.PROJECTIONS,
    **look_events.PROJECTIONS,
}
_WEIGHED: Mapping[str, Weighing] = {
    CLAIMS_CHECKED.name: _answered,
    REVIEWED.name: _reviewed,
    LOOK_DONE.name: _looked,
    LOOK_OVERDUE.name: _overdue,
    CLOSED.name: _closed,
    REOPENED.name: _reopened,
}

PROJECTIONS: Mapping[str, Projection] = {
    **{name: _then(one, _WEIGHED[name]) if name in _WEIGHED else one for name, one in _EVIDENCE.items()},
    PROMOTED.name: _promoted,
    DEMOTED.name: _demoted,
    STOPPED.name: _stopped,
    RESUMED.name: _resumed,
}
"""Those of claims, reviews, closings and second looks with what they mean for a level, and those of the levels."""
