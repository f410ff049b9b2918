"""A point in memory: the reference of what `soc.actions.ports.Point` promises, and the fast half of its tests."""

from dataclasses import dataclass, field

from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import ActionId
from safeconduct.soc.actions.ports import Order, Standing

OTHERS = ActionId("")
"""Stands for who holds a target that no action of ours does."""


@dataclass(slots=True)
class MemoryPoint:
    """Holds targets, each by whoever came first; what another holds, it leaves as it is."""

    held: dict[str, ActionId] = field(default_factory=dict)
    refuses: str = ""

    def look(self, order: Order) -> Standing:
        return Standing(held=order.target in self.held)

    def apply(self, order: Order, before: Standing) -> None:
        if self.refuses:
            raise RefusedError("this point refuses", code=self.refuses)
        self.held.setdefault(order.target, OTHERS if before.held else order.action)

    def undo(self, order: Order, before: Standing) -> None:
        if not before.held and self.held.get(order.target) == order.action:
            del self.held[order.target]
