"""`safeconduct obligation`: what is owed again and again, and the evidence that it was done."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, Url, client, place
from safeconduct.cli.evidence import Document, Kind, Source, file_digest
from safeconduct.cli.output import Json, emit, out, rows

commands = typer.Typer(help="Obligations: what is owed, until when, and what missing it takes.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="OBLIGATION", help="The obligation, as the program file names it.")]
Why = Annotated[str, typer.Option("--reason", help="Why it does not show what it has to; it stands in the log.")]


@commands.command(name="list")
def list_(*, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False) -> None:
    """Lists what the program says is owed: by whom, until when, and the tier that is left where it was missed."""
    found = client(data, key, url).get("/api/v1/obligations")
    emit(found, as_json, lambda listed: rows(listed, "id", "kind", "organization", "owner", "state", "due_at", "tier"))


@commands.command()
def show(name: Name, *, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False) -> None:
    """Shows an obligation: what it takes to meet it, what comes next, and all that met it."""
    emit(client(data, key, url).get(place("obligations", name)), as_json, _show)


@commands.command()
def submit(
    name: Name,
    *,
    file: Document,
    kind: Kind,
    source: Source,
    data: Data = None,
    key: Key = None,
    url: Url = "",
    as_json: Json = False,
) -> None:
    """Hands evidence in, as a digest: as its owner, or an administrator of the owner's organization."""
    shown = {"sha256": file_digest(file), "kind": kind, "source": source}
    emit(client(data, key, url).post(place("obligations", name, "hand-in"), shown), as_json, _show)


@commands.command()
def accept(
    name: Name, *, file: Document, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False
) -> None:
    """Accepts evidence, with the very document in hand: for the other party. What was lowered is raised again."""
    said = {"sha256": file_digest(file), "accepted": True}
    emit(client(data, key, url).post(place("obligations", name, "judge"), said), as_json, _show)


@commands.command(name="return")
def return_(
    name: Name, *, file: Document, reason: Why, data: Data = None, key: Key = None, url: Url = "", as_json: Json = False
) -> None:
    """Returns evidence, with a reason: for the other party. The clock goes on."""
    said = {"sha256": file_digest(file), "accepted": False, "reason": reason}
    emit(client(data, key, url).post(place("obligations", name, "judge"), said), as_json, _show)


def _show(document: dict[str, Any]) -> None:
    out.print(f"{document['kind']} {document['id']} of {document['owner']}: {document['about']}", markup=False)
    out.print(f"  {document['state']}, due {document['due_at']}, every {document['days']} days", markup=False)
    if document["reason"]:
        out.print(f"  returned: {document['reason']}", markup=False)
    if document["tier"] is not None:
        out.print(f"  lowered: no models above tier {document['tier']} until it is met", style="bold red", markup=False)
    if document["next"]:
        out.print(f"  next: {_next(document['next'])}", markup=False)
    for one in document.get("met", ()):
        out.print(f"  met {one['evidence']['at']}, accepted by {one['by']['id']}", markup=False)


def _next(moment: dict[str, Any]) -> str:
    what = "a warning" if moment["tier"] is None else f"no models above tier {moment['tier']}"
    return f"{what} at {moment['at']}"
