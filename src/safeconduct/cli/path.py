"""`safeconduct path`: bounded ways to a model."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import NOT_AVAILABLE, Json, emit, out, rows
from safeconduct.kernel.errors import InvalidInputError

commands = typer.Typer(help="Paths: bounded ways to a model.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The path's name.")]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="The model's name on the path.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the log with your name.")]


@commands.command(name="list")
def list_(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the paths in force."""
    found = client(data).get("/api/v1/paths")
    emit(
        found,
        as_json,
        lambda listed: rows([_row(one) for one in listed], "id", "version", "purpose", "scope", "upstreams"),
    )


@commands.command()
def show(name: Name, *, data: Data = None, as_json: Json = False) -> None:
    """Shows everything that bounds a path, sealed under its digest, and what may answer on it now."""
    emit(client(data).get(place("paths", name)), as_json, _show)


@commands.command()
def approve_model(
    name: Name, model: Model, *, reason: Why = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Asks that a model which needs an approval be used on a path. In force with the partner's cosignature."""
    document = client(data, key).post(place("paths", name, "approvals"), _wanted(model, reason))
    emit(document, as_json, _show_approval)
    if document["state"] == "waiting":
        raise typer.Exit(NOT_AVAILABLE)


@commands.command()
def withdraw_model(
    name: Name, model: Model, *, reason: Why = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Withdraws a model's approval, at once: running calls of it are cut."""
    document = client(data, key).post(place("paths", name, "approvals", "withdraw"), _wanted(model, reason))
    told = "{version} is not used on path {path} any more".format_map(document)
    emit(document, as_json, lambda _: out.print(told, markup=False))


def _wanted(model: str, reason: str) -> dict[str, str]:
    if not reason:
        raise InvalidInputError("models are approved and withdrawn for a reason: --reason TEXT", code="reason-missing")
    return {"model": model, "reason": reason}


def _row(path: dict[str, Any]) -> dict[str, Any]:
    return path | {"upstreams": ", ".join(one["upstream"] for one in path["providers"])}


def _show_approval(document: dict[str, Any]) -> None:
    if document["state"] == "waiting":
        told = f"request {document['request']} waits for the partner's witness; the model is refused until then"
        out.print(told, markup=False)
        if document["problem"]:
            out.print(f"  {document['problem']}", markup=False)
    else:
        out.print(f"{document['model']} may be used on path {document['path']}", markup=False)


def _show(document: dict[str, Any]) -> None:
    for name, value in document.items():
        if name == "versions":
            continue
        for line in _lines(name, value):
            out.print(line, markup=False)
    for version in document["versions"]:
        out.print(f"  version {version['version']} {version['digest']}", markup=False, style="dim")


def _lines(name: str, value: Any) -> list[str]:  # noqa: ANN401 - JSON
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [name, *(f"  {_flat(one)}" for one in value)]
    shown = ", ".join(map(str, value)) if isinstance(value, list) else value
    return [f"{name:<14} {_flat(value) if isinstance(value, dict) else shown}"]


def _flat(document: dict[str, Any]) -> str:
    told = {name: _flat(value) if isinstance(value, dict) else value for name, value in document.items()}
    return ", ".join(f"{name} {value}" for name, value in told.items() if value not in (None, "", [], False))
