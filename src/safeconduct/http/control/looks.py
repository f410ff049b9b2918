"""Second looks: what people owe of what models closed, what they found, and what that says of each path."""

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.closing import Close, named
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import read_owners
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.autonomy import looking
from safeconduct.soc.autonomy.look_events import Look
from safeconduct.soc.autonomy.looking import LookRate
from safeconduct.soc.incidents.closing_service import Finding

router = APIRouter(prefix="/api/v1/looks", tags=["triage"])


@router.get("")
async def looks(control: Installation, reader: Reading) -> Response:
    """Lists the second looks that are owed, the first due first, and what those done say of each path.

    What the model closed an incident as does not stand here: whoever looks says it for themselves.
    """
    with control.snapshot() as records:
        owners = read_owners(control, records, reader)
        owed, rates = looking.owed(records, owners), looking.rates(records, owners)
    return answer({"owed": [_owed(one) for one in owed], "paths": [_rate(one) for one in rates]})


@router.post("/{incident_id}")
async def look(control: Installation, signed: SignedJson[Close], incident_id: str) -> Response:
    """Says what an incident is that a model closed. Where that differs, the incident is open again."""
    incident, said = await asyncio.to_thread(named, control, signed, incident_id), signed.body
    finding = Finding(incident=incident, disposition=said.disposition, reason=said.reason)
    committed = await commit(
        control.writer,
        lambda tx: looking.look(tx, signed.act, finding, operation=signed.operation, content=signed.content),
    )
    done = committed.value
    return answer({"incident": incident, "outcome": done.outcome, "disposition": done.disposition, "by": done.by})


def _owed(one: Look) -> dict[str, Any]:
    due = one.due
    return {
        "incident": due.incident,
        "path": due.path,
        "closing": due.closing,
        "percent": due.percent,
        "due_at": rfc3339(due.due_at),
        "overdue": one.overdue,
    }


def _rate(one: LookRate) -> dict[str, Any]:
    low, high = one.confirmed.interval
    return {
        "path": one.path,
        "closed": one.closed,
        "reopened": one.reopened,
        "drawn": one.drawn,
        "overdue": one.overdue,
        "looked": one.confirmed.of,
        "confirmed": one.confirmed.found,
        "confirmed_share": [round(low, 3), round(high, 3)],
    }
