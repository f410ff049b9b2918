"""Splunk's HTTP Event Collector with indexer acknowledgment: a batch counts when an indexer has it, not when HEC has.

The id is an indexed field, since HEC takes the same event twice: a search deduplicates by `safeconduct_id`.
"""

import http.client
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from safeconduct.adapters.siem.web import Web, refuse_if_not_taken
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.shipping import BatchRefusedError, DestinationBusyError, Limits, Outgoing

ACK_INTERVAL_S = 1.0  # seconds between two questions whether a batch is indexed
ACK_WAIT_S = 180.0  # seconds until it is sent again; Splunk advises to wait minutes, and duplicates are harmless
BATCH_BYTES = 1_000_000  # the advice for HEC; its hard limit is 800 MB
ROW_BYTES = 512 * 1024  # of an event, well above the longest, which has 64 KiB of leaf written as text
BATCH_ROWS = 500

_SETTINGS = frozenset({7, 10, 11, 14})  # incorrect index, channel missing or invalid, acknowledgment off for the token


class SplunkOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`channel` is a GUID of the exporter's own; `index` empty takes the token's."""

    url: str
    channel: str
    index: str = ""
    sourcetype: str = "safeconduct:ocsf"
    ca: str = ""


class Splunk:
    """`Destination` over HEC."""

    limits = Limits(row_bytes=ROW_BYTES, batch_bytes=BATCH_BYTES, batch_rows=BATCH_ROWS)

    def __init__(
        self,
        options: SplunkOptions,
        token: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._web = Web(options.url, ca=options.ca)
        self._sleep, self._clock = sleep, clock
        self._headers = {
            "authorization": f"Splunk {token}",
            "x-splunk-request-channel": options.channel,
            "content-type": "application/json",
        }

    def encode(self, row: Outgoing) -> bytes:
        """Returns the row in HEC's envelope."""
        envelope = {
            "time": row.event["time"] / 1000,
            "source": row.origin,
            "sourcetype": self._options.sourcetype,
            "event": row.event,
            "fields": {"safeconduct_id": row.id},
        }
        return msgspec.json.encode(envelope | ({"index": self._options.index} if self._options.index else {}))

    def send(self, rows: Sequence[Outgoing], encoded: Sequence[bytes]) -> Mapping[str, str]:
        """Sends a batch and waits until it is indexed. HEC refuses a batch whole."""
        answer = self._web.send("POST", "/services/collector/event", self._headers, b"".join(encoded))
        refuse_if_not_taken(answer, "HEC")
        said = answer.document()
        if answer.status != http.client.OK and said.get("code") not in _SETTINGS:
            raise BatchRefusedError(f"HEC answered {answer.told}")
        if said.get("code") != 0 or type(said.get("ackId")) is not int:
            raise UnavailableError(
                f"HEC did not take {len(rows)} rows: {answer.told}",
                code="destination-refused",
                remedy="check the token's indexes, and that it has indexer acknowledgment on",
            )
        self._wait(said["ackId"])
        return {}

    def _wait(self, ack: int) -> None:
        question = msgspec.json.encode({"acks": [ack]})
        until = self._clock() + ACK_WAIT_S
        while self._clock() < until:
            answer = self._web.send("POST", "/services/collector/ack", self._headers, question)
            refuse_if_not_taken(answer, "HEC")
            acks = answer.document().get("acks", {})
            if acks.get(str(ack)) is True:
                return
            self._sleep(ACK_INTERVAL_S)
        raise DestinationBusyError(f"HEC took a batch and indexed nothing in {ACK_WAIT_S:.0f} s", code="not-indexed")
