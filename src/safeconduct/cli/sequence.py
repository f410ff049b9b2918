"""`safeconduct log sequence`: gives the entries of many workers their places."""

import sys
from typing import Annotated

import typer

from safeconduct import settings
from safeconduct.cli.client import Data
from safeconduct.cli.output import Json, emit, out
from safeconduct.cli.serve import DatabaseURL, databases

Once = Annotated[bool, typer.Option("--once", help="Give places to what waits, then end.")]


def sequence(*, once: Once = False, database: DatabaseURL = "", data: Data = None, as_json: Json = False) -> None:
    """Gives the entries that workers committed their places in the logs, and signs, until it is stopped.

    Several may run, on several machines: one at a time gives places in a log, another takes over when it is gone.
    """
    from safeconduct.bootstrap import sequencer  # noqa: PLC0415 - keeps other commands quick

    read = settings.read()
    folder, places = data or read.data, databases(read, database)
    if once:
        placed = sequencer.run_until_empty(folder, places)
        emit({"placed": placed}, as_json, lambda made: out.print(f"{made['placed']} entries got their places"))
    else:
        sequencer.run(folder, places, ready=lambda: _ready(as_json=as_json))


def _ready(*, as_json: bool) -> None:
    emit({"sequencing": True}, as_json, lambda _document: out.print("giving places"))
    sys.stdout.flush()  # whoever started it reads this from a pipe
