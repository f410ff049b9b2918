"""Who changes something holds the same in its hand as who makes a call: receipts, in the answer's headers."""

from collections.abc import Sequence
from contextvars import ContextVar

from safeconduct.http.asgi import App, Message, Receive, Scope, Send
from safeconduct.kernel.ports import Receipt
from safeconduct.ledger.receipts import receipt_text

RECEIPTS_MAX = 8
"""Receipts in one answer, the last ones: with at most 2 KiB each they stay within what clients take of headers."""

_given: ContextVar[list[Receipt]] = ContextVar("receipts of this request")


def give(receipts: Sequence[Receipt]) -> None:
    """Has the answer of the request that runs here tell these receipts. Outside a request it does nothing."""
    known = _given.get(None)
    if known is not None:
        known.extend(receipts)


class ReceiptHeaders:
    """Adds a `safeconduct-receipt` header for each entry that a request made durable, also where it then fails."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        receipts: list[Receipt] = []
        _given.set(receipts)

        async def with_receipts(message: Message) -> None:
            if message["type"] == "http.response.start" and receipts:
                told = [(b"safeconduct-receipt", receipt_text(one).encode()) for one in receipts[-RECEIPTS_MAX:]]
                message = {**message, "headers": [*message["headers"], *told]}
            await send(message)

        await self._app(scope, receive, with_receipts)
