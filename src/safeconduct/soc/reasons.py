"""The reason that a person gives for a decision about an incident: asked for, bounded, and sealed in the log."""

from safeconduct.kernel.errors import InvalidInputError

REASON_CHARS_MAX = 2_000
"""Characters of a reason; as long as a person's note on a claim."""


def check(reason: str, *, code: str, remedy: str) -> None:
    """Returns if somebody gave a reason.

    Raises:
        InvalidInputError: of that code, with that remedy: it is blank, or longer than REASON_CHARS_MAX.
    """
    if not 0 < len(reason.strip()) <= len(reason) <= REASON_CHARS_MAX:
        text = f"a reason has 1 to {REASON_CHARS_MAX} characters, got {len(reason)}"
        raise InvalidInputError(text, code=code, remedy=remedy)
