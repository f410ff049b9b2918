"""Why a cosigner did not cosign, as the log's side is told."""

from safeconduct.kernel.errors import UnavailableError

DAMNING = frozenset({"log-behind-witness", "log-forked"})
"""What a witness says of a log that nothing may be appended to any more."""


class WitnessError(UnavailableError):
    """A cosigner did not cosign. `proven` tells whether it showed, under the log's own key, that the log is wrong."""

    def __init__(self, message: str, *, code: str, proven: bool = False, remedy: str = "") -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.proven = proven
