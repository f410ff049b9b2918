"""What a call can be refused for, and whose fault it is: the caller's, the upstream's or ours (the error's kind)."""

from safeconduct.gateway.moves import CutWhy
from safeconduct.kernel.errors import (
    InvalidInputError,
    RefusedError,
    SafeconductError,
    UnavailableError,
    UpstreamError,
)


class DialectError(InvalidInputError):
    """The request is not one of this dialect, or holds a shape that is not taken. `param` names the field."""

    def __init__(self, message: str, *, code: str, param: str = "", remedy: str = "") -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.param = param


class WithheldError(RefusedError):
    """What is left of an answer may not be let out. `clause` names what forbids it."""

    def __init__(self, clause: str) -> None:
        super().__init__(
            "the model answered what this path does not let out",
            code="released-withheld",
            clause=clause,
            remedy="ask for something else, or ask the people who answer for the path",
        )


class AnswerHeldError(RefusedError):
    """An answer waits for a person: `approval` lets it go, once, before `until`. `clause` names what demands it."""

    def __init__(self, approval: str, clause: str, until: str) -> None:
        super().__init__(
            f"a person decides over this answer: approval {approval} waits for votes",
            code="answer-held",
            clause=clause,
            remedy=f"have it looked at (safeconduct call look {approval}) and approved (safeconduct call approve "
            f"{approval}), then send the same request with the header safeconduct-approval: {approval} before {until}",
        )


def cut_error(why: CutWhy, clause: str) -> SafeconductError:
    """Returns what a caller is told when its call is cut before its answer began."""
    if why is CutWhy.FREEZE:
        return RefusedError(
            "a freeze stopped this call", code="frozen", clause=clause, remedy="ask the people named in the freeze"
        )
    if why is CutWhy.REVOKED:
        return RefusedError("the token, grant, path or principal of this call is gone", code="revoked", clause=clause)
    if why is CutWhy.SHUTDOWN:
        return UnavailableError("this gateway is shutting down", code="shutting-down", remedy="retry")
    if why is CutWhy.UNCONFIRMED:
        return UnavailableError(
            "the worker of this call could not reach its database for too long", code=why.value, remedy="retry"
        )
    return UpstreamError(
        "the path's deadline passed before there was an answer",
        code="deadline-exceeded",
        remedy="ask for less, or ask for a path with a later deadline",
    )


def no_answer(what: str) -> UpstreamError:
    """Returns the error of bytes that are no answer."""
    return UpstreamError(
        f"the model server's answer is none: {what}",
        code="upstream-answer-invalid",
        remedy="retry, or tell the operator",
    )


def failed_answering() -> UpstreamError:
    """Returns the error of an upstream that says it failed, in an answer that began well."""
    return UpstreamError("the model server failed while answering", code="upstream-failed", remedy="retry later")


def not_offered() -> UpstreamError:
    """Returns the error of an answer that calls what the request did not offer."""
    return UpstreamError("the model called a tool that nobody offered", code="tool-call-not-offered")
