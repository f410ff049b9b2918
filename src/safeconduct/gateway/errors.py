"""What a call can be refused for, and whose fault it is: the caller's, the upstream's or ours (the error's kind)."""

from safeconduct.kernel.errors import InvalidInputError


class DialectError(InvalidInputError):
    """The request is not one of this dialect, or holds a shape that is not taken. `param` names the field."""

    def __init__(self, message: str, *, code: str, param: str = "", remedy: str = "") -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.param = param
