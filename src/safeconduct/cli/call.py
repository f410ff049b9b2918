"""`safeconduct call`: governed calls as the log has them."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, client, place
from safeconduct.cli.output import Json, emit, out, rows

commands = typer.Typer(help="Governed calls: what was asked, what left the house, how it ended.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The call's id, as in the header safeconduct-call.")]
Count = Annotated[int, typer.Option("--count", min=1, max=1000, help="How many, newest first.")]


@commands.command(name="list")
def list_(*, count: Count = 50, data: Data = None, as_json: Json = False) -> None:
    """Lists the latest calls, refused ones too."""
    found = client(data).get("/api/v1/calls", count=count)
    emit(found, as_json, lambda listed: rows(listed, "call", "at", "principal", "path", "model", "state", "why"))


@commands.command()
def show(call_id: Id, *, data: Data = None, as_json: Json = False) -> None:
    """Shows one call with exactly what was sent and what came back."""
    emit(client(data).get(place("calls", call_id)), as_json, _show)


def _show(document: dict[str, Any]) -> None:
    for name, value in document.items():
        if name not in ("fields", "answer", "withheld"):
            out.print(f"{name:<22} {value}", markup=False)
    for title, part in (("sealed with the request", "fields"), ("sealed with the outcome", "answer")):
        for name, value in document[part].items():
            out.print(f"{title}: {name}", style="dim", markup=False)
            out.print(str(value), markup=False)
