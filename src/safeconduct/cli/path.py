"""`safeconduct path`: bounded ways to a model."""

import http.client
from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.access.catalogue import MICRO_USD
from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import NOT_AVAILABLE, REFUSED, Json, emit, out, rows
from safeconduct.cli.probing import probed
from safeconduct.kernel.errors import InvalidInputError

commands = typer.Typer(help="Paths: bounded ways to a model.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The path's name.")]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="The model's name on the path.")]
Asked = Annotated[str, typer.Option("--model", help="Which of its models. Default: the first that is offered.")]
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


@commands.command()
def probe(name: Name, *, model: Asked = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Makes one real governed chat call on a path, as whoever's key this is, and shows what came back.

    The call is in the log like any other. Its token is revoked afterwards; with SAFECONDUCT_TOKEN set that one is used.
    Where the program demands vetting it is a probe, and makes the path ready for whoever made it.
    """
    asked = client(data, key)
    document = probed(asked, name, model, settings.read().environment.get("SAFECONDUCT_TOKEN", ""))
    emit(document, as_json, _show_probe)
    if document["status"] >= http.client.BAD_REQUEST:
        raise typer.Exit(REFUSED if document["status"] < http.client.INTERNAL_SERVER_ERROR else NOT_AVAILABLE)


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
        if name not in ("catalogue", "running", "versions"):
            shown = ", ".join(map(_flat, value)) if isinstance(value, list) else _flat(value)
            out.print(f"{name:<14} {shown}", markup=False)
    for model in document["catalogue"]:
        prices = {f"{name}_usd": _usd(price) for name, price in (model["prices"] or {}).items()}
        out.print(f"  model {_flat(model | {'prices': prices})}", markup=False)
    for one in document["running"]:
        out.print(f"  {one['upstream']}: {_runs(one)}", markup=False)
    for version in document["versions"]:
        out.print(f"  version {version['version']} {version['digest']}", markup=False, style="dim")


def _flat(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return ", ".join(
            f"{name} {_flat(inner)}" for name, inner in value.items() if inner not in (None, "", [], {}, False)
        )
    return ", ".join(map(_flat, value)) if isinstance(value, list) else str(value)


def _usd(micro: int) -> str:
    """Returns whole millionths of a dollar as the decimal that the program file has."""
    return f"{micro // 10**MICRO_USD}.{micro % 10**MICRO_USD:0{MICRO_USD}}".rstrip("0").rstrip(".")


def _runs(one: dict[str, Any]) -> str:
    if one["configured"] is None:
        return "no server runs, so nobody knows what would answer"
    if not one["configured"]:
        return "not configured here"
    if not one["inside"]:
        return f"not asked: it runs with another {', '.join(one['otherwise'])} than the path was published with"
    return "asked; as published" + ("" if one["equal"] else ", and never in place of another")


def _show_probe(document: dict[str, Any]) -> None:
    for name in ("call", "status", "told", "receipt"):
        out.print(f"{name:<8} {document[name]}", markup=False)
    for name in ("intent", "refusal", "outcome"):
        if document["entries"].get(name):
            out.print(f"{name:<8} entry {document['entries'][name]['index']} of the log", markup=False)
    if document["proven"]:
        out.print("the path is ready for whoever made this probe", markup=False)
