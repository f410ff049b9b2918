"""`safeconduct incident`: correlated alerts."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, client, place
from safeconduct.cli.closing import close, reopen
from safeconduct.cli.incident_report import report
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.cli.questions import explain, hunt
from safeconduct.cli.regroup import duplicate, merge, regroupings, split, undo
from safeconduct.cli.triage import Id, claims, describe, triage
from safeconduct.soc.wording import number_of

commands = typer.Typer(help="Incidents: alerts that belong together.", no_args_is_help=True)

Everything = Annotated[bool, typer.Option("--all", help="Closed ones and those that no longer stand, too.")]


@commands.command(name="list")
def list_(*, everything: Everything = False, data: Data = None, as_json: Json = False) -> None:
    """Lists the open incidents, the gravest first."""
    found = client(data).get("/api/v1/incidents", all="true" if everything else None)
    emit(found, as_json, _list)


@commands.command()
def show(incident_id: Id, *, data: Data = None, as_json: Json = False) -> None:
    """Shows an incident: its alerts, what they matched, and why they belong together."""
    emit(client(data).get(place("incidents", incident_id)), as_json, _show)


for further in (close, reopen, triage, explain, hunt, claims, report, merge, split, duplicate, regroupings, undo):
    commands.command()(further)


def _list(listed: list[dict[str, Any]]) -> None:
    if not listed:
        out.print("none is open; --all lists those that were closed, too", style="dim")
        return
    told = [one | {"closed": one["closed"]["disposition"] if one["closed"] else ""} for one in listed]
    rows(told, "id", "score", "alerts", "events", "first", "last", "closed")


def _show(document: dict[str, Any]) -> None:
    out.print(f"{document['id']}  score {document['score']}  {document['first']} to {document['last']}", markup=False)
    for one in document["grown_from"]:
        out.print(f"  grown from {one['id']}, which was closed: {describe(one)}", markup=False)
    for one in document["closings"]:
        ended = f", opened again at {one['reopened_at']}" if one["reopened_at"] else ""
        out.print(f"  closed: {describe(one)}{ended}", markup=False)
    for reason in document["score_reasons"]:
        out.print(f"  {reason}", markup=False)
    out.print("alerts", style="dim")
    for alert in document["alerts"]:
        size = number_of(alert["total"], "event")
        out.print(f"  {alert['level']:<13} {alert['title']} ({size}) {alert['id']}", markup=False)
        match = alert["matches"][0] if alert["matches"] else None
        if match:
            out.print(f"      {match['event']} {match['pointer']} = {match['found']!r}", markup=False)
    for day, rule in sorted({(one["day"], one["rule"]) for one in document["destroyed"]}):
        count = sum((one["day"], one["rule"]) == (day, rule) for one in document["destroyed"])
        out.print(f"  {number_of(count, 'event')} of it destroyed on {day} under {rule}", markup=False)
    if document["made_by"]:
        out.print(f"  made by a person, regrouping {document['made_by']}", markup=False)
    out.print("joined by", style="dim")
    shared = sorted({(edge["entity"]["kind"], edge["entity"]["value"]) for edge in document["edges"]})
    for kind, value in shared:
        count = sum((edge["entity"]["kind"], edge["entity"]["value"]) == (kind, value) for edge in document["edges"])
        out.print(f"  {kind} {value} ({number_of(count, 'time')})", markup=False)
