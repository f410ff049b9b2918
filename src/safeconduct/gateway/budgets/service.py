"""Taking from budgets and accounting for it: commands that change the shared records, none of them on a call's way.

All run alone (`own=False`), so that what they read is what every worker had committed before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from safeconduct.gateway.budgets.events import BUDGET_LEASED, BUDGET_RETURNED, BudgetLeased, BudgetReturned, charged
from safeconduct.gateway.budgets.model import Account, Amounts
from safeconduct.gateway.budgets.records import BUDGETS, CHARGES, leases, record_of
from safeconduct.gateway.events import OPEN_CALLS
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Records, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRequest:
    """What a worker's waiting calls need, in their order, and what it has. `origin` is the log of their path."""

    worker: str
    origin: Origin
    accounts: Mapping[str, Account]
    free: Amounts
    waiting: Sequence[Amounts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """What was leased, and what was left of each account before it, beside what workers hold."""

    amounts: Amounts
    left: Amounts


def lease(tx: Transaction, request: LeaseRequest) -> Leased:
    """Takes from the accounts what waiting calls need, as far as it is left; nothing for those that do not fit."""
    left = {}
    for account in request.accounts.values():
        record = tx.get(BUDGETS, account.id) or record_of(account, request.origin)
        settled = record.accounted(request.worker, settled=charged(tx, request.worker, account.id))
        left[account.id] = settled.left(account.limit)
    amounts = leases(left, request.free, request.waiting)
    for account_id, amount in amounts.items():
        account = request.accounts[account_id]
        event = BudgetLeased(
            account=account.id,
            owner=account.owner,
            unit=account.unit,
            limit=account.limit,
            opens_at=account.opens_at,
            closes_at=account.closes_at,
            worker=request.worker,
            settled=charged(tx, request.worker, account.id),
            amount=amount,
        )
        tx.append(request.origin, BUDGET_LEASED.draft(event))
    return Leased(amounts=amounts, left=left)


def give_back(tx: Transaction, account: str, worker: str, *, released: int | None, by: str) -> None:
    """Accounts for a worker's ended calls on an account, and gives back an amount; None for all that is not in use.

    In use is what open calls have reserved. None is for a worker that makes no reservation meanwhile.
    """
    record = tx.get(BUDGETS, account)
    settled = charged(tx, worker, account)
    if record is None:
        return
    if released is None:
        released = max(0, record.held.get(worker, 0) - settled - reserved(tx, worker, account))
    if settled or released:
        event = BudgetReturned(account=account, worker=worker, settled=settled, released=released, by=by)
        tx.append(record.origin, BUDGET_RETURNED.draft(event))


def settle_gone(tx: Transaction, gone: Callable[[str], bool], by: str) -> int:
    """Accounts for workers that are gone, from the records of their calls. Returns for how many leases.

    Their open calls must have been ended before, as `abandoned`: those count at the worst case.
    """
    held = {(worker, account) for account, record in tx.scan(BUDGETS) for worker in record.held}
    charges = {(worker, rest.rpartition("/")[0]) for worker, _, rest in (k.partition("/") for k, _ in tx.scan(CHARGES))}
    lost = sorted((worker, account) for worker, account in held | charges if gone(worker))
    for worker, account in lost:
        give_back(tx, account, worker, released=None, by=by)
    return len(lost)


def reserved(records: Records, worker: str, account: str) -> int:
    """Returns what a worker's open calls have reserved of an account."""
    return sum(call.reserved.get(account, 0) for _, call in records.scan(OPEN_CALLS) if call.worker == worker)
