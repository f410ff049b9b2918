"""Tickets in Jira (REST API, version 2): opened once, found again by the action's label, closed by a transition.

Jira has no idempotency keys. Before one is opened, the label is looked for; so a ticket whose answer got lost is found,
unless Jira's search, which lags behind by seconds, does not know it yet: then there are two, and both are closed.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from safeconduct.adapters.responses.asking import Site, part
from safeconduct.kernel.errors import RefusedError, UnavailableError
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.actions.ports import Order, Standing

FOUND_MAX = 10
"""Tickets of one action that are looked at. One is usual, two after an answer that got lost."""

CLOSED = "done"
"""The key of the status category in which a ticket is over, in every Jira and every language."""


@dataclass(frozen=True, slots=True)
class Jira:
    """`Point` of the kind `open-ticket`, in one project and of one type of issue."""

    site: Site
    project: str
    issue_type: str

    def look(self, order: Order) -> Standing:
        return Standing(held=bool(self._open(order)))

    def apply(self, order: Order, _before: Standing) -> None:
        if not self._open(order):
            self.site.ask("POST", "/rest/api/2/issue", {"fields": self._fields(order)})

    def undo(self, order: Order, _before: Standing) -> None:
        for key in self._open(order):
            place = f"/rest/api/2/issue/{part(key)}/transitions"
            self.site.ask("POST", place, {"transition": {"id": self._closing(place)}})

    def _fields(self, order: Order) -> dict[str, object]:
        return {
            "project": {"key": self.project},
            "issuetype": {"name": self.issue_type},
            "summary": f"Incident {order.incident}: {order.target}"[:255],
            "description": f"Action {order.action} of Safeconduct, until {rfc3339(order.until)}.",
            "labels": [_label(order)],
        }

    def _open(self, order: Order) -> list[str]:
        jql = f'project = "{self.project}" AND labels = "{_label(order)}"'
        asked = urlencode({"jql": jql, "fields": "status", "maxResults": FOUND_MAX})
        found: Any = self.site.ask("GET", f"/rest/api/2/search?{asked}")
        try:
            states = {one["key"]: one["fields"]["status"]["statusCategory"]["key"] for one in found["issues"]}
        except (KeyError, TypeError) as error:
            raise UnavailableError("the answer is not Jira's", code="ticket-answer-malformed") from error
        return sorted(key for key, state in states.items() if state != CLOSED)

    def _closing(self, place: str) -> str:
        said: Any = self.site.ask("GET", place)
        for one in said.get("transitions", ()) if isinstance(said, dict) else ():
            if one["to"]["statusCategory"]["key"] == CLOSED:
                return str(one["id"])
        raise RefusedError("no transition leads from here to a closed ticket", code="ticket-not-closable")


def _label(order: Order) -> str:
    return f"safeconduct-{order.action}".lower()
