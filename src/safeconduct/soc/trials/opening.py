"""Opening a trial: which version, on which of the incidents that people closed, through which path."""

from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.model.paths import SealedPath
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.owners import origin_of
from safeconduct.soc.prompts.model import PromptKind
from safeconduct.soc.prompts.registry import decides_on, digest_of, version_in_force
from safeconduct.soc.triage_service import Asking, choose
from safeconduct.soc.trials.events import OPENED, TrialOpened
from safeconduct.soc.trials.model import CASES_MAX, TOKENS_MAX, Case, TrialPlan
from safeconduct.soc.trials.past import past_cases
from safeconduct.soc.trials.paths import check_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants tried: a version, on a path, on so many past incidents, for so many tokens at most."""

    candidate: str
    path: str
    principal: str
    model: str
    cases: int
    tokens_max: int
    owner: str


def open_trial(tx: Transaction, signed: SignedAct, wanted: Wanted, *, operation: str, content: str) -> EntryId:
    """Records that a version is to be tried against the one in force, on which incidents; returns the trial's id.

    Raises:
        UnauthenticatedError, RefusedError: as `decides_on`, `triage_service.choose` and `check_path`.
        AbsentError: `prompt-unknown`; `no-past-incidents`: nobody closed any.
        ConflictError: `prompt-in-force`: the version is in force.
        InvalidInputError: the number of incidents or tokens is out of bounds.
    """
    signer = decides_on(tx, signed, operation=operation, content=content, owner=wanted.owner)
    kind, baseline = _against(tx, wanted)
    asking = choose(tx, signer, path=wanted.path, principal=wanted.principal, model=wanted.model, owner=wanted.owner)
    path = path_for(tx, asking)
    plan = TrialPlan(
        kind=kind,
        candidate=wanted.candidate,
        baseline=baseline,
        path=path.id,
        path_digest=path.digest,
        principal=asking.principal,
        model=asking.model,
        tokens_max=_within("tokens", wanted.tokens_max, TOKENS_MAX),
        cases=_cases(tx, wanted),
        owner=wanted.owner,
    )
    event = TrialOpened(plan=plan, by=signer.id)
    return tx.append(origin_of(tx), OPENED.draft(event, subject="prompts", act=signed.envelope())).id


def _against(records: Records, wanted: Wanted) -> tuple[PromptKind, str]:
    """Returns what the version is for, and the version in force, against which it is tried."""
    digest_of(records, wanted.owner, wanted.candidate)
    kind = PromptKind(wanted.candidate.partition("/")[0])
    baseline = version_in_force(records, wanted.owner, kind)
    if baseline == wanted.candidate:
        raise ConflictError(f"{baseline} is in force already", code="prompt-in-force", remedy="safeconduct prompt list")
    return kind, baseline


def path_for(records: Records, asking: Asking) -> SealedPath:
    """Returns the path of a trial's questions, if past incidents may go there.

    Raises:
        RefusedError: as `check_path`.
    """
    path, asker = records.get(kept.PATHS, asking.path), records.get(kept.PRINCIPALS, asking.principal)
    if path is None or asker is None:
        raise AbsentError(f"path {asking.path} or {asking.principal} is gone", code="path-unknown")
    check_path(path, asker)
    return path


def _cases(records: Records, wanted: Wanted) -> tuple[Case, ...]:
    found = past_cases(records, wanted.owner)[: _within("incidents", wanted.cases, CASES_MAX)]
    if not found:
        raise AbsentError(
            "no incident was closed by a person", code="no-past-incidents", remedy="safeconduct incident close ID"
        )
    return found


def _within(what: str, number: int, most: int) -> int:
    if not 1 <= number <= most:
        raise InvalidInputError(f"a trial takes 1 to {most:,} {what}, not {number:,}", code="trial-invalid")
    return number
