"""What is used of a budget: as the records have it, and recomputed from calls' entries alone to hold them against."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from safeconduct.gateway.budgets.model import Amounts
from safeconduct.gateway.budgets.records import BUDGETS, CHARGES
from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME, OPEN_CALLS
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ports import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Of one account: charged to calls that ended, and reserved by open ones."""

    settled: int = 0
    reserved: int = 0


NOTHING_USED = Used()


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Where an account stands. `leased` is what workers hold for calls to come, `left` what nobody holds."""

    used: Used
    leased: int
    left: int


def used_in_log(entries: Iterable[Entry]) -> dict[str, Used]:
    """Returns what calls used, by account that any used, from their intents and outcomes and nothing else."""
    settled: dict[str, int] = defaultdict(int)
    open_calls: dict[str, Amounts] = {}
    for entry in entries:
        if entry.type == CALL_INTENT.name:
            open_calls[entry.id] = CALL_INTENT.read(entry).reserved
        elif entry.type == CALL_OUTCOME.name:
            ended = CALL_OUTCOME.read(entry)
            open_calls.pop(ended.call, None)
            _add(settled, ended.settled)
    return _used(settled, open_calls.values())


def used_in_records(records: Records) -> dict[str, Used]:
    """Returns the same from the control state."""
    settled: dict[str, int] = defaultdict(int)
    _add(settled, {account: record.settled for account, record in records.scan(BUDGETS)})
    for key, charge in records.scan(CHARGES):
        _add(settled, {key.partition("/")[2].rpartition("/")[0]: charge.amount})
    return _used(settled, (call.reserved for _, call in records.scan(OPEN_CALLS)))


def balance(records: Records, account: str, limit: int, used: Used) -> Balance:
    """Returns where an account stands under a limit."""
    record = records.get(BUDGETS, account)
    taken = used.settled + used.reserved
    promised = record.settled + sum(record.held.values()) if record else 0
    leased = max(0, promised - taken)
    return Balance(used=used, leased=leased, left=max(0, limit - taken - leased))


def _used(settled: Mapping[str, int], reservations: Iterable[Amounts]) -> dict[str, Used]:
    reserved: dict[str, int] = defaultdict(int)
    for amounts in reservations:
        _add(reserved, amounts)
    names = sorted({*settled, *reserved})
    found = {one: Used(settled=settled.get(one, 0), reserved=reserved.get(one, 0)) for one in names}
    return {one: used for one, used in found.items() if used != NOTHING_USED}


def _add(sums: dict[str, int], amounts: Amounts) -> None:
    for account, amount in amounts.items():
        sums[account] += amount
