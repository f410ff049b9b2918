"""Trials in the log: opened, each pair before it is asked and after. It names calls; no word of an answer is in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.ids import EntryId, IncidentId, PrincipalId
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType
from safeconduct.soc.trials.model import Answer, Pair, PairRecord, Trial, TrialPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOpened:
    """A person wants two versions of a prompt tried. The entry's id names the trial."""

    plan: TrialPlan
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class PairBegun:
    """Both versions are about to be asked about an incident of a trial. `reserved` tokens are the most it may take."""

    trial: EntryId
    incident: IncidentId
    attempt: int
    reserved: int
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAnswered:
    """What both versions brought about an incident of a trial, or why one brought nothing."""

    trial: EntryId
    incident: IncidentId
    attempt: int
    candidate: Answer
    baseline: Answer


OPENED = EventType("soc.trial.opened/1", TrialOpened, Retention.OPERATIONS)
BEGUN = EventType("soc.trial.pair-begun/1", PairBegun, Retention.OPERATIONS)
ANSWERED = EventType("soc.trial.pair-answered/1", PairAnswered, Retention.OPERATIONS)
TRIALS = Collection("trials", Trial)  # at the id


def _opened(state: State, entry: Entry) -> None:
    event = OPENED.read(entry)
    state.put(TRIALS, entry.id, Trial(id=entry.id, plan=event.plan, by=event.by, at=entry.at))
    record_act(state, entry)


def _begun(state: State, entry: Entry) -> None:
    event = BEGUN.read(entry)
    trial = state.get(TRIALS, event.trial)
    if trial is not None:
        former = trial.pairs.get(event.incident)
        spent = former.spent + former.reserved if former else 0
        record = PairRecord(attempts=event.attempt, begun_at=entry.at, spent=spent, reserved=event.reserved)
        _put(state, trial, event.incident, record)
    record_act(state, entry)


def _answered(state: State, entry: Entry) -> None:
    event = ANSWERED.read(entry)
    trial = state.get(TRIALS, event.trial)
    if trial is not None:
        pair, former = Pair(candidate=event.candidate, baseline=event.baseline), trial.pairs[event.incident]
        record = replace(former, pair=pair, spent=former.spent + pair.tokens, reserved=0)
        _put(state, trial, event.incident, record)
    record_act(state, entry)


def _put(state: State, trial: Trial, incident: IncidentId, record: PairRecord) -> None:
    state.put(TRIALS, trial.id, replace(trial, pairs={**trial.pairs, incident: record}))


PROJECTIONS: Mapping[str, Projection] = {OPENED.name: _opened, BEGUN.name: _begun, ANSWERED.name: _answered}
