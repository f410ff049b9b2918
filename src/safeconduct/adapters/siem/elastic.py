"""Elastic's bulk API: `create` under our id, so that what is there already stays, and errors item by item."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from safeconduct.adapters.siem.web import Answer, Web, refuse_if_not_taken
from safeconduct.ledger.shipping import BatchRefusedError, DestinationBusyError, Limits, Outgoing

BATCH_BYTES = 5 * 1024 * 1024  # the advice is 5 to 15 MB; the hard limit is 100 MB
ROW_BYTES = 1024 * 1024
BATCH_ROWS = 1000
OK, CONFLICT = 200, 409
TAKEN = frozenset({200, 201, CONFLICT})  # a conflict says that this id is there: an earlier attempt arrived
LATER = frozenset({408, 429, 500, 502, 503, 504})


class ElasticOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`index` is an index or a data stream."""

    url: str
    index: str
    ca: str = ""


class Elastic:
    """`Destination` over the bulk API."""

    limits = Limits(row_bytes=ROW_BYTES, batch_bytes=BATCH_BYTES, batch_rows=BATCH_ROWS)

    def __init__(self, options: ElasticOptions, api_key: str) -> None:
        self._web = Web(options.url, ca=options.ca)
        self._path = f"/{quote(options.index, safe='')}/_bulk"
        self._headers = {"authorization": f"ApiKey {api_key}", "content-type": "application/x-ndjson"}

    def encode(self, row: Outgoing) -> bytes:
        """Returns the row's action and document, each with its newline. Data streams need `@timestamp`."""
        action = msgspec.json.encode({"create": {"_id": row.id}})
        document = msgspec.json.encode({"@timestamp": row.event["metadata"]["original_time"], **row.event})
        return action + b"\n" + document + b"\n"

    def send(self, rows: Sequence[Outgoing], encoded: Sequence[bytes]) -> Mapping[str, str]:
        """Sends a batch; returns the rows that the index refuses for good, with its reasons."""
        answer = self._web.send("POST", self._path, self._headers, b"".join(encoded))
        refuse_if_not_taken(answer, "Elastic")
        if answer.status != OK:
            raise BatchRefusedError(f"Elastic answered {answer.told}")
        refused = {}
        for row, item in zip(rows, _items(answer, len(rows)), strict=True):
            status = item.get("status")
            if item.get("_id") != row.id or status in LATER:
                raise DestinationBusyError(f"Elastic did not take {row.id}: {_reason(item)}")
            if status not in TAKEN:
                refused[row.id] = _reason(item)
        return refused


def _items(answer: Answer, count: int) -> list[Mapping[str, Any]]:
    items = [item.get("create", {}) for item in answer.document().get("items", ())]
    if len(items) != count:
        raise DestinationBusyError(
            f"Elastic answered for {len(items)} of {count} rows: nothing is known of the others",
            code="destination-garbled",
        )
    return items


def _reason(item: Mapping[str, Any]) -> str:
    error = item.get("error") or {}
    return f"{item.get('status')} {error.get('type', '')!a}: {error.get('reason', '')!a}"
