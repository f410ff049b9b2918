"""What a governed call tells its client: restrictions and marks, the head, the answer's bytes, errors, and its end."""

from collections.abc import Callable, Sequence

from safeconduct.access.model.stops import Restriction
from safeconduct.gateway.dialects.model import Dialect
from safeconduct.http.asgi import Send
from safeconduct.http.call_errors import answer_error
from safeconduct.http.connection import BoundedConnection
from safeconduct.http.whole import Cycle, answer_whole, head_of
from safeconduct.kernel.errors import Kind, SafeconductError
from safeconduct.kernel.ports import Receipt
from safeconduct.ledger.receipts import receipt_text

MARKED_SHOWN_MAX = 16
"""Targets outside the scope that a header names: names are long, clients take headers of some 8 KB. The log has all."""


class HTTPClient:
    """`CallClient` over one ASGI request. The head of an answer of known length waits for its first bytes."""

    def __init__(self, connection: BoundedConnection, cycle: Cycle, send: Send, dialect: Dialect) -> None:
        self._connection = connection
        self._cycle = cycle
        self._send = send
        self._dialect = dialect
        self._aborted = False
        self._close = False
        self._told: list[tuple[bytes, bytes]] = []
        self._begun: tuple[str, int, Receipt] | None = None

    def restricted(self, restrictions: Sequence[Restriction], model: str) -> None:
        told = ", ".join(str(one) for one in restrictions).encode()
        self._told += [(b"safeconduct-restriction", told), (b"safeconduct-model", model.encode())]

    def marked(self, targets: Sequence[str]) -> None:
        more = len(targets) - MARKED_SHOWN_MAX
        shown = [*targets[:MARKED_SHOWN_MAX], *([f"{more} more"] if more > 0 else [])]
        self._told.append((b"safeconduct-targets-outside", ", ".join(shown).encode("ascii", "backslashreplace")))

    def hinted(self, families: Sequence[str]) -> None:
        self._told.append((b"safeconduct-hints", ", ".join(families).encode()))

    def altered(self, tokens: int) -> None:
        self._told.append((b"safeconduct-tokens-altered", b"%d" % tokens))

    def when_gone(self, told: Callable[[], object]) -> None:
        self._connection.when_lost(told)

    def close_after(self) -> None:
        """Ends the connection with the answer, because the request's rest is not read."""
        self._close = True

    async def head(self, content_type: str, length: int | None, intent: Receipt) -> None:
        if length is None or self._told:
            await self._begin(content_type, length, intent)
        else:
            self._begun = content_type, length, intent

    async def _begin(self, content_type: str, length: int | None, intent: Receipt) -> None:
        headers = [
            (b"content-type", content_type.encode()),
            (b"cache-control", b"no-store"),
            (b"safeconduct-call", intent.entry_id.encode()),
            (b"safeconduct-receipt", receipt_text(intent).encode()),
            *self._told,
        ]
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def send(self, data: bytes, *, last: bool) -> None:
        if self._aborted:
            return
        if last:
            self._connection.when_lost(None)
        if self._begun is not None:
            (content_type, length, intent), self._begun = self._begun, None
            if last:
                head = head_of(self._cycle, content_type, intent.entry_id, receipt_text(intent), length)
                await answer_whole(self._cycle, head, data)
                return
            await self._begin(content_type, length, intent)
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def error(self, error: SafeconductError, call: str, *, after_dispatch: bool) -> None:
        self._connection.when_lost(None)
        headers = [(b"safeconduct-call", call.encode())] if call else []
        headers += self._told
        if after_dispatch and error.kind is not Kind.LIMITED:
            # The upstream may have done its work: official clients must not repeat that by themselves.
            headers.append((b"x-should-retry", b"false"))
        if self._close:
            headers.append((b"connection", b"close"))
        await answer_error(self._send, error, self._dialect, call, headers)

    def abort(self) -> None:
        self._aborted = True
        self._connection.abort()
