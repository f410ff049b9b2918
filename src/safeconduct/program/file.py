"""A program file read whole: access says what its keys are, this says what the parties must have agreed to in it."""

from collections.abc import Collection

from safeconduct.access.program import Check, Program, parse_program

CHECKS: tuple[Check, ...] = ()
"""What each feature of this package asks of a file beyond its form and its references."""


def read_program(source: bytes, *, file: str = "program.yaml", upstreams: Collection[str] | None = None) -> Program:
    """Reads a program file that is to be planned, signed or applied; otherwise as `access.program.parse_program`.

    Raises:
        TooLargeError, ProgramInvalidError: as there, with what CHECKS found among the problems.
    """
    return parse_program(source, file=file, upstreams=upstreams, checks=CHECKS)
