"""Telling a caller which budget said no, what is left of it, when it begins anew, and what would make the call pass.

Of money a caller is told no amounts: they would tell the price.
"""

from safeconduct.gateway.budgets.model import Account, Amounts, Cost, Unit
from safeconduct.gateway.budgets.purse import Purse
from safeconduct.kernel.errors import LimitedError
from safeconduct.kernel.instants import SECOND, Instant, rfc3339


def budget_exhausted(cost: Cost, purse: Purse, left: Amounts, now: Instant) -> LimitedError:
    """Returns the refusal of a call that does not fit. `left` is what nobody held when more was asked for."""
    available = {one.id: max(0, left.get(one.id, 0) + purse.free(one.id)) for one in cost.accounts}
    account = min(cost.accounts, key=lambda one: available[one.id] - cost.reserved[one.id])
    has, needed = available[account.id], cost.reserved[account.id]
    return LimitedError(
        _message(account, has, needed),
        code="budget-exhausted",
        clause=f"{account.owner}/budget",
        remedy=_remedy(account, has, cost),
        retry_after_s=max(1, -(-(account.closes_at - now) // SECOND)) if needed <= account.limit else None,
    )


def _message(account: Account, has: int, needed: int) -> str:
    if account.unit is Unit.MICRO_USD:
        return f"the budget of money of {account.owner} has too little left for the most that this call may cost"
    return (
        f"the budget of {account.owner} has {has} of {account.limit} tokens left that no call has reserved; "
        f"this call may take {needed}"
    )


def _remedy(account: Account, has: int, cost: Cost) -> str:
    renews = f"wait until {rfc3339(account.closes_at)}, when it begins anew"
    if cost.reserved[account.id] > account.limit:
        renews = "it is more than the whole budget"
    room = has - cost.worst.prompt
    if account.unit is Unit.TOKENS and room > 0:
        return f"ask for at most {room} output tokens, or {renews}"
    return f"send a shorter request with a smaller limit of output tokens, or {renews}"
