"""Why somebody does what others will ask about later: a text that stands in the entry."""

from safeconduct.kernel.errors import InvalidInputError

REASON_LENGTH_MAX = 500
"""Characters of a reason. Whoever audits the log, or is refused because of it, reads it."""


def check_reason(reason: str, what: str) -> None:
    """Returns if there is a reason. Blanks are none.

    Raises:
        InvalidInputError: `reason-missing`, or it is too long.
    """
    if not reason.strip():
        raise InvalidInputError(f"{what} needs a reason of 1 to {REASON_LENGTH_MAX} characters", code="reason-missing")
    if len(reason) > REASON_LENGTH_MAX:
        raise InvalidInputError(f"{what} needs a reason of at most {REASON_LENGTH_MAX} characters, got {len(reason)}")
