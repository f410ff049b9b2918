"""What a call needs of the world: an upstream, and a client that can be cut off."""

from collections.abc import Callable
from typing import Protocol

from safeconduct.gateway.moves import UpstreamHead
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ports import Receipt


class Exchange(Protocol):
    """One request to an upstream and its answer. It was not sent before `head` is awaited, and is sent once at most.

    No method retries. Cancelling a method leaves the exchange fit for nothing but `close`.
    """

    async def head(self) -> UpstreamHead:
        """Sends the request and returns how the answer begins, redirects not followed.

        Raises:
            UpstreamError: no connection, or it broke.
        """
        ...

    async def read(self) -> bytes:
        """Returns the bytes that are there, waiting for the first of them; empty at the answer's framed end.

        Raises:
            UpstreamError: the connection broke before that end.
        """
        ...

    def close(self) -> None:
        """Closes the connection at once unless the answer was read to its end. May be called in any state, twice."""
        ...


class Upstream(Protocol):
    """A model server."""

    def exchange(self, body: bytes, *, stream: bool) -> Exchange:
        """Begins an exchange, without I/O."""
        ...


class CallClient(Protocol):
    """Whoever asked. Awaiting a method ends when the bytes went to the transport, within its bounded buffer."""

    def when_gone(self, told: Callable[[], object]) -> None:
        """Calls `told` once when the client is gone, at once if it is already; not after its answer ended."""
        ...

    async def head(self, content_type: str, length: int | None, intent: Receipt) -> None:
        """Begins a good answer; `length` is None for a stream."""
        ...

    async def send(self, data: bytes, *, last: bool) -> None:
        """Hands over bytes of the body. Once `abort` was called it ends without handing over more."""
        ...

    async def error(self, error: SafeconductError, call: str, *, after_dispatch: bool) -> None:
        """Answers with an error instead. `call` is empty where no entry stands for it."""
        ...

    def abort(self) -> None:
        """Closes the transport now; what it still holds is dropped. Never blocks."""
        ...
