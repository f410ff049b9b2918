"""Microsoft Defender over Graph security v1.0: advanced hunting, alerts, classifications and comments.

Experimental: held to a stand-in made from the published API, not to the service.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from safeconduct.adapters.siem.asking.requests import ask, garbled, rows
from safeconduct.adapters.siem.entra import Client, Login
from safeconduct.adapters.siem.web import Web
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.siem.model import TELLING, Alerted, Found, Search, SiemAlert, Telling

SCOPE = "https://graph.microsoft.com/.default"
HUNT = "/v1.0/security/runHuntingQuery"
ALERTS = "/v1.0/security/alerts_v2"
PAGE = 100
"""Alerts asked for at once."""

CLASSIFICATIONS: Mapping[Judgment, str] = {
    Judgment.TRUE_POSITIVE: "truePositive",
    Judgment.BENIGN_POSITIVE: "informationalExpectedActivity",
    Judgment.FALSE_POSITIVE: "falsePositive",
}
WHO = "Microsoft Graph"


class MicrosoftOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signs in. Its application needs ThreatHunting.Read.All, and SecurityAlert.ReadWrite.All to be told."""

    tenant: str
    client: str
    url: str = "https://graph.microsoft.com"
    login: str = "https://login.microsoftonline.com"
    ca: str = ""


class Microsoft:
    """`Siem` over Graph security."""

    def __init__(self, options: MicrosoftOptions, secret: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._web = Web(options.url, ca=options.ca)
        client = Client(tenant=options.tenant, client=options.client, login=options.login, ca=options.ca)
        self._login = Login(client, secret, SCOPE, clock)

    def search(self, search: Search) -> Found:
        """Runs the query. What Graph adds to tell a value's type is left out."""
        span = f"{rfc3339(search.first)}/{rfc3339(search.last)}"
        said = self._ask("POST", HUNT, {"Query": search.text, "Timespan": span})
        found = [_plain(row) for row in rows(said.get("results"), WHO)]
        return Found(rows=found[: search.limit], complete=len(found) <= search.limit)

    def alerts(self, since: Instant, limit: int) -> Alerted:
        """Returns alerts by their last change. Graph gives them in no order, so every page is read, up to the limit."""
        asked = urlencode({"$filter": f"lastUpdateDateTime ge {rfc3339(since)}", "$top": min(PAGE, limit)})
        path, found = f"{ALERTS}?{asked}", list[SiemAlert]()
        while path and len(found) <= limit:
            said = self._ask("GET", path)
            found += [_alert(one) for one in rows(said.get("value"), WHO)]
            path = _next(said)
        ordered = sorted(found, key=lambda one: (one.at, one.id))
        return Alerted(alerts=ordered[:limit], complete=not path and len(found) <= limit)

    def tell(self, telling: Telling) -> bool:
        """Classifies the alert, then comments on it: where the comment stands, the classification does."""
        path = f"{ALERTS}/{quote(telling.alert, safe='')}"
        if telling.mark in _comments(self._ask("GET", path)):
            return False
        self._ask("PATCH", path, {"classification": CLASSIFICATIONS[telling.judgment]})
        comment = {"@odata.type": "microsoft.graph.security.alertComment", "comment": telling.comment}
        self._ask("POST", f"{path}/comments", comment)
        return True

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        headers = {"authorization": f"Bearer {self._login.token()}", "content-type": "application/json"}
        content = b"" if body is None else msgspec.json.encode(body)
        return ask(self._web, method, path, headers, content, who=WHO)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if "@odata." not in name and value not in (None, "")}


def _alert(record: Mapping[str, Any]) -> SiemAlert:
    try:
        at = parse_rfc3339(record["lastUpdateDateTime"])
        ours, severity = TELLING in _comments(record), str(record.get("severity", "")).lower()
        return SiemAlert(id=record["id"], at=at, title=record["title"], severity=severity, record=record, ours=ours)
    except (KeyError, InvalidInputError) as error:
        raise garbled(WHO, f"an alert without {error}") from error


def _comments(record: Mapping[str, Any]) -> str:
    return "\n".join(str(one.get("comment", "")) for one in rows(record.get("comments") or [], WHO))


def _next(said: Mapping[str, Any]) -> str:
    """Returns the next page's path: on the same server, whatever the link says."""
    link = urlsplit(str(said.get("@odata.nextLink") or ""))
    return f"{link.path}?{link.query}" if link.path else ""
