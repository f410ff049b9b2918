"""`safeconduct grant`: who may use which path, for what and when."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, client, place
from safeconduct.cli.output import Json, emit, out, rows

commands = typer.Typer(help="Grants: who may use which path, for what and when.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The grant's name.")]


@commands.command(name="list")
def list_(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the grants in force. New ones come by the program file."""
    found = client(data).get("/api/v1/grants")
    emit(found, as_json, lambda listed: rows(listed, "id", "principal", "path", "purpose", "open"))


@commands.command()
def show(name: Name, *, data: Data = None, as_json: Json = False) -> None:
    """Shows a grant."""
    emit(client(data).get(place("grants", name)), as_json, _show)


def _show(document: dict[str, Any]) -> None:
    for name in ("id", "principal", "path", "purpose", "scope"):
        out.print(f"{name:<10} {document[name]}", markup=False)
    window = document["window"]
    out.print(f"{'window':<10} {window['from']} to {window['until']}", markup=False)
    out.print(f"{'open now':<10} {'yes' if document['open'] else 'no'}")
