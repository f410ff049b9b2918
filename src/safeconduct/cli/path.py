"""`safeconduct path`: bounded ways to a model."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, client, place
from safeconduct.cli.output import Json, emit, out, rows

commands = typer.Typer(help="Paths: bounded ways to a model.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The path's name.")]


@commands.command(name="list")
def list_(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the paths in force."""
    found = client(data).get("/api/v1/paths")
    emit(found, as_json, lambda listed: rows(listed, "id", "version", "purpose", "scope", "upstream"))


@commands.command()
def show(name: Name, *, data: Data = None, as_json: Json = False) -> None:
    """Shows everything that bounds a path, sealed under its digest."""
    emit(client(data).get(place("paths", name)), as_json, _show)


def _show(document: dict[str, Any]) -> None:
    for name, value in document.items():
        if name == "versions":
            continue
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(value, dict):
            shown = ", ".join(f"{inner} {number}" for inner, number in value.items())
        out.print(f"{name:<13} {shown}", markup=False)
    for version in document["versions"]:
        out.print(f"  version {version['version']} {version['digest']}", markup=False, style="dim")
