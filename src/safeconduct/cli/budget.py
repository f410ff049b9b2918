"""`safeconduct budget`: what calls used of what they may use."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, client, place
from safeconduct.cli.output import NO, Json, emit, out, rows

commands = typer.Typer(help="Budgets: what calls used, and what is left.", no_args_is_help=True)

Owner = Annotated[str, typer.Argument(metavar="OWNER", help="grant:NAME, path:NAME or organization:NAME.")]
_COLUMNS = ("account", "limit", "settled", "reserved", "leased", "left")


@commands.command(name="list")
def list_(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the budgets in force, each unit in its window now."""
    emit(client(data).get("/api/v1/budgets"), as_json, lambda listed: rows(listed, *_COLUMNS))


@commands.command()
def show(owner: Owner, *, data: Data = None, as_json: Json = False) -> None:
    """Shows an owner's budget."""
    emit(client(data).get(place("budgets", owner)), as_json, _show)


@commands.command()
def check(*, data: Data = None, as_json: Json = False) -> None:
    """Recomputes all budgets from the log's calls and compares: exit 1 if one differs."""
    found = client(data).get("/api/v1/budgets/check")
    emit(found, as_json, _checked)
    raise typer.Exit(0 if found["equal"] else NO)


def _show(document: list[dict[str, Any]]) -> None:
    for one in document:
        for name in _COLUMNS:
            out.print(f"{name:<9} {one[name]}", markup=False)
        out.print(f"{'window':<9} {one['window']['from']} to {one['window']['until']}", markup=False)


def _checked(document: dict[str, Any]) -> None:
    for one in document["accounts"]:
        said = "as the log says" if one["equal"] else f"the log says {_used(one['log'])}"
        out.print(f"{one['account']}: {_used(one['records'])}, {said}", markup=False)
    out.print("every budget is the sum of its calls" if document["equal"] else "budgets differ from the log")


def _used(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.items())
