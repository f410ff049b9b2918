"""Microsoft's Logs Ingestion API: OAuth client credentials, a data collection rule's stream, 1 MB a call.

A record has five columns, whatever the table: `TimeGenerated`, `EntryId`, `Origin`, `EntryIndex` and `Event`, the OCSF
event as a dynamic. The table keeps what is sent twice: a query takes one row for each `EntryId`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

import msgspec

from safeconduct.adapters.siem.entra import Client, Login
from safeconduct.adapters.siem.web import Web, refuse_if_not_taken
from safeconduct.ledger.shipping import BatchRefusedError, Limits, Outgoing

API_VERSION = "2023-01-01"
SCOPE = "https://monitor.azure.com//.default"  # the two slashes are the service's own
CALL_BYTES_MAX = 1024 * 1024  # of a call's body, sent as it is
ROW_BYTES = 64 * 1024 - 1024  # a field's value is cut at 64 KB without a word; what would be is sent shorter instead
BATCH_ROWS = 1000
NO_CONTENT, UNAUTHORIZED = 204, 401


class LogsIngestionOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`endpoint` is the data collection endpoint, `rule` the rule's immutable id, `stream` its `Custom-...`."""

    endpoint: str
    rule: str
    stream: str
    tenant: str
    client: str
    login: str = "https://login.microsoftonline.com"
    ca: str = ""


class LogsIngestion:
    """`Destination` over the Logs Ingestion API."""

    limits = Limits(row_bytes=ROW_BYTES, batch_bytes=CALL_BYTES_MAX - 2 - BATCH_ROWS, batch_rows=BATCH_ROWS)

    def __init__(
        self, options: LogsIngestionOptions, secret: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._web = Web(options.endpoint, ca=options.ca)
        client = Client(tenant=options.tenant, client=options.client, login=options.login, ca=options.ca)
        self._login = Login(client, secret, SCOPE, clock)
        rule, stream = quote(options.rule, safe=""), quote(options.stream, safe="")
        self._path = f"/dataCollectionRules/{rule}/streams/{stream}?api-version={API_VERSION}"

    def encode(self, row: Outgoing) -> bytes:
        """Returns the row as a record of the stream."""
        return msgspec.json.encode(
            {
                "TimeGenerated": row.event["metadata"]["original_time"],
                "EntryId": row.id,
                "Origin": row.origin,
                "EntryIndex": row.index,
                "Event": row.event,
            }
        )

    def send(self, rows: Sequence[Outgoing], encoded: Sequence[bytes]) -> Mapping[str, str]:
        """Sends a batch. The service takes it whole or not at all."""
        headers = {"authorization": f"Bearer {self._login.token()}", "content-type": "application/json"}
        answer = self._web.send("POST", self._path, headers, b"[" + b",".join(encoded) + b"]")
        if answer.status == UNAUTHORIZED:
            self._login.forget()  # revoked before its end: the next attempt gets a new one
        refuse_if_not_taken(answer, "Logs Ingestion")
        if answer.status != NO_CONTENT:
            raise BatchRefusedError(f"Logs Ingestion answered {answer.told} to {len(rows)} rows")
        return {}
