"""A worker as a process of its own: commits calls and decisions in groups, and prints what was acknowledged.

    python -m support.workers DATABASE NAME GROUPS EACH

Each group is calls of its own (an intent and an outcome each, both keyed by the call) and one decision that depends on
all decisions before it: it takes the next number of a shared counter.
"""

import json
import sys
from concurrent.futures import wait
from dataclasses import dataclass

from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.adapters.memory.keys import MemoryKeys
from safeconduct.adapters.postgres.shared import PostgresShared
from safeconduct.kernel.entries import Draft
from safeconduct.kernel.errors import ConflictError, UnavailableError
from safeconduct.kernel.ports import Collection
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.receipts import encode_receipt
from safeconduct.ledger.worker_events import PROJECTIONS as WORKERS
from safeconduct.runtime.worker import WorkerWriter
from support.logs import CALLS, OTHER
from support.patience import PATIENCE_S

BEGAN, ENDED, DECIDED = "test.call.began/1", "test.call.ended/1", "test.decision.taken/1"
OWN = frozenset({BEGAN, ENDED})


@dataclass(frozen=True)
class Call:
    entry: str
    ended: str = ""


@dataclass(frozen=True)
class Counter:
    value: int
    by: str


OPEN = Collection("open", Call)
COUNTERS = Collection("counters", Counter)
DECISIONS = Collection("decisions", str)


def _began(state, entry):
    state.insert(OPEN, entry.body["call"], Call(entry.id))


def _ended(state, entry):
    call = state.get(OPEN, entry.body["call"])
    if call is None or call.ended:
        raise ConflictError("it is not open", code="call-ended")
    state.put(OPEN, entry.body["call"], Call(call.entry, entry.id))


def _decided(state, entry):
    last = state.get(COUNTERS, "n")
    assert entry.body["number"] == (last.value if last else 0) + 1  # an order that only one history has
    state.put(COUNTERS, "n", Counter(entry.body["number"], entry.body["by"]))
    state.insert(DECISIONS, f"{entry.body['number']:08d}", entry.id)


PROJECTIONS = {BEGAN: _began, ENDED: _ended, DECIDED: _decided, **WORKERS}


def began(call):
    return lambda tx: tx.append(CALLS, Draft(type=BEGAN, body={"call": call}))


def ended(call):
    return lambda tx: tx.append(CALLS, Draft(type=ENDED, body={"call": call}))


def decide(by):
    def command(tx):
        last = tx.get(COUNTERS, "n")
        number = (last.value if last else 0) + 1
        return tx.append(OTHER if number % 2 else CALLS, Draft(type=DECIDED, body={"number": number, "by": by}))

    return command


def open_worker(url, name, *, store=None, clock=None, **options):
    """Returns a writer over the database that is started and has both logs open."""
    secret = SecretKey(system_entropy(32))
    writer = WorkerWriter(
        store or PostgresShared(url),
        MemoryKeys(system_entropy),
        worker=name,
        signer=lambda origin: NoteSigner(f"{origin}/worker/{name}", secret),
        own=OWN,
        clock=clock or SystemClock(),
        entropy=system_entropy,
        projections=PROJECTIONS,
        **options,
    )
    writer.start()
    for origin in (CALLS, OTHER):
        writer.open_origin(origin)
    return writer


def close(writer):
    writer.close()
    writer._store.close()


def say(line):
    """Tells whoever started this process."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(url, name, groups, each):
    writer = open_worker(url, name)
    say("ready")
    for group in range(groups):
        calls = [f"{name}-{group}-{n}" for n in range(each)]
        for step in (began, ended):
            futures = [writer.submit(step(call), own=True) for call in calls]
            report([*futures, writer.submit(decide(name))])
    close(writer)


def report(futures):
    wait(futures, timeout=PATIENCE_S)
    for future in futures:
        try:
            committed = future.result(0)
        except UnavailableError as error:
            say(json.dumps({"failed": error.code}))
        else:
            told = {"id": committed.value.id, "receipt": encode_receipt(committed.receipts[0])}
            say(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
