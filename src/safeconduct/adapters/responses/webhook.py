"""Automation of one's own, by signed webhooks (Standard Webhooks, version 1): told, asked, and told to undo.

Three messages: `safeconduct.response.apply`, `.undo` and `.look`, each with the action, kind, target, incident and end.
The receiver answers `{"held": true}` or `{"held": false}`: how it stands after the message.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from safeconduct.adapters.notifiers.web import signed_headers
from safeconduct.adapters.responses.asking import Site
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Clock
from safeconduct.soc.actions.ports import Order, Standing


@dataclass(frozen=True, slots=True)
class ResponseWebhook:
    """`Point` of any kind that takes effect at points. A message sent again keeps its id, so that it counts once."""

    site: Site
    secret: bytes = field(repr=False)
    clock: Clock

    def look(self, order: Order) -> Standing:
        return Standing(held=self._tell("look", order))

    def apply(self, order: Order, before: Standing) -> None:
        if not before.held:
            self._tell("apply", order)

    def undo(self, order: Order, before: Standing) -> None:
        if not before.held:
            self._tell("undo", order)

    def _tell(self, what: str, order: Order) -> bool:
        body, now = msgspec.json.encode(_message(what, order)), self.clock.now()
        said: Any = self.site.send("POST", "", body, signed_headers(self.secret, f"{order.action}.{what}", now, body))
        if not isinstance(said, dict) or not isinstance(said.get("held"), bool):
            raise UnavailableError('expected {"held": true} or {"held": false}', code="webhook-answer-malformed")
        return bool(said["held"])


def _message(what: str, order: Order) -> dict[str, object]:
    return {
        "type": f"safeconduct.response.{what}",
        "data": {
            "action": order.action,
            "kind": order.kind,
            "target": order.target,
            "incident": order.incident,
            "until": rfc3339(order.until),
        },
    }
