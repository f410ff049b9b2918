"""The gateway's entry for features of this process: the very same steps, machine and entries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safeconduct.access.model.stops import Restriction
from safeconduct.gateway.dialects.registry import OPENAI_CHAT
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.kernel.ids import CallId, PathId, PrincipalId
from safeconduct.kernel.ports import Receipt
from safeconduct.runtime.calls import Calls


class _Collector:
    """A client in this process."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.failure: SafeconductError | None = None
        self.aborted = False

    def when_gone(self, told: Callable[[], object]) -> None:
        """This one does not leave."""

    def restricted(self, restrictions: Sequence[Restriction], model: str) -> None:
        """Nothing to say: what was asked and used stands in the intent."""

    def marked(self, targets: Sequence[str]) -> None:
        """Nothing to say, as above."""

    def hinted(self, families: Sequence[str]) -> None:
        """Nothing to say, as above."""

    def altered(self, tokens: int) -> None:
        """Nothing to say, as above: it stands in the outcome."""

    async def head(self, content_type: str, length: int | None, intent: Receipt) -> None:
        """Nothing to write."""

    async def send(self, data: bytes, *, last: bool) -> None:  # noqa: ARG002 - the port's signature
        if not self.aborted:
            self.data += data

    async def error(self, error: SafeconductError, call: str, *, after_dispatch: bool) -> None:  # noqa: ARG002
        self.failure = error

    def abort(self) -> None:
        self.aborted = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """An answer to a call from within this process, with both receipts."""

    call: CallId
    body: bytes
    intent: Receipt
    outcome: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCompleted:
    """A call from within this process that was refused, failed or was cut, and why. `call` as in errors."""

    call: str
    error: SafeconductError


class GovernedCalls:
    """Makes governed calls for principals of this process, such as the triage service."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def complete(
        self, principal: PrincipalId, path: PathId, purpose: str, body: bytes, *, session: str = ""
    ) -> Completed | NotCompleted:
        """Makes a call for a principal. The body is a chat-completions request without `stream`."""
        client = _Collector()
        arrival = self._calls.arrival(
            path, dialect=OPENAI_CHAT.name, principal=principal, purpose=purpose, session=session
        )
        ended = await self._calls.run(arrival, body, client)
        if client.failure is not None:
            return NotCompleted(call=ended.call, error=client.failure)
        if client.aborted or ended.intent is None or ended.outcome is None:
            error = UnavailableError("the call was cut, or its outcome could not be recorded", code="call-cut")
            return NotCompleted(call=ended.call, error=error)
        return Completed(call=CallId(ended.call), body=bytes(client.data), intent=ended.intent, outcome=ended.outcome)
