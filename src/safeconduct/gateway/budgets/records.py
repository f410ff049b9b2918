"""The shared half of a budget: one record for each account, and what may be leased from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from safeconduct.gateway.budgets.model import Account, Amounts
from safeconduct.gateway.budgets.purse import SLICE_PARTS
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRecord:
    """An account as all workers share it. `settled` was used and accounted for; `held` is leased, by worker.

    What a worker's calls were charged since its last account is part of what it holds, and stands in CHARGES.
    """

    owner: str
    unit: str
    limit: int
    opens_at: Instant
    closes_at: Instant
    origin: Origin
    settled: int = 0
    held: Mapping[str, int] = field(default_factory=dict)

    def left(self, limit: int) -> int:
        """Returns what is neither settled nor leased of a limit; never below zero."""
        return max(0, limit - self.settled - sum(self.held.values()))

    def accounted(self, worker: str, *, settled: int, leased: int = 0, released: int = 0) -> "BudgetRecord":
        """Returns the record after a worker accounted for its calls, took more, or gave back.

        What calls used beyond what the worker held is settled all the same: it is gone.
        """
        now = max(0, self.held.get(worker, 0) - settled - released) + leased
        others = {name: amount for name, amount in self.held.items() if name != worker}
        return replace(self, settled=self.settled + settled, held=others | ({worker: now} if now else {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRecord:
    """What one call used of one account, until its worker accounts for it."""

    amount: int


BUDGETS = Collection("budgets", BudgetRecord)  # at the account's id
CHARGES = Collection("budget-charges", ChargeRecord)  # at `worker/account/call`


def record_of(account: Account, origin: Origin) -> BudgetRecord:
    """Returns the record of an account that nothing was taken from yet."""
    return BudgetRecord(
        owner=account.owner,
        unit=account.unit,
        limit=account.limit,
        opens_at=account.opens_at,
        closes_at=account.closes_at,
        origin=origin,
    )


def leases(left: Amounts, free: Amounts, waiting: Sequence[Amounts]) -> dict[str, int]:
    """Returns what a worker takes on each account for calls that wait, in their order: those that fit, fit whole.

    `left` is what may be leased, `free` what the worker has. With a lease come some more for calls to come: a part of
    what is left then, so that leases grow smaller as a budget ends.
    """
    taken = dict.fromkeys(left, 0)
    for needs in waiting:
        if all(taken[one] + needed <= left[one] + free.get(one, 0) for one, needed in needs.items()):
            for one, needed in needs.items():
                taken[one] += needed
    found = {one: amount - free.get(one, 0) for one, amount in taken.items() if amount > free.get(one, 0) and amount}
    return {one: amount + (left[one] - amount) // SLICE_PARTS for one, amount in found.items()}
