"""Asking the pairs of a trial: which is next, entered before a model is asked, and what it brought."""

from dataclasses import dataclass

from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.owners import origin_of
from safeconduct.soc.prompts.model import PromptKind
from safeconduct.soc.triage_service import Asking
from safeconduct.soc.trials.events import ANSWERED, BEGUN, PairAnswered, PairBegun
from safeconduct.soc.trials.model import Case, Pair, PairState, Trial
from safeconduct.soc.trials.opening import path_for
from safeconduct.soc.trials.reading import check_current, signed_for, trial_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A pair that is to be asked now: the trial as it was before, the incident, and which attempt it is."""

    trial: Trial
    case: Case
    attempt: int


def begin(tx: Transaction, signed: SignedAct, trial_id: str, asking: Asking, *, operation: str, content: str) -> Begun:
    """Records which pair of a trial is asked next, before it is, and returns it.

    Raises:
        UnauthenticatedError, RefusedError: as `decides_on` and `check_path`.
        AbsentError: `trial-unknown`.
        ConflictError: `trial-over`: nothing waits; `trial-busy`: what is left is being asked; `trial-stale`: the path
            is another version, or what is in force another prompt, than when it was opened; `trial-spent`: its tokens
            don't suffice for one more pair.
    """
    trial, signer = signed_for(tx, signed, trial_id, operation=operation, content=content)
    path_for(tx, asking)  # past incidents may still go there
    check_current(tx, trial)
    case = _next(trial, tx.now)
    reserved = 2 * worst_tokens(trial.plan.kind, asking)
    if trial.tokens + reserved > trial.plan.tokens_max:
        raise ConflictError(
            f"trial {trial.id} took {trial.tokens:,} of {trial.plan.tokens_max:,} tokens; a pair may take {reserved:,}",
            code="trial-spent",
            remedy="open another with more tokens: one that is not finished promotes nothing",
        )
    former = trial.pairs.get(case.incident)
    attempt = former.attempts + 1 if former else 1
    event = PairBegun(trial=trial.id, incident=case.incident, attempt=attempt, reserved=reserved, by=signer.id)
    tx.append(origin_of(tx), BEGUN.draft(event, subject=case.incident, act=signed.envelope()))
    return Begun(trial=trial, case=case, attempt=attempt)


def record_pair(tx: Transaction, begun: Begun, pair: Pair) -> Trial:
    """Records what a pair brought, and returns the trial with it.

    Raises:
        ConflictError: `trial-overtaken`: it was begun again, because this took too long.
    """
    trial, incident = trial_of(tx, begun.trial.id), begun.case.incident
    record = trial.pairs[incident]
    if record.attempts != begun.attempt or record.pair is not None:
        raise ConflictError(f"the pair about {incident} was asked again meanwhile", code="trial-overtaken")
    event = PairAnswered(
        trial=trial.id,
        incident=incident,
        attempt=begun.attempt,
        candidate=pair.candidate,
        baseline=pair.baseline,
    )
    tx.append(origin_of(tx), ANSWERED.draft(event, subject=incident))
    return trial_of(tx, trial.id)


def worst_tokens(kind: PromptKind, asking: Asking) -> int:
    """Returns what asking one version about one incident may take: a hunt asks twice."""
    once = asking.budget.prompt_tokens_max + asking.budget.answer_tokens_max
    return 2 * once if kind is PromptKind.HUNT else once


def _next(trial: Trial, now: Instant) -> Case:
    states = {case.incident: trial.state(case.incident, now) for case in trial.plan.cases}
    waiting = (case for case in trial.plan.cases if states[case.incident] is PairState.WAITING)
    found = min(waiting, key=lambda case: _attempts(trial, case.incident), default=None)
    if found is not None:
        return found
    if PairState.ASKED in states.values():
        raise ConflictError(f"what is left of trial {trial.id} is being asked", code="trial-busy", remedy="wait for it")
    raise ConflictError(f"trial {trial.id} is over", code="trial-over", remedy=f"safeconduct prompt trial {trial.id}")


def _attempts(trial: Trial, incident: IncidentId) -> int:
    record = trial.pairs.get(incident)
    return record.attempts if record else 0
