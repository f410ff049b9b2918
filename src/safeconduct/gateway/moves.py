"""The events that happen to a call and the commands it answers with. Values only; the runtime carries them out."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec

from safeconduct.boundary.model import ToolCall
from safeconduct.boundary.restoring import Tally
from safeconduct.gateway.vendor_outcomes import VendorNotice
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
    HELD = "held"  # the answer waits for a person, sealed
    ABANDONED = "abandoned"  # its worker died; said by the next one


class Release(StrEnum):
    """A path's release mode: when an answer is let out."""

    PASS = "pass"  # noqa: S105 - as it comes, uninspected
    HOLD_WINDOW = "hold-window"  # a window of text behind what was inspected
    HOLD_ALL = "hold-all"  # when the whole of it was inspected


class Started(msgspec.Struct, frozen=True):
    """The call was decided: allowed."""


class IntentCommitted(msgspec.Struct, frozen=True):
    """The intent is durable. With `answer` no target is asked: that is handed over, in which `found` was found once."""

    receipt: Receipt
    answer: bytes | None = None
    found: Mapping[str, int] = {}


class IntentFailed(msgspec.Struct, frozen=True):
    """The intent is not in the log, and never will be."""

    error: SafeconductError


class AttemptCommitted(msgspec.Struct, frozen=True):
    """The entry of a further attempt is durable."""


class AttemptFailed(msgspec.Struct, frozen=True):
    """Nobody knows the entry of a further attempt to be in the log: it is not made."""


class UpstreamHead(msgspec.Struct, frozen=True):
    """The upstream answered with a status and headers. `headers` are those of `vendor_outcomes.HEADERS`, no others."""

    status: int
    content_type: str
    content_encoding: str = ""
    headers: Mapping[str, str] = {}


class UpstreamBytes(msgspec.Struct, frozen=True):
    """Bytes of the upstream's answer, as many as one read gave."""

    data: bytes


class UpstreamEnd(msgspec.Struct, frozen=True):
    """The upstream's answer is whole, as far as its framing says."""


class UpstreamFailed(msgspec.Struct, frozen=True):
    """No connection, a broken one, or none of the bytes that were due."""

    error: SafeconductError


class ClientWritten(msgspec.Struct, frozen=True):
    """The oldest bytes handed over went to the client's transport."""


class TurnDecided(msgspec.Struct, frozen=True):
    """Step 12: what was decided of the tool calls is durable. `instead` is told in their place; empty: they go."""

    instead: str = ""


class TurnUndecided(msgspec.Struct, frozen=True):
    """Nobody knows a decision on the answer's tool calls to be in the log: they don't go."""

    error: SafeconductError


class AnswerKept(msgspec.Struct, frozen=True):
    """The answer is not let out now. `error` tells the client why: a person decides over it, or nobody can."""

    error: SafeconductError


class Cut(msgspec.Struct, frozen=True):
    """Stop now. `clause` names what demands it, such as a freeze."""

    why: CutWhy
    clause: str = ""


class OutcomeCommitted(msgspec.Struct, frozen=True):
    """The outcome is durable."""

    receipt: Receipt


class OutcomeFailed(msgspec.Struct, frozen=True):
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
    | TurnDecided
    | TurnUndecided
    | AnswerKept
    | Cut
    | OutcomeCommitted
    | OutcomeFailed
)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the outcome entry says. `released` are the bytes whose hash it carries.

    They are sealed, and so is `kept`: what the upstream sent that was not released. `attempt` is the last one made, of
    whose answer the rest speaks; 0 if the call was cut before the first. `unaccounted` counts the attempts that may
    have used tokens of which nobody knows how many: each settles at the worst case. `notices` are what vendors did
    besides answering, `answered_as` the model's name that the answer bears. `tokens` is what became of pseudonyms,
    `quoted` the originals that the model said and was not shown, each with its class,
    `found` counts the inspector's findings by kind.
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
    notices: tuple[VendorNotice, ...] = ()
    answered_as: str | None = None
    tokens: Tally = Tally()
    quoted: Mapping[str, str] = {}
    found: Mapping[str, int] = {}


class AppendIntent(msgspec.Struct, frozen=True):
    """Step 8: ask the log for the intent entry."""


class AppendAttempt(msgspec.Struct, frozen=True):
    """Step 9: ask the log for the entry of a further attempt.

    `why`, `status` and `kept` are the code, the status and the words of the one before, which gave no answer.
    """

    attempt: int
    why: str
    status: int | None
    kept: bytes


class Dispatch(msgspec.Struct, frozen=True):
    """Step 9: send the request to the target of this attempt; the first is 1."""

    attempt: int


class DecideTurn(msgspec.Struct, frozen=True):
    """Step 12: decide the tool calls that the answer proposes, together."""

    calls: tuple[ToolCall, ...]


class HoldAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Step 13: put a whole answer to the vote, sealed: `clause` has it wait for a person.

    `answer` is what would have gone, `received` the upstream's own bytes where that is another dialect's. `found`
    counts what was found in it, by kind.
    """

    clause: str
    answer: bytes
    received: bytes
    found: Mapping[str, int]


class SendHead(msgspec.Struct, frozen=True):
    """Step 13: begin the client's answer. `length` is None for a stream. `intent` goes into its headers.

    So does how many tokens the model `altered`, where the whole answer is there before its head.
    """

    content_type: str
    length: int | None
    intent: Receipt
    altered: int = 0


class SendBytes(msgspec.Struct, frozen=True):
    """Step 13: hand bytes to the client; answered by ClientWritten. `last` ends the client's answer."""

    data: bytes
    last: bool = False


class SendError(msgspec.Struct, frozen=True):
    """Answer the client with an error; nothing has been sent to it, nothing else will be."""

    error: SafeconductError
    after_dispatch: bool


class AbortUpstream(msgspec.Struct, frozen=True):
    """Close the upstream's connection now."""


class AbortClient(msgspec.Struct, frozen=True):
    """Close the client's connection now, dropping what its transport still holds."""


class AppendOutcome(msgspec.Struct, frozen=True):
    """Step 14: ask the log for the outcome entry."""

    outcome: Outcome


class SendReceipt(msgspec.Struct, frozen=True):
    """Step 14: end a stream with the outcome's receipt, as a comment."""

    outcome: Receipt


Command: TypeAlias = (
    AppendIntent
    | AppendAttempt
    | Dispatch
    | DecideTurn
    | HoldAnswer
    | SendHead
    | SendBytes
    | SendError
    | AbortUpstream
    | AbortClient
    | AppendOutcome
    | SendReceipt
)
