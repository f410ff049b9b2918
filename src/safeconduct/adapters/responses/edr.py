"""Isolation of hosts by an EDR, over the small HTTP contract of docs/responses.md, which a bridge to a vendor has."""

import time
from dataclasses import dataclass

from safeconduct.adapters.responses.asking import Site, part
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.actions.ports import Order, Standing

SETTLE_S = 60.0
"""Seconds that a host may take to hear of it. An agent that is on asks its server every few seconds."""

LOOK_S = 2.0
"""Seconds between two looks at a host that is about to change."""


@dataclass(frozen=True, slots=True)
class EdrBridge:
    """`Point` of the kind `isolate-host`. `settle_s` is how long a look waits while the host changes."""

    site: Site
    settle_s: float = SETTLE_S
    look_s: float = LOOK_S

    def look(self, order: Order) -> Standing:
        ends = time.monotonic() + self.settle_s
        while (state := self._state(order)) in ("isolating", "releasing"):
            if time.monotonic() >= ends:
                raise UnavailableError(f"the host is {state} for too long", code=f"edr-{state}")
            time.sleep(self.look_s)
        return Standing(held=state == "isolated")

    def apply(self, order: Order, before: Standing) -> None:
        if not before.held:
            wanted = {"incident": order.incident, "until": rfc3339(order.until)}
            self.site.ask("PUT", _place(order), wanted, {"idempotency-key": order.action})

    def undo(self, order: Order, before: Standing) -> None:
        if not before.held:
            self.site.ask("DELETE", _place(order), headers={"idempotency-key": order.action})

    def _state(self, order: Order) -> str:
        said = self.site.ask("GET", _place(order))
        state = said.get("state") if isinstance(said, dict) else None
        if state not in ("connected", "isolating", "isolated", "releasing"):
            raise UnavailableError("the bridge named no state of docs/responses.md", code="edr-answer-malformed")
        return str(state)


def _place(order: Order) -> str:
    return f"/isolations/{part(order.target)}"
