"""`safeconduct detect`: rules over the stored events, once or as they come."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client
from safeconduct.cli.output import NO, Json, emit, out, rows
from safeconduct.soc.wording import number_of

commands = typer.Typer(invoke_without_command=True)

Owner = Annotated[
    str, typer.Option("--owner", metavar="ORGANIZATION", help="Your organization, for its own telemetry and assets.")
]


class Switch(StrEnum):
    """Whether something is done."""

    ON = "on"
    OFF = "off"


Told = Annotated[Switch, typer.Argument(metavar="on|off", help="Whether they are told.")]
Follow = Annotated[
    bool, typer.Option("--follow", help="Have the server run them over events as they come, from now on.")
]


@commands.callback()
def detect(
    asked: typer.Context,
    *,
    follow: Follow = False,
    owner: Owner = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Runs the rules over all events, joins the alerts, and opens the incidents that are new."""
    if asked.invoked_subcommand is not None:
        return
    if follow:
        emit(client(data, key).post("/api/v1/detections/live", owner=owner), as_json, _show_ordered)
        return
    emit(client(data, key).post("/api/v1/detections", owner=owner), as_json, _show)


@commands.command()
def stop(*, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Ends that the server runs the rules over events as they come."""
    emit(client(data, key).post("/api/v1/detections/live/end", owner=owner), as_json, _show_ended)


@commands.command()
def status(*, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Shows where rules run as events come, how many events they are behind, and what is in the way."""
    found = client(data, key).get("/api/v1/detections/live")
    emit(found, as_json, _show_status)
    if not found:
        raise typer.Exit(NO)


@commands.command()
def anomalies(wanted: Told, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Has anomalies told as alerts beside those of rules (`on`), or no more (`off`). None opens an incident alone."""
    asked = {"told": wanted is Switch.ON}
    emit(client(data, key).post("/api/v1/anomalies/orders", asked, owner=owner), as_json, _show_anomalies)


def _show_anomalies(one: dict[str, Any]) -> None:
    told = "alerts from the next run of the rules on" if one["told"] else "no alerts any more"
    out.print(f"anomalies are {told}; safeconduct events anomalies lists them", markup=False)


def _show(document: dict[str, Any]) -> None:
    rows(document["alerts"], "time", "level", "events", "title")
    counted = {"event": document["events"], "alert": len(document["alerts"]), "incident": len(document["incidents"])}
    told = ", ".join(number_of(count, noun) for noun, count in counted.items())
    out.print(f"{told}, {len(document['opened'])} of them new")
    held = document["held_back"]
    if held:
        out.print(
            f"{sum(held.values())} more held back by {number_of(len(held), 'tune-out')}: safeconduct rules tune-outs"
        )
    for key in document["opened"]:
        out.print(f"  safeconduct incident show {key}", markup=False)


def _show_ordered(one: dict[str, Any]) -> None:
    out.print(f"{one['by']} has the rules run as events come; {one['behind']:,} are there already", markup=False)
    out.print("safeconduct detect status says how far it is", style="dim")


def _show_ended(one: dict[str, Any]) -> None:
    looked_at, opened = number_of(one["events"], "event"), number_of(one["opened"], "incident")
    out.print(f"ended after {looked_at}; opened {opened}", markup=False)


READ_AGAIN = {
    "other-rules": "all events were read again when it last began: other rules, another version or index",
    "damaged": "all events were read again when it last began: what was kept of them is not what was written",
    "other-events": "all events were read again when it last began: the index is not the one that was read",
    "anomalies": "each start reads all events again, since anomalies are told",
}
"""Why all events were read again, as people are told it."""


def _show_status(found: list[dict[str, Any]]) -> None:
    for one in found:
        whose = one["owner"] or "the house"
        reached = f"until {one['reached_at']}" if one["reached_at"] else "so far"
        out.print(f"{whose}: {number_of(one['events'], 'event')} {reached}, {one['behind']:,} behind", markup=False)
        found_there = f"{number_of(one['alerts'], 'alert')}, {number_of(one['opened'], 'incident')} opened"
        out.print(f"  {found_there}; ordered by {one['by']}, {one['since']}", markup=False)
        if one["read_again"] in READ_AGAIN:
            out.print(f"  {READ_AGAIN[one['read_again']]}", markup=False)
        if one["held"]:
            out.print(f"  it does not run now ({one['held']['code']}): {one['held']['detail']}", markup=False)
    if not found:
        out.print("rules run when they are asked for alone: safeconduct detect --follow changes that")
