"""What a gateway tells those who count, draw and write lines: what became of each request.

No prompt, answer, token, person, target or address is in it: what is not here can't leak where metrics and traces go.
"""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from safeconduct.gateway.prepared import Prepared, Refusal
from safeconduct.gateway.vendor_outcomes import VendorNotice
from safeconduct.kernel.instants import Instant

UNKNOWN = "unknown"
"""Stands for a path that is none of ours: what callers write is no label."""


class EndedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that has its outcome. `upstream` is the last that was asked, empty where none was.

    `model` is the path's name for it. `seconds` are all of it, `first_s` those until the answer began, None if it never
    did. `trace` is the caller's `traceparent`.
    """

    call: str
    path: str
    dialect: str
    upstream: str
    model: str
    began_at: Instant
    seconds: float
    first_s: float | None
    end: str
    why: str
    attempt: int
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    notices: tuple[VendorNotice, ...]
    trace: str


class RefusedCall(msgspec.Struct, frozen=True):
    """A request that became no call: at which step, and why. `call` is its entry's id, empty where none is due."""

    call: str
    path: str
    step: int
    code: str


class Observer(Protocol):
    """Is told on the loop, between two calls' turns: every method returns within microseconds and raises nothing."""

    def running(self, change: int) -> None:
        """So many calls more run, or fewer."""
        ...

    def ended(self, call: EndedCall) -> None:
        """A call has its outcome."""
        ...

    def refused(self, refused: RefusedCall) -> None:
        """Somebody known was refused."""
        ...

    def unidentified(self) -> None:
        """Somebody came without a credential that holds."""
        ...


class Observers:
    """All of them as one."""

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._all = tuple(observers)

    def running(self, change: int) -> None:
        for one in self._all:
            one.running(change)

    def ended(self, call: EndedCall) -> None:
        for one in self._all:
            one.ended(call)

    def refused(self, refused: RefusedCall) -> None:
        for one in self._all:
            one.refused(refused)

    def unidentified(self) -> None:
        for one in self._all:
            one.unidentified()


def refused_call(call: str, refusal: Refusal) -> RefusedCall:
    """Returns what a refusal of somebody known is told as."""
    return RefusedCall(call, refusal.path.id if refusal.path else UNKNOWN, refusal.step, refusal.error.code)


def upstream_of(prepared: Prepared, attempt: int) -> str:
    """Returns whom an attempt asked; nobody before the first."""
    return prepared.providers[attempt - 1].upstream if attempt else ""
