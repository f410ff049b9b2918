"""One request to a destination over HTTP, and what its status means for the rows that were in it."""

import http.client
import ssl
from collections.abc import Mapping
from typing import Any

import msgspec

from safeconduct.adapters.outbound import Answered, exchange, http_address, require_private
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.shipping import DestinationBusyError

TIMEOUT_S = 60.0  # for a whole request and its answer; an indexer under load answers late; nothing else waits for it
ANSWER_BYTES_MAX = 32 * 1024 * 1024  # a full entry bundle has half of that, a bulk answer less
TOLD_CHARS = 300  # of an answer that are told in an error
RETRY_AFTER_MAX_S = 3600.0  # a destination that wants more is asked once an hour


class Answer(Answered):
    """What a destination said."""

    @property
    def told(self) -> str:
        """Its beginning, for an error message; what would move a terminal's cursor is escaped."""
        return f"{self.status} {self.body[:TOLD_CHARS].decode('utf-8', 'replace')!a}"

    def document(self) -> Mapping[str, Any]:
        """Returns its JSON.

        Raises:
            DestinationBusyError: it is none, so that nothing is known of what was sent.
        """
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise DestinationBusyError(f"the answer is no JSON: {self.told}", code="destination-garbled") from error


class Web:
    """Requests to one server. Credentials leave the machine encrypted or not at all."""

    def __init__(self, url: str, *, ca: str = "") -> None:
        self._where = http_address(url, "a destination's address such as https://host:port")
        require_private(self._where)
        self._context = ssl.create_default_context(cafile=ca or None) if self._where.scheme == "https" else None

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Sends one request below the address's own path.

        Raises:
            DestinationBusyError: nothing came back: whether it was taken is unknown.
        """
        try:
            found = exchange(
                self._where,
                method,
                self._where.path.rstrip("/") + path,
                body=body,
                headers=headers,
                timeout_s=TIMEOUT_S,
                answer_bytes_max=ANSWER_BYTES_MAX,
                context=self._context,
            )
        except OSError as error:
            raise DestinationBusyError(
                f"{self._where.hostname} does not answer: {error}", code="destination-unreachable"
            ) from error
        return Answer(found.status, found.headers, found.body)


def refuse_if_not_taken(answer: Answer, who: str) -> None:
    """Returns if the status is 2xx or one that a caller judges by itself: 400 and 413.

    Raises:
        DestinationBusyError: 408, 429 or 5xx: later, when `Retry-After` says where it says.
        UnavailableError: anything else, such as 401: somebody has to change something.
    """
    if answer.status in {408, 429} or answer.status >= http.client.INTERNAL_SERVER_ERROR:
        after = answer.headers.get("retry-after", "")
        seconds = min(float(after), RETRY_AFTER_MAX_S) if after.isdecimal() else 0.0
        raise DestinationBusyError(f"{who} answered {answer.told}", after_s=seconds)
    if answer.status >= http.client.MULTIPLE_CHOICES and answer.status not in {400, 413}:
        raise UnavailableError(
            f"{who} answered {answer.told}",
            code="destination-refused",
            remedy="check the address and the credential; nothing is lost: it is tried again",
        )
