"""Budgets: what is used, reserved, leased and left in each window, and whether the log says the same."""

from typing import Any

from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.reading_rights import Reader, concerns
from safeconduct.access.stated import stated_budgets
from safeconduct.gateway.budgets.model import Account, accounts_of
from safeconduct.gateway.budgets.sums import NOTHING_USED, Used, balance, used_in_log, used_in_records
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.ledger.rebuild import committed_entries
from safeconduct.ledger.records import StoredRecords

router = APIRouter(prefix="/api/v1/budgets", tags=["budgets"])


@router.get("")
def list_budgets(reader: Reading, control: Installation) -> Response:
    """Lists the budgets in force that the reader may read, each unit in its window now."""
    with control.snapshot() as records:
        return answer(budget_documents(records, reader, control.clock.now()))


@router.get("/check")
def check_budgets(_reading: Reading, control: Installation) -> Response:
    """Recomputes every budget from the entries of calls alone, and compares. Reads all logs."""
    with control.logs.frozen() as frozen:
        recorded, logged = used_in_records(StoredRecords(frozen)), used_in_log(committed_entries(frozen))
    names = sorted(recorded.keys() | logged.keys())
    found = [_compared(name, recorded.get(name, NOTHING_USED), logged.get(name, NOTHING_USED)) for name in names]
    return answer({"equal": all(one["equal"] for one in found), "accounts": found})


@router.get("/{owner}")
def show_budget(reader: Reading, control: Installation, owner: str) -> Response:
    """Shows the budget of an owner: `grant:NAME`, `path:NAME` or `organization:NAME`."""
    with control.snapshot() as records:
        found = [one for one in budget_documents(records, reader, control.clock.now()) if one["owner"] == owner]
    if not found:
        raise AbsentError(
            f"{owner!r} has no budget in force; owners are written grant:NAME, path:NAME, organization:NAME",
            code="budget-unknown",
            remedy="safeconduct budget list",
        )
    return answer(found)


def budget_documents(records: Records, reader: Reader, now: Instant) -> list[dict[str, Any]]:
    """Returns every budget in force that the reader may read, each unit in its window now."""
    used = used_in_records(records)
    shown = [stated for stated in stated_budgets(records) if _reads(records, reader, stated.owner)]
    accounts = [account for stated in shown for account in accounts_of(stated, now)]
    return [_document(records, one, used.get(one.id, NOTHING_USED)) for one in sorted(accounts, key=lambda one: one.id)]


def _reads(records: Records, reader: Reader, owner: str) -> bool:
    kind, _, name = owner.partition(":")
    grant = kept.grant(records, name) if kind == "grant" else None
    return reader.of_party or (grant is not None and concerns(records, reader, grant.principal))


def _document(records: Records, account: Account, used: Used) -> dict[str, Any]:
    now = balance(records, account.id, account.limit, used)
    return {
        "account": account.id,
        "owner": account.owner,
        "unit": account.unit,
        "limit": account.limit,
        "settled": used.settled,
        "reserved": used.reserved,
        "leased": now.leased,
        "left": now.left,
        "window": {"from": rfc3339(account.opens_at), "until": rfc3339(account.closes_at)},
    }


def _compared(account: str, kept: Used, logged: Used) -> dict[str, Any]:
    shown = {"settled": kept.settled, "reserved": kept.reserved}
    log = {"settled": logged.settled, "reserved": logged.reserved}
    return {"account": account, "records": shown, "log": log, "equal": kept == logged}
