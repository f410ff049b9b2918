"""What a call may cost at most, what it did cost, and the accounts that it is counted in. Whole numbers only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.access.budgets import StatedBudget
from safeconduct.access.catalogue import Prices
from safeconduct.gateway.budgets.windows import window_of
from safeconduct.kernel.instants import Instant

Amounts = Mapping[str, int]
"""By the account's id: tokens or micro-USD."""

AMOUNT_MAX = 10**12
"""The most that a call is charged on an account, whatever its upstream says: a trillion tokens, a million dollars."""

_MILLION = 1_000_000


class Unit(StrEnum):
    """What an account counts."""

    TOKENS = "tokens"  # of prompt and answer together
    MICRO_USD = "micro-usd"  # millionths of a dollar, each call rounded up


class Basis(StrEnum):
    """What the charge of a call rests on."""

    UNBUDGETED = ""  # no budget counts it
    REPORTED = "reported"  # the upstream's own usage
    WORST_CASE = "worst-case"  # what was reserved, in whole or in part: the usage is not known
    NOTHING = "nothing"  # no model was asked, or it refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One budget's count of one unit in one window. `id` is `OWNER/UNIT/WINDOW`."""

    id: str
    owner: str
    unit: Unit
    limit: int
    opens_at: Instant
    closes_at: Instant


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that went into a model and came out."""

    prompt: int
    answer: int


def accounts_of(stated: StatedBudget, at: Instant) -> tuple[Account, ...]:
    """Returns the accounts that a call at an instant is counted in under one budget."""
    name, window = window_of(stated.budget.per, at, stated.own)
    limits = ((Unit.TOKENS, stated.budget.tokens), (Unit.MICRO_USD, stated.budget.micro_usd))
    return tuple(
        Account(
            id=f"{stated.owner}/{unit}/{name}",
            owner=stated.owner,
            unit=unit,
            limit=limit,
            opens_at=window.opens_at,
            closes_at=window.closes_at,
        )
        for unit, limit in limits
        if limit is not None
    )


def amount(unit: Unit, usage: Usage, prices: Prices | None) -> int:
    """Returns what a usage counts for. A price is micro-USD for a million tokens; a call is rounded up to a micro-USD.

    Raises:
        ValueError: money is counted, and there is no price.
    """
    if unit is Unit.TOKENS:
        return min(usage.prompt + usage.answer, AMOUNT_MAX)
    if prices is None:
        raise ValueError("money is counted by prices")
    parts = usage.prompt * prices.input + usage.answer * prices.output
    return min(-(-parts // _MILLION), AMOUNT_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a call costs at most, on every account that applies."""

    accounts: tuple[Account, ...]
    worst: Usage
    prices: Prices | None
    reserved: Amounts

    def settled(self, usage: Usage) -> Amounts:
        """Returns what a usage is charged on each account."""
        return {one.id: amount(one.unit, usage, self.prices) for one in self.accounts}


NO_COST = Cost(accounts=(), worst=Usage(0, 0), prices=None, reserved={})
"""Of a call under no budget."""


def cost(accounts: Iterable[Account], worst: Usage, prices: Prices | None) -> Cost:
    """Returns what must be reserved for a call.

    Raises:
        ValueError: money is counted, and there is no price.
    """
    held = tuple(accounts)
    reserved = {one.id: amount(one.unit, worst, prices) for one in held}
    return Cost(accounts=held, worst=worst, prices=prices, reserved=reserved)
