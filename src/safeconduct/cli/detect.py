"""`safeconduct detect`: rules over the stored events."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client
from safeconduct.cli.output import Json, emit, out, rows

Owner = Annotated[
    str, typer.Option("--owner", metavar="ORGANIZATION", help="Your organization, for its own telemetry and assets.")
]


def detect(*, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Runs the rules over all events, joins the alerts, and opens the incidents that are new."""
    emit(client(data, key).post("/api/v1/detections", owner=owner), as_json, _show)


def _show(document: dict[str, Any]) -> None:
    rows(document["alerts"], "time", "level", "events", "title")
    found, opened = len(document["incidents"]), len(document["opened"])
    out.print(
        f"{document['events']:,} events, {len(document['alerts'])} alerts, {found} incidents, {opened} of them new"
    )
    held = document["held_back"]
    if held:
        out.print(f"{sum(held.values())} more held back by {len(held)} tune-outs: safeconduct rules tune-outs")
    for key in document["opened"]:
        out.print(f"  safeconduct incident show {key}", markup=False)
