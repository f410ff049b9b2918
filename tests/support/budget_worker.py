"""A worker as a process of its own that makes calls at once under a budget, and prints what became of each.

    python -m support.budget_worker DATABASE NAME CALLS LIMIT DIES

With DIES its intents are committed and its calls never end: it waits to be killed.
"""

import asyncio
import sys

from msgspec.structs import replace

from safeconduct.access.budgets import Budget, Period, StatedBudget
from safeconduct.access.model.windows import Window
from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.adapters.memory.keys import MemoryKeys
from safeconduct.adapters.postgres.shared import PostgresShared
from safeconduct.gateway.budgets.model import Usage, accounts_of, cost
from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME, PROJECTIONS
from safeconduct.kernel.errors import LimitedError
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.worker_events import PROJECTIONS as WORKERS
from safeconduct.runtime.commits import LoopCommits
from safeconduct.runtime.leases import Leases
from safeconduct.runtime.worker import WorkerWriter
from support.calls import ENDED, INTENT
from support.logs import CALLS
from support.workers import close, say

ALL = {**PROJECTIONS, **WORKERS}
OWN = frozenset({CALL_INTENT.name, CALL_OUTCOME.name})
WORST, USED = Usage(40, 20), Usage(12, 4)
FOREVER = Window(opens_at=Instant(0), closes_at=Instant(2**52))


def accounts(limit):
    return accounts_of(StatedBudget(owner="path:p", budget=Budget(per=Period.WINDOW, tokens=limit), own=FOREVER), 0)


def open_writer(url, name):
    secret = SecretKey(system_entropy(32))
    writer = WorkerWriter(
        PostgresShared(url),
        MemoryKeys(system_entropy),
        worker=name,
        signer=lambda origin: NoteSigner(f"{origin}/worker/{name}", secret),
        own=OWN,
        clock=SystemClock(),
        entropy=system_entropy,
        projections=ALL,
    )
    writer.start()
    writer.open_origin(CALLS)
    return writer


async def make_calls(writer, name, count, limit, *, dies):
    commit = LoopCommits(writer).commit
    leases = Leases(commit, worker=name, clock=SystemClock())
    spent = cost(accounts(limit), WORST, None)

    async def one():
        try:
            await leases.reserve(spent, CALLS)
        except LimitedError as error:
            return say(error.code)
        intent = CALL_INTENT.draft(replace(INTENT, worker=name, reserved=spent.reserved))
        call = (await commit(lambda tx: tx.append(CALLS, intent), own=True)).value.id
        say("passed")
        if dies:
            await asyncio.Event().wait()
        ended = CALL_OUTCOME.draft(replace(ENDED, call=call, worker=name, settled=spent.settled(USED)))
        await commit(lambda tx: tx.append(CALLS, ended), own=True)
        leases.settle(spent, spent.settled(USED))
        return None

    await asyncio.gather(*(one() for _ in range(count)))
    await leases.close()


def main(url, name, count, limit, dies):
    writer = open_writer(url, name)
    asyncio.run(make_calls(writer, name, int(count), int(limit), dies=dies == "dies"))
    close(writer)


if __name__ == "__main__":
    main(*sys.argv[1:])
