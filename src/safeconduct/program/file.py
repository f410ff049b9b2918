"""A program file read whole: access says what its keys are, this says what the parties must have agreed to in it."""

from collections.abc import Collection, Iterable
from functools import partial

from safeconduct.access.program import Check, Program, parse_program
from safeconduct.program.clocks import check_notices
from safeconduct.program.duties import (
    check_contacts,
    check_liability,
    check_obligations,
    check_recertifications,
    check_responsibilities,
)

CHECKS: tuple[Check, ...] = (
    check_responsibilities,
    check_contacts,
    check_notices,
    check_obligations,
    check_recertifications,
)
"""What each feature of this package asks of a file beyond its form and its references."""


def read_program(
    source: bytes,
    *,
    entry_types: Iterable[str],
    file: str = "program.yaml",
    upstreams: Collection[str] | None = None,
) -> Program:
    """Reads a program file that is to be planned, signed or applied; otherwise as `access.program.parse_program`.

    `entry_types` are all that this installation can write, with their versions.

    Raises:
        TooLargeError, ProgramInvalidError: as there, with what CHECKS found among the problems.
    """
    unversioned = {name.partition("/")[0] for name in entry_types}
    checks: tuple[Check, ...] = (*CHECKS, partial(check_liability, entry_types=unversioned))
    return parse_program(source, file=file, upstreams=upstreams, checks=checks)
