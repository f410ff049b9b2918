"""The upstreams' side of one call: which target is asked, what it says, and how long it may be silent."""

import asyncio
from typing import TYPE_CHECKING, Any

from safeconduct.gateway.failover import permits_another, skipped
from safeconduct.gateway.moves import Event, UpstreamBytes, UpstreamEnd, UpstreamFailed, UpstreamHead
from safeconduct.gateway.providers import equal, outside, outside_path
from safeconduct.kernel.errors import SafeconductError, UpstreamError

if TYPE_CHECKING:
    from safeconduct.gateway.ports import Exchange
    from safeconduct.gateway.prepared import Prepared
    from safeconduct.runtime.calls import Calls

_END = UpstreamEnd()

TICK_S = 0.001
"""Seconds until the time is looked at again after it was up: a woken task needs a turn of the loop."""


class Asking:
    """One target after the other. Used by the call's task; `close`, `wake` and `check` also from beside it."""

    def __init__(self, calls: "Calls") -> None:
        self._calls = calls
        self._target = ""
        self._exchange: Exchange | None = None
        self._head_came = False
        self._task: asyncio.Task[Any] | None = None
        self._waiting_since: float | None = None
        self._woken_for: SafeconductError | None = None

    def dispatch(self, prepared: "Prepared", attempt: int) -> UpstreamFailed | None:
        """Begins the exchange with a target of the path, unless it must not be asked: then it says why."""
        self._exchange, self._head_came = None, False
        providers = prepared.providers
        provider = providers[attempt - 1]
        self._target = provider.upstream
        upstream = self._calls.upstreams[self._target]
        # What runs may have changed since the call was decided; what it was decided on has not.
        if outside(provider, upstream.facts) or not equal(provider, providers[0]):
            return UpstreamFailed(outside_path(prepared.path))
        if attempt < len(providers) and self._calls.breakers.skips(self._target, self._calls.loop.time()):
            return UpstreamFailed(skipped())
        self._exchange = upstream.exchange(prepared.asks[attempt - 1])
        return None

    async def hear(self) -> Event:
        """Returns what the target says next."""
        exchange = self._exchange
        if exchange is None:
            raise RuntimeError("an upstream is listened to after it was asked")
        if self._task is None:
            self._task = asyncio.current_task()  # a call has one
        self._waiting_since = self._calls.loop.time()
        try:
            if self._head_came:
                data = await exchange.read()
                return UpstreamBytes(data) if data else _END
            head = await exchange.head()
        except UpstreamError as error:
            return self._failed(error)
        except asyncio.CancelledError:
            if self._woken_for is None or self._task is None:
                raise
            self._task.uncancel()
            woken_for, self._woken_for = self._woken_for, None
            return self._failed(woken_for)
        finally:
            self._waiting_since = None
        return self._begun(head)

    def _begun(self, head: UpstreamHead) -> Event:
        """Notes for other calls whether the target is there. Of one that was closed on nothing is learnt."""
        if self._exchange is not None:
            self._head_came = True
            if permits_another(head.status):
                self._calls.breakers.failed(self._target, self._calls.loop.time())
            else:
                self._calls.breakers.answered(self._target)
        return head

    def _failed(self, error: SafeconductError) -> Event:
        """As `_begun`, of a target that broke off or was silent before its head."""
        if not self._head_came and self._exchange is not None:
            self._calls.breakers.failed(self._target, self._calls.loop.time())
        return UpstreamFailed(error)

    def close(self) -> None:
        """Closes the exchange now."""
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None

    def wake(self, error: SafeconductError) -> None:
        """Ends waiting for the target, and nothing else: commits and writes run to their end."""
        if self._waiting_since is not None and self._woken_for is None and self._task is not None:
            self._woken_for = error
            self._task.cancel()

    def check(self, now: float) -> float:
        """Ends a wait that lasts too long. Returns the seconds until it is to be looked at again."""
        silent_s = self._calls.patience.idle_s if self._head_came else self._calls.patience.first_byte_s
        waited_s = 0.0 if self._waiting_since is None else now - self._waiting_since
        if waited_s >= silent_s:
            self.wake(UpstreamError("the model server was silent for too long", code="upstream-timeout"))
        return max(silent_s - waited_s, TICK_S)
