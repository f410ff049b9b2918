"""One root for every error a person or a program may see, and what each kind means to them."""

from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """What an error asks of its reader. http/ maps it to a status, cli/ to an exit code; nothing else does."""

    INVALID = "invalid"  # the input is wrong: correct it
    TOO_LARGE = "too-large"  # the input is over a stated limit
    UNAUTHENTICATED = "unauthenticated"  # we don't know who asks
    REFUSED = "refused"  # policy, standing, scope or rule says no
    ABSENT = "absent"  # no such thing, or not for this caller
    CONFLICT = "conflict"  # the thing's state does not allow it now
    LIMITED = "limited"  # a rate, concurrency limit or budget: later
    UNAVAILABLE = "unavailable"  # something we depend on is down or damaged: fail closed
    UPSTREAM = "upstream"  # the model server failed


class SafeconductError(Exception):
    """Root of the package's errors.

    `code` is stable kebab-case and part of the API. `message` says what was expected and what came.
    `clause` names the policy, grant or agreement clause that decided, where one did. `remedy` says what to do.
    `call` is set by whoever knows which governed call it ended.
    """

    kind: ClassVar[Kind] = Kind.INVALID
    default_code: ClassVar[str] = "invalid-input"

    def __init__(self, message: str, *, code: str | None = None, clause: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.clause = clause
        self.remedy = remedy
        self.call = ""


class InvalidInputError(SafeconductError):
    """The input does not say what it must."""


class TooLargeError(SafeconductError):
    """The input is over a named limit."""

    kind = Kind.TOO_LARGE
    default_code = "too-large"


class UnauthenticatedError(SafeconductError):
    """No credential, or one that does not verify."""

    kind = Kind.UNAUTHENTICATED
    default_code = "unauthenticated"


class RefusedError(SafeconductError):
    """A rule says no. `clause` names it."""

    kind = Kind.REFUSED
    default_code = "refused"


class AbsentError(SafeconductError):
    """There is no such thing, or the caller may not know of it."""

    kind = Kind.ABSENT
    default_code = "not-found"


class ConflictError(SafeconductError):
    """The thing is in a state that does not allow this step."""

    kind = Kind.CONFLICT
    default_code = "conflict"


class LimitedError(SafeconductError):
    """A rate, concurrency limit or budget was reached. `retry_after_s` says when to try again, if that is known."""

    kind = Kind.LIMITED
    default_code = "rate-limited"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        clause: str = "",
        remedy: str = "",
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message, code=code, clause=clause, remedy=remedy)
        self.retry_after_s = retry_after_s


class UnavailableError(SafeconductError):
    """Something needed is missing, down or damaged; the answer is no until it is back."""

    kind = Kind.UNAVAILABLE
    default_code = "unavailable"


class UpstreamError(SafeconductError):
    """The model server failed, was cut off or answered something that is no answer."""

    kind = Kind.UPSTREAM
    default_code = "upstream-failed"
