"""The budgets that the records state, for those who look at all of them."""

from collections.abc import Iterator

from safeconduct.access import records as kept
from safeconduct.access.budgets import StatedBudget
from safeconduct.kernel.ports import Records


def stated_budgets(records: Records) -> Iterator[StatedBudget]:
    """Yields the budgets in force: of grants by their windows, of paths and organizations by their agreement's."""
    agreements = {one.id: one.valid for _, one in records.scan(kept.AGREEMENTS)}
    agreement = kept.agreement_in_force(records)
    if agreement is None:
        return
    owned = [
        *((f"grant:{one.id}", one.budget, one.window) for one in kept.grants(records)),
        *((f"path:{one.id}", one.budget, agreements[one.agreement]) for _, one in records.scan(kept.PATHS)),
        *((f"organization:{o.id}", o.budget, agreement.valid) for _, o in records.scan(kept.ORGANIZATIONS)),
    ]
    for owner, budget, own in owned:
        if budget is not None:
            yield StatedBudget(owner=owner, budget=budget, own=own)
