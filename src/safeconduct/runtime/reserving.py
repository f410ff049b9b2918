"""What one call holds of budgets, from before its intent until its outcome."""

from typing import TYPE_CHECKING

from safeconduct.gateway.budgets.model import NO_COST, Amounts

if TYPE_CHECKING:
    from safeconduct.gateway.prepared import Prepared
    from safeconduct.runtime.leases import Leases


class Reservation:
    """The worst case of one call, reserved at most once at a time and ended once."""

    def __init__(self, leases: "Leases") -> None:
        self._leases = leases
        self.cost = NO_COST

    async def take(self, prepared: "Prepared") -> None:
        """Reserves what the call may cost.

        Raises:
            SafeconductError: a budget does not hold it, or can't be asked.
        """
        await self._leases.reserve(prepared.cost, prepared.path.origin)
        self.cost = prepared.cost

    def settle(self, settled: Amounts) -> None:
        """Ends it: so much was used, and the rest is free again."""
        cost, self.cost = self.cost, NO_COST
        self._leases.settle(cost, settled)

    def settle_unused(self) -> None:
        """Ends it for a call that was not made."""
        self.settle(dict.fromkeys(self.cost.reserved, 0))

    def settle_whole(self) -> None:
        """Ends it where no outcome is known to stand: then nothing is free again."""
        self.settle(self.cost.reserved)
