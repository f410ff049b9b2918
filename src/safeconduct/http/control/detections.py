"""Running the rules over all of an owner's events, on demand."""

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from safeconduct.adapters.cycles import no_full_search_for_cycles
from safeconduct.http.control.bodies import SignedAlone
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import Owner, admit, rules_of
from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.anomaly_orders import tells_anomalies
from safeconduct.soc.incidents.finding import Detection, run_detection
from safeconduct.soc.incidents.opening import open_incidents
from safeconduct.soc.incidents.regrouping import rulings
from safeconduct.soc.model import Alert
from safeconduct.soc.tune_outs import tune_outs

router = APIRouter(prefix="/api/v1", tags=["telemetry"])


@router.post("/detections")
async def detect(control: Installation, signed: SignedAlone, owner: Owner = "") -> Response:
    """Runs the rules over an owner's events, joins the alerts, and opens the incidents that are new.

    The shipped rules, those on the owner's model assets that the program's register fills in, and those it added.
    """
    owner = await admit(control, signed, owner)
    found = await asyncio.to_thread(_detected, control, owner)
    committed = await commit(
        control.writer,
        lambda tx: open_incidents(
            tx, signed.act, found.incidents, operation=signed.operation, content=signed.content, owner=owner
        ),
    )
    return answer(_document(found, committed.value))


def _detected(control: Control, owner: str) -> Detection:
    archive, rules = control.archives.of(owner), rules_of(control, owner)
    with control.snapshot() as records:
        ruled, tuned_out, told = rulings(records, owner), tune_outs(records, owner), tells_anomalies(records, owner)
    inventory = archive.telemetry.inventory()
    with no_full_search_for_cycles():
        return run_detection(
            archive.events, rules().rules, inventory, owner, rulings=ruled, tuned_out=tuned_out, anomalies=told
        )


def _document(found: Detection, opened: tuple[IncidentId, ...]) -> dict[str, Any]:
    return {
        "events": found.events,
        "alerts": [_alert_document(alert) for alert in found.alerts],
        "incidents": [incident.id for incident in found.incidents],
        "opened": opened,
        "held_back": found.held_back,
    }


def _alert_document(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "title": alert.title,
        "level": alert.level,
        "time": rfc3339(alert.at),
        "events": alert.total,
    }
