"""Promotion: what a trial showed to be not worse is in force from then on."""

from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.owners import origin_of
from safeconduct.soc.prompts.events import PROMOTED, PromptPromoted
from safeconduct.soc.trials.judging import compare, shortfalls
from safeconduct.soc.trials.reading import check_current, signed_for


def promote(tx: Transaction, signed: SignedAct, trial_id: str, *, operation: str, content: str) -> PromptPromoted:
    """Puts the version that a trial tried in force for its owner's incidents, by what the trial shows.

    Raises:
        UnauthenticatedError, RefusedError: as `decides_on`; `trial-not-enough`: it is not shown to be not worse.
        AbsentError: `trial-unknown`.
        ConflictError: `trial-stale`: its path is another version, or another prompt in force, than when it was opened.
    """
    trial, signer = signed_for(tx, signed, trial_id, operation=operation, content=content)
    check_current(tx, trial)
    short = shortfalls(trial.plan.kind, compare(trial.over(tx.now)), planned=len(trial.plan.cases))
    if short:
        raise RefusedError(
            f"trial {trial.id} is not enough: {'; '.join(f'{one.text} ({one.code})' for one in short)}",
            code="trial-not-enough",
            clause=f"trial:{trial.id}/{short[0].code}",
            remedy=f"safeconduct prompt trial {trial.id} shows it; try another version, or on more incidents",
        )
    plan = trial.plan
    event = PromptPromoted(
        kind=plan.kind,
        version=plan.candidate,
        former=plan.baseline,
        trial=trial.id,
        by=signer.id,
        owner=plan.owner,
    )
    tx.append(origin_of(tx), PROMOTED.draft(event, subject="prompts", act=signed.envelope()))
    return event
