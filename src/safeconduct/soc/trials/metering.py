"""What calls of a trial took, as their outcomes say."""

from collections.abc import Iterable

from safeconduct.access.catalogue import Prices
from safeconduct.access.model.paths import SealedPath
from safeconduct.gateway.budgets.model import Unit, Usage, amount
from safeconduct.gateway.events import ENDED_CALLS, EndedCall
from safeconduct.kernel.ports import Records


def metered(records: Records, path: SealedPath, calls: Iterable[str], worst: Usage) -> tuple[int, int | None]:
    """Returns the tokens of calls, and what they cost in micro-USD, or None where the path has no price for one.

    What a vendor did not count is what such a call takes at most.
    """
    prices = {model.version: model.prices for model in path.catalogue}
    used = [_usage(records.get(ENDED_CALLS, call), worst) for call in calls]
    costs = [_cost(usage, prices.get(model)) for usage, model in used]
    known = [one for one in costs if one is not None]
    return sum(one.prompt + one.answer for one, _ in used), sum(known) if len(known) == len(costs) else None


def _usage(ended: EndedCall | None, worst: Usage) -> tuple[Usage, str]:
    if ended is None:
        return worst, ""
    prompt, answer = ended.prompt_tokens, ended.completion_tokens
    return Usage(worst.prompt if prompt is None else prompt, worst.answer if answer is None else answer), ended.model


def _cost(usage: Usage, prices: Prices | None) -> int | None:
    return None if prices is None else amount(Unit.MICRO_USD, usage, prices)
