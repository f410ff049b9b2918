"""`safeconduct incident merge`, `split`, `duplicate`, `regroupings` and `undo`: people decide what belongs together."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.cli.triage import Id

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Incidents' ids, or enough of their beginnings.")]
Alerts = Annotated[list[str], typer.Option("--alert", metavar="ALERT", help="An alert that goes; one or more.")]
Original = Annotated[str, typer.Option("--of", metavar="ID", help="The incident that is the same thing.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is sealed in the log.")]
Regrouping = Annotated[str, typer.Argument(metavar="REGROUPING", help="Its id, from `incident regroupings`.")]


def merge(incidents: Ids, *, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Makes one incident of several. Later telemetry joins the one."""
    _regroup({"change": "merge", "incidents": incidents, "reason": reason}, data, key, as_json)


def split(
    incident_id: Id, *, alert: Alerts, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Takes alerts out of an incident, into one of their own. They are not joined again by what comes later."""
    _regroup({"change": "split", "incidents": [incident_id], "alerts": alert, "reason": reason}, data, key, as_json)


def duplicate(
    incidents: Ids, *, of: Original, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Says that incidents tell of the same thing as another one, which alone stands from now on."""
    _regroup({"change": "duplicate", "incidents": [*incidents, of], "reason": reason}, data, key, as_json)


def regroupings(*, data: Data = None, as_json: Json = False) -> None:
    """Lists what people merged, split and called duplicates, oldest first."""
    found = client(data).get("/api/v1/incident-regroupings")
    emit(found, as_json, lambda listed: rows(listed, "id", "at", "change", "by", "incidents", "made", "undone_by"))


def undo(regrouping: Regrouping, *, reason: Reason, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Takes a regrouping back: the incidents that it replaced stand again."""
    told = client(data, key).post(place("incident-regroupings", regrouping, "undo"), {"reason": reason})
    emit(told, as_json, _show)


def _regroup(wanted: dict[str, Any], data: Data, key: Key, as_json: Json) -> None:
    emit(client(data, key).post("/api/v1/incident-regroupings", wanted), as_json, _show)


def _show(document: dict[str, Any]) -> None:
    out.print(f"regrouping {document['id']}", markup=False)
    for key in document["incidents"]:
        out.print(f"  safeconduct incident show {key}", markup=False)
