"""`safeconduct calendar`: everything that ends or is owed, on one list, or as a file for the calendar people use."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.access.due import Due, Owner
from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.files import write_atomically
from safeconduct.cli.client import Data, Key, Url, client
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.kernel.instants import parse_rfc3339
from safeconduct.program.icalendar import icalendar

Within = Annotated[
    int | None, typer.Option("--within", metavar="DAYS", help="Only what is due in so many days, or overdue.")
]
Whose = Annotated[str, typer.Option("--owner", help="Only what this principal or organization sees to.")]
File = Annotated[
    Path | None,
    typer.Option("--ics", metavar="FILE", help="Write it as an iCalendar file; one that is there is replaced."),
]


def calendar(
    *,
    within: Within = None,
    owner: Whose = "",
    ics: File = None,
    url: Url = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Lists everything that ends or is owed, by its time: whose it is, and what follows if nobody sees to it."""
    found = client(data, key, url).get("/api/v1/calendar", within=within, owner=owner or None)
    if ics is not None:
        write_atomically(ics, icalendar([_due(one) for one in found], SystemClock().now()))
    emit(found, as_json, lambda listed: _show(listed, ics))


def _due(document: dict[str, Any]) -> Due:
    return Due(
        kind=document["kind"],
        name=document["name"],
        at=parse_rfc3339(document["at"]),
        owner=Owner(document["owner"]),
        consequence=document["consequence"],
        look=document["look"],
    )


def _show(listed: list[dict[str, Any]], ics: Path | None) -> None:
    rows(listed, "at", "kind", "name", "owner", "consequence")
    if ics is not None:
        out.print(f"written to {ics}", style="dim", markup=False)
