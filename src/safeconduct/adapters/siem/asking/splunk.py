"""Splunk over its search API, and Enterprise Security's notables: read by search, told by `notable_update`.

Experimental: held to a stand-in made from the published API, not to the service.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from safeconduct.adapters.siem.asking.requests import ask, garbled, rows
from safeconduct.adapters.siem.web import Web
from safeconduct.kernel.errors import AbsentError, UnavailableError
from safeconduct.kernel.instants import SECOND, Instant
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.siem.model import TELLING, Alerted, Found, Search, SiemAlert, Telling
from safeconduct.soc.siem.spl import pattern

JOBS = "/services/search/jobs"
UPDATE = "/services/notable_update"
NOTABLES = "search `notable`"
DISPOSITIONS: Mapping[Judgment, str] = {
    Judgment.TRUE_POSITIVE: "disposition:1",
    Judgment.BENIGN_POSITIVE: "disposition:2",
    Judgment.FALSE_POSITIVE: "disposition:3",
}
"""Enterprise Security's own: suspicious activity, suspicious but expected, incorrect analytic logic."""

EVENT_ID = re.compile(r"[A-Za-z0-9@_.:-]{1,256}")
WHO = "Splunk"


class SplunkSearchOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` is the management port's. The token's role needs `search`, and `edit_notable_events` to be told."""

    url: str
    ca: str = ""


class SplunkSearch:
    """`Siem` over the search API."""

    def __init__(self, options: SplunkSearchOptions, token: str) -> None:
        self._web = Web(options.url, ca=options.ca)
        self._headers = {
            "authorization": f"Bearer {token}",
            "content-type": "application/x-www-form-urlencoded",
        }

    def search(self, search: Search) -> Found:
        """Runs the search to its end. Splunk's window ends before its last instant, so a microsecond is added."""
        found = self._run(search.text, search.first, Instant(search.last + 1), search.limit + 1)
        return Found(rows=found[: search.limit], complete=len(found) <= search.limit)

    def alerts(self, since: Instant, limit: int) -> Alerted:
        """Returns the notables. Their time is when they fired: Splunk keeps reviews apart from them."""
        found = [_alert(row) for row in self._run(f"{NOTABLES}\n| sort {limit + 1} +_time", since, None, limit + 1)]
        return Alerted(alerts=found[:limit], complete=len(found) <= limit)

    def tell(self, telling: Telling) -> bool:
        """Sets the notable's disposition and adds the comment, in one request."""
        if telling.mark in self._comment(telling.alert):
            return False
        form = {
            "ruleUIDs": telling.alert,
            "comment": telling.comment,
            "disposition": DISPOSITIONS[telling.judgment],
        }
        said = ask(self._web, "POST", UPDATE, self._headers, urlencode(form).encode(), who=WHO)
        if said.get("success") is not True:
            raise UnavailableError(
                f"Splunk did not take it: {str(said.get('message', ''))[:300]!a}",
                code="siem-refused",
                remedy="check that the token's role has edit_notable_events",
            )
        return True

    def _comment(self, alert: str) -> str:
        if not EVENT_ID.fullmatch(alert):
            raise _unknown(alert)
        text = f"{NOTABLES}\n| where match('event_id', \"^{pattern(alert)}\\\\z\")"
        found = self._run(text, Instant(0), None, 1)
        if not found:
            raise _unknown(alert)
        return _text(found[0].get("comment"))

    def _run(self, text: str, first: Instant, last: Instant | None, count: int) -> list[dict[str, Any]]:
        form = {
            "search": text,
            "exec_mode": "oneshot",
            "output_mode": "json",
            "count": count,
            "earliest_time": _epoch(first),
            "latest_time": "now" if last is None else _epoch(last),
        }
        said = ask(self._web, "POST", JOBS, self._headers, urlencode(form).encode(), who=WHO)
        wrong = [one for one in rows(said.get("messages") or [], WHO) if one.get("type") in {"FATAL", "ERROR"}]
        if wrong:  # what came with it may be a part that looks like the whole
            raise garbled(WHO, f"with {str(wrong[0].get('text', ''))[:300]!a}")
        return rows(said.get("results"), WHO)


def _epoch(at: Instant) -> str:
    whole, rest = divmod(at, SECOND)
    return f"{whole}.{rest:06d}"


def _alert(row: Mapping[str, Any]) -> SiemAlert:
    try:
        at = Instant(round(float(row["_time_epoch"] if "_time_epoch" in row else row["_time"]) * SECOND))
        ours = TELLING in _text(row.get("comment"))
        urgency = str(row.get("urgency", "")).lower()
        return SiemAlert(id=row["event_id"], at=at, title=row["rule_title"], severity=urgency, record=row, ours=ours)
    except (KeyError, ValueError) as error:
        raise garbled(WHO, f"a notable without {error}") from error


def _text(value: Any) -> str:  # noqa: ANN401 - a field with several values is a list
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _unknown(alert: str) -> AbsentError:
    return AbsentError(f"Splunk has no notable {alert[:64]!r}", code="siem-alert-unknown", remedy="it may be gone")
