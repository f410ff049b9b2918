"""What an upstream's answer means that is no success. Its own words reach nobody: they quote hosts and keys."""

from safeconduct.kernel.errors import InvalidInputError, LimitedError, SafeconductError, UpstreamError

_STATUS_REFUSED = frozenset((400, 413, 422))
_STATUS_TIMED_OUT = frozenset((408, 504))
_STATUS_BUSY = 429


def upstream_refusal(status: int, body: bytes) -> SafeconductError:
    """Returns the error of an upstream's answer that is no success, without a word of the upstream's own."""
    if status == _STATUS_BUSY:
        return LimitedError("the model server is over its own rate limit", code="upstream-busy", remedy="retry later")
    if status in _STATUS_REFUSED:
        return _refused_request(body)
    if status in _STATUS_TIMED_OUT:
        return UpstreamError("the model server gave up waiting for the model", code="upstream-timeout")
    if 400 <= status < 500:  # noqa: PLR2004 - the class of client errors: here our own configuration's fault
        return UpstreamError(
            f"the model server did not accept this gateway's request (status {status})",
            code="upstream-misconfigured",
            remedy="the operator checks the upstream's address, model name and key",
        )
    return UpstreamError(f"the model server failed (status {status})", code="upstream-failed", remedy="retry later")


def _refused_request(body: bytes) -> SafeconductError:
    if b"context" in body and (b"exceed" in body or b"length" in body):
        return InvalidInputError(
            "the request is longer than the model's context", code="context-too-long", remedy="send less"
        )
    return InvalidInputError(
        "the model server did not take the request's fields or values",
        code="upstream-refused-request",
        remedy="check the request against the model's documentation; the operator can open the sealed answer",
    )
