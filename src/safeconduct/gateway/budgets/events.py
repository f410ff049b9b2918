"""What the log says of budgets beside the calls themselves: what workers took, accounted for and gave back.

Intents carry `reserved`, outcomes `settled`; those change records of their call alone. These entries join the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.gateway.budgets.model import Unit
from safeconduct.gateway.budgets.records import BUDGETS, CHARGES, BudgetRecord
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Projection, Records, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLeased:
    """A worker took an amount of an account, for its calls to reserve from.

    `settled` is what its ended calls were charged since its last entry on this account, `limit` that of the program.
    """

    account: str
    owner: str
    unit: Unit
    limit: int
    opens_at: Instant
    closes_at: Instant
    worker: str
    settled: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReturned:
    """A worker accounted for its ended calls and gave back what it does not need; `by` is who did that for it."""

    account: str
    worker: str
    settled: int
    released: int
    by: str


BUDGET_LEASED = EventType("gateway.budget.leased/1", BudgetLeased)
BUDGET_RETURNED = EventType("gateway.budget.returned/1", BudgetReturned)


def charged(records: Records, worker: str, account: str) -> int:
    """Returns what a worker's ended calls were charged on an account and it has not accounted for."""
    return sum(charge.amount for _, charge in records.scan(CHARGES, f"{worker}/{account}/"))


def _leased(state: State, entry: Entry) -> None:
    event = BUDGET_LEASED.read(entry)
    _account_for(state, event.account, event.worker, event.settled)
    found = state.get(BUDGETS, event.account)
    record = found or BudgetRecord(
        owner=event.owner,
        unit=event.unit,
        limit=event.limit,
        opens_at=event.opens_at,
        closes_at=event.closes_at,
        origin=entry.origin,
    )
    state.put(BUDGETS, event.account, record.accounted(event.worker, settled=event.settled, leased=event.amount))


def _returned(state: State, entry: Entry) -> None:
    event = BUDGET_RETURNED.read(entry)
    _account_for(state, event.account, event.worker, event.settled)
    record = state.get(BUDGETS, event.account)
    if record is None:
        raise UnavailableError(f"entry {entry.id} returns to a budget that nothing was taken from")
    state.put(BUDGETS, event.account, record.accounted(event.worker, settled=event.settled, released=event.released))


def _account_for(state: State, account: str, worker: str, settled: int) -> None:
    """Ends the charges that an entry accounts for. Their sum is the log's own, so no entry can say another."""
    prefix = f"{worker}/{account}/"
    charges = list(state.scan(CHARGES, prefix))
    if sum(charge.amount for _, charge in charges) != settled:
        raise UnavailableError(f"worker {worker} accounts for other calls than it made on {account}")
    for key, _ in charges:
        state.delete(CHARGES, key)


PROJECTIONS: Mapping[str, Projection] = {BUDGET_LEASED.name: _leased, BUDGET_RETURNED.name: _returned}
