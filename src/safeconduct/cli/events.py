"""`safeconduct events`: what is stored."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.detect import Owner
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.kernel.beginnings import the_only
from safeconduct.kernel.errors import AbsentError
from safeconduct.soc.pointers import leaves
from safeconduct.soc.wording import number_of

File = Annotated[str, typer.Argument(metavar="DIGEST", help="The file's digest, or enough of its beginning.")]

NOT_DESCRIBED = (
    "nothing says what it is, so nothing destroys it: ingest it again from the folder raw, or remove it there"
)

commands = typer.Typer(help="Stored events.", no_args_is_help=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what there is, what would go, and what keeps it.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The event's id, or enough of its beginning.")]


@commands.command()
def show(event_id: Id, *, data: Data = None, as_json: Json = False) -> None:
    """Shows an event: the raw record and its meaning, with the pointers that claims use."""
    emit(client(data).get(place("events", event_id)), as_json, _show)


@commands.command(name="list")
def list_(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the telemetry files that were read, and how many events of each kind there are."""
    emit(client(data).get("/api/v1/telemetry"), as_json, _show_files)


@commands.command()
def dead(file: File, *, data: Data = None, as_json: Json = False) -> None:
    """Lists the lines of a file that could not be read, and why; ingest --again reads them anew."""
    asking = client(data)
    listed = {one["digest"]: one["digest"] for one in asking.get("/api/v1/telemetry")["files"]}
    unknown = AbsentError(f"no file {file[:64]!r}", code="file-unknown", remedy="safeconduct events list")
    digest = the_only(listed, file, "file", unknown)
    emit(asking.get(place("telemetry", digest, "dead-letters")), as_json, _show_dead)


@commands.command()
def retention(
    *, dry_run: DryRun = False, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Destroys telemetry whose days are over, as the server does by itself; --dry-run shows what, and what keeps it."""
    if dry_run:
        emit(client(data, key).get("/api/v1/telemetry/retention"), as_json, _show_retention)
        return
    emit(client(data, key).post("/api/v1/telemetry/retention", owner=owner), as_json, _show_destroyed)


def _show_retention(listed: list[dict[str, Any]]) -> None:
    for one in listed:
        whose = one["owner"] or "the house"
        for kept in one["kept"]:
            days = (
                f"kept for {number_of(kept['days'], 'day')} by {kept['rule']}" if kept["days"] else "kept without limit"
            )
            amount = f"{number_of(kept['files'], 'file')}, {kept['bytes']:,} bytes since {kept['oldest_day']}"
            out.print(f"{whose}: {kept['sources']}  {amount}, {days}", markup=False)
        for due in one["due"]:
            amount = f"{number_of(due['files'], 'file')}, {due['bytes']:,} bytes"
            again = f", destroyed before by order {due['again']} and back" if due["again"] else ""
            out.print(f"  due: {due['sources']} of {due['day']}  {amount}{again}", markup=False)
            if due["held_files"]:
                told = f"{number_of(due['held_files'], 'file')} kept by {', '.join(due['held_by'])}"
                out.print(f"    {told}", markup=False)
        _show_strays(one)
        _show_destroyed(one["under_way"])


def _show_strays(document: dict[str, Any]) -> None:
    days = document["strays_days"]
    counting = f"kept for {number_of(days, 'day')} from when the server finds them" if days else "kept without limit"
    for one in document["strays"]:
        told = counting if one["described"] else NOT_DESCRIBED
        name = f" ({one['name']})" if one["name"] else ""
        out.print(f"  in no entry: {one['digest']}{name}  {one['bytes']:,} bytes, {told}", markup=False)
    more = document["strays_found"] - len(document["strays"])
    if more:
        out.print(f"  and {number_of(more, 'file')} more in no entry", markup=False)


def _show_destroyed(orders: list[dict[str, Any]]) -> None:
    for one in orders:
        done = "destroyed" if one["destroyed"] else "ordered, not destroyed yet"
        amount = f"{number_of(one['files'], 'file')}, {number_of(one['events'], 'event')}, {one['bytes']:,} bytes"
        out.print(f"{done}: {one['sources']} of {one['day']}  {amount}, by {one['rule']}", markup=False)
        out.print(f"  order {one['order']}", style="dim", markup=False)


def _show_dead(letters: list[dict[str, Any]]) -> None:
    rows(letters, "line", "code", "detail", "text")
    out.print(f"{number_of(len(letters), 'line')} not read; they are kept")


@commands.command()
def anomalies(*, data: Data = None, as_json: Json = False) -> None:
    """Lists what was never so before, and what never so much, the unlikeliest first, each with why."""
    emit(client(data).get("/api/v1/anomalies"), as_json, _show_anomalies)


def _show_anomalies(document: dict[str, Any]) -> None:
    for one in document["anomalies"]:
        out.print(f"{one['time']}  {one['title']}", markup=False)
        out.print(f"    {one['context']['found']!r}: {one['value']['found']!r}  event {one['event']}", markup=False)
        out.print(f"    {one['reason']}", markup=False)
    for one in document["volumes"]:
        out.print(f"{one['time']}  {one['title']}", markup=False)
        out.print(f"    {one['context']['found']!r}  first event {one['events'][0]}", markup=False)
        out.print(f"    {one['reason']}", markup=False)
    out.print(f"{document['found']} in {document['events']:,} events", markup=False)
    if document["contexts_left_out"]:
        out.print(f"{document['contexts_left_out']} events were of contexts beyond those kept", markup=False)


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
