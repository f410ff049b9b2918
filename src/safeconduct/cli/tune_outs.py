"""`safeconduct rules tune-out`: alerts that are known to be harmless are held back for a time."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import Json, emit, out, rows

Owner = Annotated[
    str, typer.Option("--owner", metavar="ORGANIZATION", help="Your organization, for its own telemetry.")
]
Rule = Annotated[str, typer.Argument(metavar="RULE", help="The id of the rule, from `rules list --json`.")]
Event = Annotated[str, typer.Argument(metavar="EVENT", help="An event of such an alert, as an example.")]
Same = Annotated[
    list[str], typer.Option("--same", metavar="POINTER", help="Where others must have what it has, as /raw/User.")
]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="When it ends, as 2026-12-31T00:00:00Z.")]
First = Annotated[str, typer.Option("--from", metavar="TIME", help="When it begins; by default with the event.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the log.")]
Known = Annotated[str, typer.Argument(metavar="ID", help="The tune-out, from `rules tune-outs`.")]


def tune_out(
    rule: Rule,
    event: Event,
    *,
    same: Same,
    until: Until,
    reason: Reason,
    first: First = "",
    owner: Owner = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Holds back a rule's alerts, for a time, where events have what an example has."""
    asked = {"rule": rule, "event": event, "places": same, "until": until, "reason": reason, "first": first}
    emit(client(data, key).post("/api/v1/rules/tune-outs", asked, owner=owner), as_json, _show)


def tune_outs(*, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists what is held back, by whom, why and until when."""
    found = client(data, key).get("/api/v1/rules/tune-outs", owner=owner)
    emit(found, as_json, _list)


def tune_in(known: Known, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Ends a tune-out: what it held back is told the next time that rules are run."""
    emit(client(data, key).post(place("rules", "tune-outs", known, "end"), owner=owner), as_json, _show_ended)


def _list(listed: list[dict[str, Any]]) -> None:
    rows(listed, "id", "first", "until", "by", "title", "reason")
    for one in (one for one in listed if one["destroyed"]):
        told = f"{one['id']} holds nothing back any more: its event was destroyed on {one['destroyed']}"
        out.print(told, markup=False)


def _show(one: dict[str, Any]) -> None:
    out.print(f"tune-out {one['id']} from {one['first']} until {one['until']}", markup=False)
    out.print("safeconduct detect says how many alerts it holds back", style="dim")


def _show_ended(one: dict[str, Any]) -> None:
    out.print(f"tune-out {one['id']} is ended", markup=False)
