"""What commands print, and how they end."""

import errno
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from safeconduct.kernel.errors import InvalidInputError, Kind, SafeconductError, UnavailableError
from safeconduct.web.page import visible

T = TypeVar("T")


class Terminal(Console):
    """Prints text as it is: what a terminal would obey, or not show, is written out.

    Text of events, models and callers is printed beside what people sign. `rich` passes escape sequences on, and
    makes pictures of words between colons.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, soft_wrap=True, highlight=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - as the console's own
        return super().render_str(visible(text), **options)


out = Terminal()
err = Terminal(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document.")]

_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What JSON may hold as it is, and a terminal obeys: it stands in texts alone, where an escape is the same."""

DONE, NO, BAD_INPUT, REFUSED, NOT_AVAILABLE = 0, 1, 2, 3, 4

SHOWN_MAX = 20
"""Rows that are shown to people of what may be thousands; --json has all."""

EXIT_CODE = {
    Kind.INVALID: BAD_INPUT,
    Kind.TOO_LARGE: BAD_INPUT,
    Kind.ABSENT: BAD_INPUT,
    Kind.CONFLICT: NO,
    Kind.UNAUTHENTICATED: REFUSED,
    Kind.REFUSED: REFUSED,
    Kind.LIMITED: NOT_AVAILABLE,
    Kind.UPSTREAM: NOT_AVAILABLE,
    Kind.UNAVAILABLE: NOT_AVAILABLE,
}


def emit(document: T, as_json: bool, show: Callable[[T], None]) -> None:  # noqa: FBT001 - it is a flag
    """Prints the document: as one JSON document, or as `show` prints it for people."""
    if as_json:
        written = msgspec.json.format(msgspec.json.encode(document)).decode()
        sys.stdout.write(_OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", written) + "\n")
    else:
        show(document)


def report(error: SafeconductError) -> int:
    """Prints an error for people on stderr and returns the exit code."""
    err.print(f"[bold red]error[/] [dim]({error.code})[/] ", end="")
    err.print(error.message, markup=False)
    if error.clause:
        err.print(f"  clause: {error.clause}", markup=False)
    if error.remedy:
        err.print(f"  to do:  {error.remedy}", markup=False)
    return EXIT_CODE[error.kind]


def system_refused(error: OSError) -> UnavailableError:
    """Returns the error for what the operating system refused: what, where, and what helps."""
    where = f": {error.filename}" if error.filename else ""
    return UnavailableError(
        f"{error.strerror or error}{where}", code="system-refused", remedy=_HELPS.get(error.errno or 0, "")
    )


_MINE = "run this as whoever owns the folder, where it may be written"
_ROOM = "make room on the disk, then do it again"
_HELPS = {errno.EACCES: _MINE, errno.EPERM: _MINE, errno.EROFS: _MINE, errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM}


def rows(document: Any, *names: str) -> None:  # noqa: ANN401 - a list of maps from the control API
    """Prints a list of maps as aligned columns; an empty list says so."""
    if not document:
        out.print("none", style="dim")
        return
    lines = [names, *([worded(row.get(name, "")) for name in names] for row in document)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for number, line in enumerate(lines):
        aligned = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        out.print(aligned, style="" if number else "dim", markup=False)


def first_of(listed: Sequence[T], show: Callable[[T], None]) -> None:
    """Shows people the first of what may be thousands, one by one, and says how many more --json has."""
    for one in listed[:SHOWN_MAX]:
        show(one)
    if len(listed) > SHOWN_MAX:
        out.print(f"  and {len(listed) - SHOWN_MAX} more, with --json", style="dim")


def worded(value: object) -> str:
    """Returns a value of a document as people write it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(worded, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {worded(one)}" for name, one in value.items())
    return str(value)


def to_seconds(time: str) -> str:
    """Returns a time of a document, whose form is `rfc3339`, as people read it: without parts of a second."""
    return time.partition(".")[0] + "Z" if "." in time else time


def require_new(file: Path | None) -> None:
    """Asks before an act, which stands in the log for good, that the file it is to write can be made.

    Raises:
        InvalidInputError: it is there, or its folder is not.
    """
    if file is not None and (file.exists() or not file.parent.is_dir()):
        why = "it is there already" if file.exists() else f"there is no folder {file.parent}"
        raise InvalidInputError(f"cannot write {file}: {why}", code="file-unwritable", remedy="name another file")


def write_new(file: Path, content: bytes) -> None:
    """Writes a file that must not be there yet.

    Raises:
        InvalidInputError: it is there, or can't be written.
    """
    try:
        with file.open("xb") as opened:
            opened.write(content)
    except OSError as error:
        raise InvalidInputError(f"cannot write {file}: {error.strerror}", code="file-unwritable") from error


def state_of(log: dict[str, Any]) -> str:
    """Returns in words what a listed log is."""
    return f"closed, goes on as {log['successor']}" if log["successor"] else log["stopped"] or "running"
