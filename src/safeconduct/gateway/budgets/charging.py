"""Step 14's half: what a call is charged, by what its upstream said and what it can't have used."""

from dataclasses import dataclass

from safeconduct.gateway.budgets.model import Amounts, Basis, Cost, Usage
from safeconduct.gateway.moves import End, Outcome

NOTHING = Usage(0, 0)


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call is charged on each account, and what that rests on."""

    settled: Amounts
    basis: Basis


NO_CHARGE = Charge({}, Basis.UNBUDGETED)
"""Of a call under no budget."""


def charge(cost: Cost, outcome: Outcome) -> Charge:
    """Returns what a call is charged: what its upstream counted, unless attempts are left that nobody counted."""
    if not cost.accounts:
        return NO_CHARGE
    prompt, answer = outcome.prompt_tokens, outcome.completion_tokens
    uncounted = outcome.end is End.COMPLETED and None in (prompt, answer)
    if outcome.unaccounted > uncounted:
        return Charge(cost.reserved, Basis.WORST_CASE)
    if outcome.end is not End.COMPLETED and prompt is None:
        return Charge(cost.settled(NOTHING), Basis.NOTHING)
    if answer is None and not cost.worst.answer:
        answer = 0  # an answer that has no tokens
    usage = Usage(_known(prompt, cost.worst.prompt), _known(answer, cost.worst.answer))
    reported = prompt is not None and answer is not None
    return Charge(cost.settled(usage), Basis.REPORTED if reported else Basis.WORST_CASE)


def _known(count: int | None, worst: int) -> int:
    return worst if count is None else count
