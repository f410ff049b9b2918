"""`safeconduct incident explain` and `safeconduct incident hunt`."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import Json, emit, out
from safeconduct.cli.triage import Id, Model, Path, Principal, show_model

Siem = Annotated[str, typer.Option("--siem", metavar="SIEM", help="A joined SIEM that the hunts are asked of too.")]
Table = Annotated[str, typer.Option("--table", metavar="TABLE", help="With --siem: the table of it.")]


def explain(
    incident_id: Id,
    *,
    path: Path = "",
    principal: Principal = "",
    model: Model = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Has a model explain an incident in claims, and checks every one against the evidence."""
    asked = {"path": path, "principal": principal, "model": model}
    emit(client(data, key).post(place("incidents", incident_id, "explain"), asked), as_json, _show)


def hunt(
    incident_id: Id,
    *,
    path: Path = "",
    principal: Principal = "",
    model: Model = "",
    siem: Siem = "",
    table: Table = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Has a model propose hunts about an incident, runs them, and checks what it claims of what they found."""
    asked = {"path": path, "principal": principal, "model": model, "siem": siem, "table": table}
    emit(client(data, key).post(place("incidents", incident_id, "hunt"), asked), as_json, _show)


def _show(document: dict[str, Any]) -> None:
    for number, one in enumerate(document.get("hunts", ()), start=1):
        hunt, where = one["hunt"], " and ".join(map(_condition, one["hunt"]["where"]))
        out.print(f"hunt {number}: {', '.join(hunt['sources'])} where {where}", style="bold", markup=False)
        out.print(f"  {one['counted']} found of {one['scanned']} events", markup=False)
        for event in one["events"][:3]:
            out.print(f"    {event}", style="dim", markup=False)
    for one in document.get("no_hunts", ()):
        out.print(f"no hunt at {one['position']}: {one['code']}", style="yellow", markup=False)
    for code in document.get("unanswered", ()):
        out.print(f"a hunt got no answer: {code}", style="yellow", markup=False)
    if "name" in document["model"] or document["model"]["error"]:
        show_model(document["model"], document["claims"])


def _condition(where: dict[str, Any]) -> str:
    # A value is a model's text: shown as JSON, nothing in it moves the terminal.
    return f"{where['field']} {where['operator']} {where['value']!a}"
