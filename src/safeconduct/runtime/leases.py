"""One worker's share of the budgets: calls reserve from memory; what is missing is leased, what is left over goes back.

Leases and returns are commits, one at a time. A call waits for one only where the worker's purse is too small for it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from safeconduct.gateway.budgets.model import Account, Amounts, Cost
from safeconduct.gateway.budgets.purse import Purse
from safeconduct.gateway.budgets.refusals import budget_exhausted
from safeconduct.gateway.budgets.service import Leased, LeaseRequest, give_back, lease
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Clock, Committed, Transaction
from safeconduct.runtime.commands import again, failed

IDLE_S = 5.0
"""Seconds without a call after which a worker gives back all it holds of an account."""


class Commits(Protocol):
    """Where commands go."""

    def __call__(self, command: Callable[[Transaction], Any], *, own: bool = False) -> Awaitable[Committed[Any]]:
        """Returns when the command is durable, or raises what it raised. `own` as for `QueuedWriter.submit`."""
        ...


@dataclass(slots=True, eq=False)
class _Waiting:
    """A call that waits for a lease."""

    cost: Cost
    origin: Origin
    served: "asyncio.Future[None]"


class Leases:
    """What one worker holds of the budgets. Made and used on one loop."""

    def __init__(self, commits: Commits, *, worker: str, clock: Clock) -> None:
        self.purse = Purse()
        self._commits = commits
        self._worker = worker
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()  # one lease or return at a time
        self._waiting: deque[_Waiting] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tidying: asyncio.TimerHandle | None = None
        self._used_at: dict[str, float] = {}

    async def reserve(self, cost: Cost, origin: Origin) -> None:
        """Reserves what a call may cost at most, on every account or on none. `origin` is the log of its path.

        Raises:
            LimitedError: `budget-exhausted`.
            SafeconductError: what the commit of a lease raised.
        """
        if not cost.accounts:
            return
        self.purse.know(cost.accounts)
        if self._waiting or not self.purse.reserve(cost.reserved):
            waiting = _Waiting(cost, origin, self._loop.create_future())
            self._waiting.append(waiting)
            if len(self._waiting) == 1:
                self._begin(self._serve())
            await self._served(waiting)

    async def _served(self, waiting: _Waiting) -> None:
        try:
            await waiting.served
        except asyncio.CancelledError:  # its call is given up; what it got just before is free again
            if not waiting.served.cancelled() and waiting.served.exception() is None:
                self.settle(waiting.cost, dict.fromkeys(waiting.cost.reserved, 0))
            raise

    def settle(self, cost: Cost, settled: Amounts) -> None:
        """Ends a reservation. What is over a slice goes back at once, all of it when nothing was used for a while."""
        if not cost.accounts:
            return
        self.purse.settle(cost, settled)
        now = self._loop.time()
        for account in cost.accounts:
            self._used_at[account.id] = now
        self._tidy_in(0.0 if any(map(self.purse.is_over, cost.accounts)) else IDLE_S)

    async def close(self) -> None:
        """Gives everything back that no call has reserved."""
        if self._tidying is not None:
            self._tidying.cancel()
        await self._return_quiet(self.purse.accounts())

    async def _serve(self) -> None:
        """Serves the calls that wait, in their order, until none does."""
        while self._waiting:
            async with self._turn:
                batch = [one for one in self._waiting if one.origin == self._waiting[0].origin]
                try:
                    leased = await self._lease(batch)
                except SafeconductError as error:
                    self._end(batch, partial(_failed, error))
                except BaseException:  # nobody is left waiting for a task that is gone
                    self._end(list(self._waiting), partial(_failed, _not_leased()))
                    raise
                else:
                    self._end(batch, partial(self._refused, leased=leased))

    async def _lease(self, batch: Sequence[_Waiting]) -> Leased:
        accounts = {account.id: account for one in batch for account in one.cost.accounts}
        self.purse.know(accounts.values())
        request = LeaseRequest(
            worker=self._worker,
            origin=batch[0].origin,
            accounts=accounts,
            free={account: self.purse.free(account) for account in accounts},
            waiting=[one.cost.reserved for one in batch],
        )
        leased: Leased = (await self._commits(partial(lease, request=request))).value
        for account, amount in leased.amounts.items():
            self.purse.add(accounts[account], amount)
        return leased

    def _end(self, batch: Iterable[_Waiting], why: Callable[[_Waiting], SafeconductError | None]) -> None:
        """Ends the waiting of each call that fits, whose caller is gone, or for which there is a reason."""
        for one in batch:
            if one.served.done():  # its call is gone
                self._waiting.remove(one)
            elif self.purse.reserve(one.cost.reserved):
                self._waiting.remove(one)
                one.served.set_result(None)
            elif (error := why(one)) is not None:
                self._waiting.remove(one)
                one.served.set_exception(error)

    def _refused(self, one: _Waiting, leased: Leased) -> SafeconductError | None:
        if self._fits_after_all(one, leased):
            return None
        return budget_exhausted(one.cost, self.purse, leased.left, self._clock.now())

    def _fits_after_all(self, one: _Waiting, leased: Leased) -> bool:
        """Tells whether the next lease lets a call through, since others ended while this one was committed."""
        left = {account: leased.left[account] - leased.amounts.get(account, 0) for account in one.cost.reserved}
        return all(needed <= left[it] + self.purse.free(it) for it, needed in one.cost.reserved.items())

    def _tidy_in(self, delay_s: float) -> None:
        due = self._loop.time() + delay_s
        if self._tidying is not None and self._tidying.when() > due:
            self._tidying.cancel()
            self._tidying = None
        if self._tidying is None:
            self._tidying = self._loop.call_at(due, self._tidy)

    def _tidy(self) -> None:
        self._tidying = None
        self._begin(self._return())

    async def _return(self) -> None:
        idle_since = self._loop.time() - IDLE_S
        quiet = [one for one in self.purse.accounts() if self._used_at.get(one.id, 0.0) <= idle_since]
        await self._return_quiet(quiet)
        async with self._turn:
            for account, excess in list(self.purse.over()):
                self.purse.give_back(account, excess)
                await self._give_back(account, excess)
        if self.purse.accounts():
            self._tidy_in(IDLE_S)

    async def _return_quiet(self, accounts: Iterable[Account]) -> None:
        async with self._turn:
            for account in accounts:
                if self.purse.quiet(account.id):
                    self.purse.forget(account.id)
                    self._used_at.pop(account.id, None)
                    await self._give_back(account.id, None)

    async def _give_back(self, account: str, released: int | None) -> None:
        command = partial(give_back, account=account, worker=self._worker, released=released, by=self._worker)
        try:
            await self._commits(command)
        except SafeconductError:
            return  # it stays out of the purse, and goes back when the account is quiet, or at the next start

    def _begin(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _not_leased() -> SafeconductError:
    return UnavailableError("no part of the budget could be leased", code="lease-failed", remedy="retry")


def _failed(error: SafeconductError, _one: _Waiting) -> SafeconductError:
    return again(failed(error))  # an exception of its own for each
