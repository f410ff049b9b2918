"""The events that happen to a call and the commands it answers with. Values only; the runtime carries them out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ports import Receipt


class CutWhy(StrEnum):
    """Why a call is stopped from outside."""

    FREEZE = "freeze"
    CLIENT_GONE = "client-gone"
    DEADLINE = "deadline"
    SHUTDOWN = "shutdown"
    REVOKED = "revoked"  # its grant, path or principal is gone
    UNCONFIRMED = "standing-unconfirmed"  # its worker was without the database for so long that it may count as dead


class End(StrEnum):
    """How a call ended. Each call has exactly one."""

    COMPLETED = "completed"
    REFUSED_BY_UPSTREAM = "refused-by-upstream"
    UPSTREAM_FAILED = "upstream-failed"
    CUT = "cut"
    WITHHELD = "withheld"  # an inspector forbade what was left of the answer
    ABANDONED = "abandoned"  # its worker died; said by the next one


class Release(StrEnum):
    """When an answer is let out."""

    PASS = "pass"  # noqa: S105 - as it comes, uninspected
    HOLD_WINDOW = "hold-window"  # a window of text behind what was inspected
    HOLD_ALL = "hold-all"  # when the whole of it was inspected


@dataclass(frozen=True, slots=True)
class Started:
    """The call was decided: allowed."""


@dataclass(frozen=True, slots=True)
class IntentCommitted:
    """The intent is durable."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class IntentFailed:
    """The intent is not in the log, and never will be."""

    error: SafeconductError


@dataclass(frozen=True, slots=True)
class AttemptCommitted:
    """The entry of a further attempt is durable."""


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """Nobody knows the entry of a further attempt to be in the log: it is not made."""


@dataclass(frozen=True, slots=True)
class UpstreamHead:
    """The upstream answered with a status and headers. `headers` are those of `vendor_outcomes.HEADERS`, no others."""

    status: int
    content_type: str
    content_encoding: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class UpstreamBytes:
    """Bytes of the upstream's answer, as many as one read gave."""

    data: bytes


@dataclass(frozen=True, slots=True)
class UpstreamEnd:
    """The upstream's answer is whole, as far as its framing says."""


@dataclass(frozen=True, slots=True)
class UpstreamFailed:
    """No connection, a broken one, or none of the bytes that were due."""

    error: SafeconductError


@dataclass(frozen=True, slots=True)
class ClientWritten:
    """The oldest bytes handed over went to the client's transport."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Stop now. `clause` names what demands it, such as a freeze."""

    why: CutWhy
    clause: str = ""


@dataclass(frozen=True, slots=True)
class OutcomeCommitted:
    """The outcome is durable."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class OutcomeFailed:
    """The outcome is not in the log. `fenced`: because another outcome is, and this one must not be tried again."""

    fenced: bool = False


Event: TypeAlias = (
    Started
    | IntentCommitted
    | IntentFailed
    | AttemptCommitted
    | AttemptFailed
    | UpstreamHead
    | UpstreamBytes
    | UpstreamEnd
    | UpstreamFailed
    | ClientWritten
    | Cut
    | OutcomeCommitted
    | OutcomeFailed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the outcome entry says. `released` are the bytes whose hash it carries.

    They are sealed, and so is `kept`: what the upstream sent that was not released. `attempt` is the last one made, of
    whose answer the rest speaks; 0 if the call was cut before the first. `unaccounted` counts the attempts that may
    have used tokens of which nobody knows how many: each settles at the worst case.
    """

    end: End
    why: str
    clause: str
    attempt: int
    status: int | None
    release: Release
    released: bytes
    released_sha256: str
    kept: bytes
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    unaccounted: int


@dataclass(frozen=True, slots=True)
class AppendIntent:
    """Step 8: ask the log for the intent entry."""


@dataclass(frozen=True, slots=True)
class AppendAttempt:
    """Step 9: ask the log for the entry of a further attempt.

    `why`, `status` and `kept` are the code, the status and the words of the one before, which gave no answer.
    """

    attempt: int
    why: str
    status: int | None
    kept: bytes


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Step 9: send the request to the target of this attempt; the first is 1."""

    attempt: int


@dataclass(frozen=True, slots=True)
class SendHead:
    """Step 13: begin the client's answer. `length` is None for a stream. `intent` goes into its headers."""

    content_type: str
    length: int | None
    intent: Receipt


@dataclass(frozen=True, slots=True)
class SendBytes:
    """Step 13: hand bytes to the client; answered by ClientWritten. `last` ends the client's answer."""

    data: bytes
    last: bool = False


@dataclass(frozen=True, slots=True)
class SendError:
    """Answer the client with an error; nothing has been sent to it, nothing else will be."""

    error: SafeconductError
    after_dispatch: bool


@dataclass(frozen=True, slots=True)
class AbortUpstream:
    """Close the upstream's connection now."""


@dataclass(frozen=True, slots=True)
class AbortClient:
    """Close the client's connection now, dropping what its transport still holds."""


@dataclass(frozen=True, slots=True)
class AppendOutcome:
    """Step 14: ask the log for the outcome entry."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class SendReceipt:
    """Step 14: end a stream with the outcome's receipt, as a comment."""

    outcome: Receipt


Command: TypeAlias = (
    AppendIntent
    | AppendAttempt
    | Dispatch
    | SendHead
    | SendBytes
    | SendError
    | AbortUpstream
    | AbortClient
    | AppendOutcome
    | SendReceipt
)
