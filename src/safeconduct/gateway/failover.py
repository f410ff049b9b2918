"""Step 9: which failures permit another target.

A target may follow another only before the first byte of an answer. A refusal of the request is an answer: whoever
refused it was asked, and asking on would be shopping for one who does not refuse.
"""

from safeconduct.kernel.errors import UpstreamError

UNSENT = frozenset(("upstream-unreachable", "provider-outside-path", "upstream-skipped"))
"""Failures after which it is known that the request did not leave."""

_OVERLOADED = frozenset((408, 429))
_SERVER_FAILED = 500


def permits_another(status: int | None) -> bool:
    """Tells whether a target that gave no answer may be followed by another. `status` is its head's, where one came."""
    return status is None or status in _OVERLOADED or status >= _SERVER_FAILED


def skipped() -> UpstreamError:
    """Returns why a target is passed over that failed too often."""
    return UpstreamError(
        "this model server failed several times in a row", code="upstream-skipped", remedy="retry later"
    )
