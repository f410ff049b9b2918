"""Step 8's first half: what a call may use at most, known before it is sent, without any tokenizer."""

from collections.abc import Sequence

import msgspec

from safeconduct.access.budgets import StatedBudget
from safeconduct.access.catalogue import SealedModel
from safeconduct.access.model.paths import SealedPath
from safeconduct.gateway.budgets.model import NO_COST, Account, Cost, Unit, Usage, accounts_of, cost
from safeconduct.gateway.dialects.model import ModelRequest
from safeconduct.gateway.ports import Ask
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.instants import HOUR, Instant

TOOLS_TOKENS = 1024
"""Tokens that a vendor's own words around offered tools may take: several hundred at the vendors that tell."""

COUNTING = "anthropic.count-tokens"
"""The dialect that asks no model: nothing is used."""

EMBEDDINGS = "openai.embeddings"
"""The dialect whose answers have no tokens."""

KNOWN_MAX = 4096
"""Owners whose accounts of the hour are remembered: more than one program's grants, paths and organizations."""


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds a call: the request, what each provider may be sent of it, and the most tokens of an answer."""

    path: SealedPath
    asked: ModelRequest
    model: SealedModel
    asks: tuple[Ask, ...]
    answer: int


def cost_of(budgets: Sequence[StatedBudget], at: Instant, sending: Sending) -> Cost:
    """Returns what must be reserved for a call that arrived at an instant.

    Raises:
        RefusedError: `cost-unbounded`, `price-unknown`.
    """
    dialect = sending.asks[0].dialect
    if not budgets or dialect == COUNTING:
        return NO_COST
    _check_bounded(sending.path, sending.asked)
    accounts = [account for stated in budgets for account in _accounts(stated, at // HOUR)]
    if sending.model.prices is None:
        _check_unpriced(accounts, sending.model.name)
    prompt = sum(prompt_tokens_max(sending.asked, ask.body) for ask in sending.asks)
    answer = 0 if dialect == EMBEDDINGS else len(sending.asks) * sending.answer
    return cost(accounts, Usage(prompt, answer), sending.model.prices)


def prompt_tokens_max(asked: ModelRequest, sent: bytes) -> int:
    """Returns how many tokens a vendor may count of a request: a token is at least one byte of its text.

    The JSON around each text is longer than what a chat template puts in its place.
    """
    return len(sent) + (TOOLS_TOKENS if asked.tools else 0)


def _check_bounded(path: SealedPath, asked: ModelRequest) -> None:
    """What takes tokens that no byte of the request shows can't be reserved for."""
    what = f"{', '.join(asked.media)} in it" if asked.media else "history" if path.history else "tools of the vendor"
    if asked.media or path.history or path.provider_tools:
        raise RefusedError(
            f"this call is under a budget, and nothing bounds the tokens of {what}",
            code="cost-unbounded",
            clause=f"path:{path.id}",
            remedy="use a path or grant without a budget for it",
        )


def _check_unpriced(accounts: Sequence[Account], model: str) -> None:
    for account in accounts:
        if account.unit is Unit.MICRO_USD:
            raise RefusedError(
                f"{account.owner} has a budget of money, and the catalogue has no price for {model}",
                code="price-unknown",
                clause=f"{account.owner}/budget",
                remedy="ask for a model with a price, or have the program state one under models",
            )


_known: dict[str, tuple[StatedBudget, int, tuple[Account, ...]]] = {}  # by owner: the last ones that were asked for


def _accounts(stated: StatedBudget, hour: int) -> tuple[Account, ...]:
    """Returns the accounts in an hour: a pure function, whose last answers are kept because each call asks.

    All windows open and close at full hours, but for own ones, which do not depend on the instant.
    """
    known = _known.get(stated.owner)
    if known is not None and known[0] is stated and known[1] == hour:
        return known[2]
    accounts = accounts_of(stated, Instant(hour * HOUR))
    if len(_known) >= KNOWN_MAX:
        _known.clear()
    _known[stated.owner] = stated, hour, accounts
    return accounts
