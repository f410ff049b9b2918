"""`safeconduct hunt schedule|unschedule|runs`: hunts that are asked by themselves."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.detect import Owner
from safeconduct.cli.durations import seconds_of
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.cli.saved_hunts import Name

Every = Annotated[str, typer.Option("--every", metavar="DURATION", help="How often, such as 15m, 6h or 1d.")]
Seconds = Annotated[int, typer.Option("--seconds", help="How long each run may take.")]
Whose = Annotated[str, typer.Argument(metavar="[NAME]", help="Whose runs; left out, of all scheduled hunts.")]

SHOWN = 20
"""Runs listed on a terminal; --json has all."""


def schedule(
    name: Name,
    *,
    every: Every,
    seconds: Seconds = 30,
    owner: Owner = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Has a saved hunt asked by itself of what arrived since its last answer, the first time at once."""
    plan = {"every_s": seconds_of(every), "seconds": seconds}
    told = client(data, key).post(place("hunts", "saved", name, "schedule"), plan, owner=owner)
    emit(told, as_json, lambda one: out.print(f"safeconduct hunt runs {one['scheduled']['name']}", markup=False))


def unschedule(name: Name, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Has a hunt asked by itself no more. Its runs stay listed."""
    told = client(data, key).post(place("hunts", "saved", name, "unschedule"), owner=owner)
    emit(told, as_json, lambda one: out.print(f"{one['unscheduled']['name']} is asked by itself no more", markup=False))


def runs(name: Whose = "", *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the scheduled hunts, and what came of each run, the latest first."""
    found = client(data, key).get("/api/v1/hunts/runs", name=name, owner=owner)
    emit(found, as_json, _show)


def _show(document: dict[str, Any]) -> None:
    planned = [one | {"every": f"{one['every_s']:,} s", "last": one["last"] or ""} for one in document["scheduled"]]
    rows(planned, "name", "every", "due", "by", "last")
    empty = {"counted": "", "scanned": ""}
    shown = [
        one | (empty if one["counted"] is None else {}) | {"event": _first(one)} for one in document["runs"][:SHOWN]
    ]
    rows(shown, "due", "name", "outcome", "counted", "scanned", "code", "event")


def _first(run: dict[str, Any]) -> str:
    """Returns the first event of a run that is still there; where none is, the first with the day it was destroyed."""
    left = [key for key in run["events"] if key not in run["destroyed"]]
    gone = [f"{key} (destroyed {day})" for key, day in run["destroyed"].items()]
    return str((left or gone or [""])[0])
