"""Rules that were tried, in the log, and that a collection is taken in only after that."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry, Retention
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import IncidentId, PrincipalId
from safeconduct.kernel.ports import Collection, Projection, Records, State, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import EventType
from safeconduct.soc.ingesting import HOUSE_OWNED, owned_key
from safeconduct.soc.owners import detects_for, origin_of
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.trials.model import CASES_MAX
from safeconduct.soc.trials.past import past_cases
from safeconduct.soc.trials.rule_trials import RuleComparison


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesTried:
    """A collection was tried as if it stood under a name. `digest` is of its files.

    `lost` are the true positives, `true_positives` of them looked for, that it no longer finds: of 200 at most.
    """

    name: str
    digest: str
    events: int
    days: int
    alerts_before: int
    alerts_after: int
    new: int
    true_positives: int
    lost: tuple[IncidentId, ...]
    by: PrincipalId
    owner: str = HOUSE_OWNED


TRIED = EventType("soc.rules.tried/1", RulesTried, Retention.OPERATIONS)
RULE_TRIALS = Collection("rule_trials", RulesTried)  # at the owner and the name, the latest


def record_tried(
    tx: Transaction,
    signed: SignedAct,
    kept: tuple[str, str],
    found: RuleComparison,
    *,
    operation: str,
    content: str,
    owner: str,
) -> RulesTried:
    """Records what a trial of the collection of this name and digest found, and returns it.

    Raises:
        UnauthenticatedError, RefusedError: as `owners.detects_for`.
    """
    signer = detects_for(tx, signed, operation=operation, content=content, owner=owner)
    event = RulesTried(
        name=kept[0],
        digest=kept[1],
        events=found.events,
        days=found.days,
        alerts_before=found.alerts_before,
        alerts_after=found.alerts_after,
        new=found.new,
        true_positives=sum(one.disposition is Judgment.TRUE_POSITIVE for one in found.cases),
        lost=found.lost,
        by=signer.id,
        owner=owner,
    )
    tx.append(origin_of(tx), TRIED.draft(event, subject="rules", act=signed.envelope()))
    return event


def check_tried(records: Records, owner: str, name: str, digest: str) -> None:
    """Returns if a collection may stand under a name: where people closed true positives, it was tried on them.

    Raises:
        RefusedError: `rules-untried`: these files were not tried last; `rules-lose`: they lose true positives.
    """
    cases = past_cases(records, owner)[:CASES_MAX]
    if not any(case.disposition is Judgment.TRUE_POSITIVE for case in cases):
        return
    tried = records.get(RULE_TRIALS, owned_key(owner, name))
    if tried is None or tried.digest != digest:
        raise RefusedError(
            f"these rules were not tried as {name} on the incidents that people closed",
            code="rules-untried",
            clause=f"rules:{name}/tried",
            remedy=f"safeconduct rules try {name} FILE_OR_FOLDER",
        )
    if tried.lost:
        raise RefusedError(
            f"with these rules {len(tried.lost)} of {tried.true_positives} true positives are found no more: "
            f"{', '.join(tried.lost[:3])}",
            code="rules-lose",
            clause=f"rules:{name}/lost",
            remedy="keep the rules that find them, also under another name",
        )


def _tried(state: State, entry: Entry) -> None:
    event = TRIED.read(entry)
    state.put(RULE_TRIALS, owned_key(event.owner, event.name), event)
    record_act(state, entry)


PROJECTIONS: Mapping[str, Projection] = {TRIED.name: _tried}
