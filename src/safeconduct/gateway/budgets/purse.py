"""What one worker holds of the budgets, in memory: calls reserve from it without asking anybody.

A worker's purse never holds more than its leases in the records, less what its calls were charged and have reserved. So
whatever it lets through was taken from the budget before.
"""

from collections.abc import Iterable, Iterator

from safeconduct.gateway.budgets.model import Account, Amounts, Cost

SLICE_PARTS = 64
"""A slice is this part of a budget: the most that a worker keeps beyond what its calls have reserved. What stays unused
at exhaustion is at most a slice for each worker; a smaller part leaves less unused, and takes leases more often."""


def slice_of(limit: int) -> int:
    """Returns the slice of a budget: what a worker may keep for calls to come."""
    return limit // SLICE_PARTS


class Purse:
    """Amounts that are free to be reserved, by account. One thread. No I/O."""

    def __init__(self) -> None:
        self._free: dict[str, int] = {}
        self._accounts: dict[str, Account] = {}
        self._open: dict[str, int] = {}

    def free(self, account: str) -> int:
        """Returns what is free. Below zero: an upstream used more than was reserved, and this is owed."""
        return self._free.get(account, 0)

    def accounts(self) -> list[Account]:
        """Returns the accounts that were used since they were last forgotten."""
        return list(self._accounts.values())

    def know(self, accounts: Iterable[Account]) -> None:
        """Takes note of the accounts in force. What is free under another limit than theirs counts no more."""
        for account in accounts:
            known = self._accounts.get(account.id)
            if known is not account and (known is None or known.limit != account.limit):
                self._accounts[account.id] = account
                self._free[account.id] = min(0, self.free(account.id))

    def reserve(self, needs: Amounts) -> bool:
        """Takes what a call needs on all accounts, or nothing at all. Tells whether it did."""
        free = self._free
        for account, needed in needs.items():
            if free.get(account, 0) < needed:
                return False
        for account, needed in needs.items():
            free[account] -= needed
            self._open[account] = self._open.get(account, 0) + 1
        return True

    def settle(self, cost: Cost, settled: Amounts) -> None:
        """Ends a reservation: what was not used is free again, what was used beyond it is owed.

        What was reserved under another limit than the one in force is not free again, but goes back when all is quiet.
        """
        for account in cost.accounts:
            left = cost.reserved[account.id] - settled[account.id]
            self._free[account.id] = self.free(account.id) + (left if self._in_force(account) else min(0, left))
            self._open[account.id] -= 1

    def add(self, account: Account, amount: int) -> None:
        """Takes in a lease. One under another limit than the one in force goes back when all is quiet."""
        if self._in_force(account):
            self._free[account.id] = self.free(account.id) + amount

    def _in_force(self, account: Account) -> bool:
        known = self._accounts.get(account.id)
        return known is not None and known.limit == account.limit

    def quiet(self, account: str) -> bool:
        """Tells whether no call has a reservation on the account."""
        return not self._open.get(account)

    def is_over(self, account: Account) -> bool:
        """Tells whether more than a slice is free, or something is owed: both are due to be accounted for."""
        return not 0 <= self._free.get(account.id, 0) <= slice_of(account.limit)

    def over(self) -> Iterator[tuple[str, int]]:
        """Yields where more than a slice is free, and by how much; and where something is owed, with zero."""
        for account in self._accounts.values():
            if self.is_over(account):
                yield account.id, max(0, self.free(account.id) - slice_of(account.limit))

    def give_back(self, account: str, amount: int) -> None:
        """Takes out what is about to be given back. Should that fail, it stays out: it may have been done."""
        self._free[account] = self.free(account) - amount

    def forget(self, account: str) -> None:
        """Drops a quiet account, with whatever is free on it."""
        self._free.pop(account, None)
        self._accounts.pop(account, None)
        self._open.pop(account, None)
