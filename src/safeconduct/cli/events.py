"""`safeconduct events`: what is stored."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, client, place
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.soc.pointers import leaves

commands = typer.Typer(help="Stored events.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The event's id, 32 hex digits.")]


@commands.command()
def show(event_id: Id, *, data: Data = None, as_json: Json = False) -> None:
    """Shows an event: the raw record and its meaning, with the pointers that claims use."""
    emit(client(data).get(place("events", event_id)), as_json, _show)


@commands.command(name="list")
def list_(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the telemetry files that were read, and how many events of each kind there are."""
    emit(client(data).get("/api/v1/telemetry"), as_json, _show_files)


def _show(document: dict[str, Any]) -> None:
    out.print(f"{document['id']}  {document['time']}  {document['source']}", markup=False)
    for pointer, value in leaves({"raw": document["raw"], "ocsf": document["ocsf"]}):
        out.print(f"  {pointer}  {value!r}", markup=False)


def _show_files(document: dict[str, Any]) -> None:
    listed = [
        {"digest": file["digest"][:16], "lines": file["lines"], "events": sum(file["events"].values()),
         "not read": sum(file["dead"].values())}
        for file in document["files"]
    ]  # fmt: skip
    rows(listed, "digest", "lines", "events", "not read")
    for source, count in document["events"].items():
        out.print(f"{count:>9,}  {source}", markup=False)
