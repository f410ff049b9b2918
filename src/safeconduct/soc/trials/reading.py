"""Trials as they are recorded."""

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.model.parties import Principal
from safeconduct.kernel.errors import AbsentError, ConflictError
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.prompts.registry import check_of, version_in_force
from safeconduct.soc.trials.events import TRIALS
from safeconduct.soc.trials.model import Trial


def trials_of(records: Records, owners: frozenset[str]) -> list[Trial]:
    """Returns the trials on these owners' incidents, the latest first."""
    found = (one for _, one in records.scan(TRIALS) if one.plan.owner in owners)
    return sorted(found, key=lambda one: one.id, reverse=True)


def trial_of(records: Records, trial_id: str, owners: frozenset[str] | None = None) -> Trial:
    """Returns a trial; where `owners` are named, one on their incidents.

    Raises:
        AbsentError: `trial-unknown`.
    """
    found = records.get(TRIALS, trial_id)
    if found is None or (owners is not None and found.plan.owner not in owners):
        raise AbsentError(f"no trial is {trial_id[:64]!r}", code="trial-unknown", remedy="safeconduct prompt trials")
    return found


def signed_for(
    tx: Transaction, signed: SignedAct, trial_id: str, *, operation: str, content: str
) -> tuple[Trial, Principal]:
    """Returns a trial, and who signed an act on it: one of its owner's people.

    Raises:
        UnauthenticatedError, RefusedError: as `decides_on`. AbsentError: `trial-unknown`.
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.TRIAGE)
    trial = trial_of(tx, trial_id)
    check_of(tx, signer, trial.plan.owner)
    return trial, signer


def check_current(records: Records, trial: Trial) -> None:
    """Returns if things are as a trial found them: its path is the version that it goes through, its baseline in force.

    Raises:
        ConflictError: `trial-stale`.
    """
    path = records.get(kept.PATHS, trial.plan.path)
    if path is None or path.digest != trial.plan.path_digest:
        raise _stale(trial, f"path {trial.plan.path} is {'gone' if path is None else 'another version'}")
    now = version_in_force(records, trial.plan.owner, trial.plan.kind)
    if now != trial.plan.baseline:
        raise _stale(trial, f"{now} is in force")


def _stale(trial: Trial, text: str) -> ConflictError:
    return ConflictError(
        f"since trial {trial.id} was opened things changed: {text}", code="trial-stale", remedy="open another trial"
    )
