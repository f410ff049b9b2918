"""Elastic Security: hunts by ES|QL, alerts by search, tags and notes over Kibana.

Experimental: held to a stand-in made from the published API, not to the service.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from safeconduct.adapters.siem.asking.requests import ask, garbled, rows
from safeconduct.adapters.siem.web import Web
from safeconduct.kernel.errors import AbsentError, InvalidInputError
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339
from safeconduct.soc.siem.model import Alerted, Found, Search, SiemAlert, Telling

QUERY = "/_query"
TAGS = "/api/detection_engine/signals/tags"
NOTE = "/api/note"
OURS = "safeconduct:"
"""How the tags begin that we give."""

WHO = "Elastic"


class ElasticSearchOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` is Elasticsearch's address, `kibana` Kibana's with its space; `alerts` the index of the space's alerts."""

    url: str
    kibana: str
    alerts: str = ".alerts-security.alerts-default"
    ca: str = ""


class ElasticSearch:
    """`Siem` over ES|QL and Kibana. One API key is for both."""

    def __init__(self, options: ElasticSearchOptions, api_key: str) -> None:
        self._web, self._kibana = Web(options.url, ca=options.ca), Web(options.kibana, ca=options.ca)
        self._alerts = f"/{quote(options.alerts, safe='')}/_search"
        self._headers = {"authorization": f"ApiKey {api_key}", "content-type": "application/json"}

    def search(self, search: Search) -> Found:
        """Runs the query. An answer that lacks shards is not complete."""
        said = self._ask(QUERY, {"query": search.text, "params": list(search.values)})
        names = [one.get("name") for one in rows(said.get("columns"), WHO)]
        values = said.get("values")
        if not isinstance(values, list) or not all(isinstance(one, list) and len(one) == len(names) for one in values):
            raise garbled(WHO, "rows that do not fit its columns")
        found = [_row(names, one) for one in values]
        whole = said.get("is_partial") is not True
        return Found(rows=found[: search.limit], complete=whole and len(found) <= search.limit)

    def alerts(self, since: Instant, limit: int) -> Alerted:
        """Returns the alerts by when they were made."""
        found = self._found({"range": {"@timestamp": {"gte": rfc3339(since)}}}, limit + 1)
        return Alerted(alerts=[_alert(one) for one in found[:limit]], complete=len(found) <= limit)

    def tell(self, telling: Telling) -> bool:
        """Tags the alert and notes the comment on it. The tag of the mark comes last: where it is, all is."""
        found = self._found({"ids": {"values": [telling.alert]}}, 1)
        if not found:
            raise AbsentError("Elastic has no such alert", code="siem-alert-unknown", remedy="it may be gone")
        if OURS + telling.entry in _tags(found[0]):
            return False
        if telling.mark not in self._notes(telling.alert):
            note = {"eventId": telling.alert, "note": telling.comment, "timelineId": ""}
            self._tell("PATCH", NOTE, {"note": note})
        tags = {"tags_to_add": [OURS + telling.judgment, OURS + telling.entry], "tags_to_remove": []}
        self._tell("POST", TAGS, {"ids": [telling.alert], "tags": tags})
        return True

    def _notes(self, alert: str) -> str:
        said = self._tell("GET", f"{NOTE}?{urlencode({'documentIds': alert})}")
        return "\n".join(str(one.get("note", "")) for one in rows(said.get("notes"), WHO))

    def _found(self, query: Mapping[str, Any], size: int) -> list[dict[str, Any]]:
        order = [{"@timestamp": "asc"}, {"kibana.alert.uuid": "asc"}]
        said = self._ask(self._alerts, {"query": query, "size": size, "sort": order})
        hits = said.get("hits")
        return rows(hits.get("hits") if isinstance(hits, dict) else None, WHO)

    def _ask(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return ask(self._web, "POST", path, self._headers, msgspec.json.encode(body), who=WHO)

    def _tell(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        content = b"" if body is None else msgspec.json.encode(body)
        return ask(self._kibana, method, path, self._headers | {"kbn-xsrf": "safeconduct"}, content, who="Kibana")


def _row(names: Sequence[Any], values: Sequence[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _alert(hit: Mapping[str, Any]) -> SiemAlert:
    try:
        record = hit["_source"]
        at = parse_rfc3339(record["@timestamp"])
        ours = any(tag.startswith(OURS) for tag in _tags(hit))
        severity, title = str(record.get("kibana.alert.severity", "")).lower(), record["kibana.alert.rule.name"]
        return SiemAlert(id=hit["_id"], at=at, title=title, severity=severity, record=record, ours=ours)
    except (KeyError, TypeError, InvalidInputError) as error:
        raise garbled(WHO, f"an alert without {error}") from error


def _tags(hit: Mapping[str, Any]) -> list[str]:
    found = hit.get("_source", {}).get("kibana.alert.workflow_tags") or []
    return [str(tag) for tag in found]
