"""One budget under four real processes over one PostgreSQL database, one of them killed. Printed with -s."""

from contextlib import ExitStack

from safeconduct.gateway.budgets.records import BUDGETS
from safeconduct.gateway.budgets.sums import Used, used_in_log, used_in_records
from safeconduct.gateway.events import CALL_INTENT
from safeconduct.ledger.rebuild import committed_entries
from safeconduct.runtime.abandoning import abandon_open_calls
from support.budget_worker import USED, WORST, accounts, open_writer
from support.patience import PATIENCE_S
from support.sequencing import spawn
from support.workers import close, say

LIMIT = 1000
(ACCOUNT,) = accounts(LIMIT)
MOST = WORST.prompt + WORST.answer


def test_a_thousand_tokens_under_64_calls_on_4_processes_of_which_one_is_killed(database):
    with ExitStack() as stack:
        fates = ["lives", "lives", "lives", "dies"]
        made = [
            stack.enter_context(spawn("budget_worker", database, f"w{n}", 16, LIMIT, f)) for n, f in enumerate(fates)
        ]
        said = [[process.stdout.readline().strip() for _ in range(16)] for process in made]
        made[3].kill()
        assert [process.wait(PATIENCE_S) for process in made[:3]] == [0, 0, 0]
    writer = open_writer(database, "next")
    try:
        entries = list(committed_entries(writer._store.reader()))
        sums = [used_in_log(entries[: n + 1]).get(ACCOUNT.id, Used()) for n in range(len(entries))]
        most = max(one.settled + one.reserved for one in sums)
        writer.submit(lambda tx: abandon_open_calls(tx, "next")).result(PATIENCE_S)
        with writer._store.snapshot() as records:
            record, stored = records.get(BUDGETS, ACCOUNT.id), used_in_records(records)
        logged = used_in_log(committed_entries(writer._store.reader()))
    finally:
        close(writer)
    passed, died = sum(line == "passed" for lines in said for line in lines), said[3].count("passed")
    intents = sum(entry.type == CALL_INTENT.name for entry in entries)
    total = (passed - died) * (USED.prompt + USED.answer) + died * MOST
    assert {line for lines in said for line in lines} <= {"passed", "budget-exhausted"}
    assert (intents, logged, stored) == (passed, {ACCOUNT.id: Used(settled=total)}, logged)
    assert (record.settled, record.held, record.left(LIMIT)) == (total, {}, LIMIT - total)
    assert MOST <= most <= LIMIT
    say(f"\n{passed} of 64 calls passed, {died} of them died with their process; at most {most} of {LIMIT} tokens")
    say(f"were used and reserved at any entry; in the end {total} used by log and records, 0 leased")
