"""What a call needs of the world: an upstream, and a client that can be cut off."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from safeconduct.access.catalogue import UNSTATED
from safeconduct.access.model.stops import Restriction
from safeconduct.gateway.moves import UpstreamHead
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ports import Receipt

LOCAL_UPSTREAM = "local"
"""The upstream that `serve` starts itself. Its models are small and slow: they are asked short questions."""


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


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One request to an upstream. `body` are the bytes that go out; a wrapper of the transport is all that is added.

    `dialect` is what the body is written in, `model` the name that this upstream gives the model. `safety_id` is the
    identifier of the person at this vendor, `program` the model's access program, for who takes them in headers.
    `version` and `betas` are the dialect's and the additions to it that the caller named, for vendors that name such in
    a header.
    """

    dialect: str
    model: str
    body: bytes
    stream: bool
    safety_id: str = ""
    program: str = ""
    version: str = ""
    betas: tuple[str, ...] = ()

    def __repr__(self) -> str:  # without what the caller said
        return f"Ask(dialect={self.dialect!r}, model={self.model!r}, stream={self.stream!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamFacts:
    """What the operator states of an upstream: whose it is, where it runs, what it keeps, which dialects it speaks.

    `names` are its own names for models that paths name otherwise, `headers` which of `safety` and `program` it takes
    in headers. Nobody has run an `experimental` one live yet.
    """

    vendor: str
    region: str = UNSTATED
    retention: str = UNSTATED
    dialects: frozenset[str]
    names: Mapping[str, str] = field(default_factory=dict)
    headers: frozenset[str] = frozenset()
    experimental: bool = False


class Upstream(Protocol):
    """A model server."""

    @property
    def facts(self) -> UpstreamFacts:
        """What the operator states of it. The same for as long as the process runs."""
        ...

    def exchange(self, ask: Ask) -> Exchange:
        """Begins an exchange, without I/O."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an inspector says of a text: it passes, unless `clause` names what forbids it.

    `found` are the kinds of what was found, each with what tells two findings apart. `hold` names what has a text that
    passes wait for a person, with all of its answer.
    """

    clause: str = ""
    found: frozenset[tuple[str, str]] = frozenset()
    hold: str = ""

    @property
    def passes(self) -> bool:
        """Whether the text may be let out."""
        return not self.clause


class Classifier(Protocol):
    """Judges texts, on this machine."""

    async def classify(self, texts: Sequence[str]) -> Sequence[Mapping[str, float]]:
        """Returns the score of each label, 0 to 1, for each of some texts, within a bounded time.

        Raises:
            UnavailableError: `classifier-failed`: it said nothing of use, whatever the reason.
        """
        ...


class Inspector(Protocol):
    """Looks at what a model says, before it is let out."""

    def inspect(self, text: str, *, ends: bool) -> Verdict:
        """Returns the verdict on a piece of an answer; unless it `ends` there, more follows what it ends with.

        Pure and quick: it is asked on the loop, once a read.
        """
        ...


class CallClient(Protocol):
    """Whoever asked. Awaiting a method ends when the bytes went to the transport, within its bounded buffer."""

    def when_gone(self, told: Callable[[], object]) -> None:
        """Calls `told` once when the client is gone, at once if it is already; not after its answer ended."""
        ...

    def restricted(self, restrictions: Sequence[Restriction], model: str) -> None:
        """Has the answer, good or bad, say which restrictions hold and which model answers. Called before either."""
        ...

    def marked(self, targets: Sequence[str]) -> None:
        """Has the answer, good or bad, say which targets outside the scope the call speaks of. Called before either."""
        ...

    def altered(self, tokens: int) -> None:
        """Has a good answer say how many pseudonyms in it the model changed. Called before it begins."""
        ...

    def hinted(self, families: Sequence[str]) -> None:
        """Has the answer, good or bad, say what kinds of attack the request seems to hold. Called before either."""
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
