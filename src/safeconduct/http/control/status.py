"""What runs, what is in force, and what is wrong."""

from importlib import metadata
from typing import Any

from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.freezes import freezes, overdue_reviews, pending
from safeconduct.access.holds import holds
from safeconduct.access.promises import broken_promises
from safeconduct.access.reading_rights import Reader
from safeconduct.access.sign_in import administrators_with_keys
from safeconduct.access.upstream_keys import unrevoked
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer
from safeconduct.http.control.owned import readable_owners
from safeconduct.http.vitals import readiness
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.ledger.log_events import SUCCESSORS
from safeconduct.program.agreements import warnings
from safeconduct.program.ownerless import ownerless
from safeconduct.program.vetting.reading import vetting_state

router = APIRouter(tags=["status"])


@router.get("/healthz")
async def healthz() -> Response:
    """Tells that the process answers."""
    return answer({"status": "ok"})


@router.get("/readyz")
async def readyz(control: Installation) -> Response:
    """Tells whether this process can govern calls: every log takes entries, a program is in force, no freeze is missed.

    `sequenced` and `behind_s` tell how the giving of places goes, which holds up no call.
    """
    document = readiness(control)
    return answer(document, 200 if document["ready"] else 503)


@router.get("/api/v1/status")
async def status(control: Installation, reader: Reading) -> Response:
    """Returns the state of the installation for people."""
    with control.snapshot() as records:
        return answer(_told(control, records, reader) | _outside(control))


def _told(control: Control, records: Records, reader: Reader) -> dict[str, Any]:
    """What the records say: who and what is in force, what waits, and what is owed."""
    program, now = kept.program_in_force(records), control.clock.now()
    return {
        "version": metadata.version("safeconduct"),
        "at": rfc3339(now),
        "server": control.lists_url or "none",
        "program": program.digest if program else _no_program(control),
        "agreement": warnings(records, now),
        "vetting": vetting_state(records, now),
        "administrators_with_keys": administrators_with_keys(records),
        "ownerless": len(ownerless(records, now)),
        "waiting": len(pending(records)),
        "freezes": len(freezes(records)),
        "overdue_reviews": overdue_reviews(records, now),
        "unrevoked_keys": [
            {"key": one.key, "upstreams": one.upstreams, "state": one.state, "said": one.said}
            for one in unrevoked(records)
        ],
        "holds": sum(1 for _ in holds(records)),
        "broken_promises": len(broken_promises(records)),
        "effects": sum(1 for _ in records.scan(OUTBOX)),
        "events": control.archives.count(readable_owners(control, records, reader)),
        "logs": _logs(control, records),
    }


def _no_program(control: Control) -> str:
    """Returns why there is none: of damaged records nobody says what is in force."""
    return "not known while logs are stopped" if control.stopped() else "none in force"


def _logs(control: Control, records: Records) -> list[dict[str, Any]]:
    stopped = control.stopped()
    successors = {old: found.origin for old, found in records.scan(SUCCESSORS)}
    return [
        {
            "origin": origin,
            "size": control.log.size(origin),
            "stopped": stopped.get(origin, ""),
            "successor": successors.get(origin, ""),
        }
        for origin in control.log.origins()
    ]


def _outside(control: Control) -> dict[str, Any]:
    """What goes on beside the records: shipping, upstreams, and the processes at work."""
    work = control.work()
    return {
        "shipping": control.shipping(),
        "upstreams": [_upstream(name, facts) for name, facts in sorted((control.upstreams or {}).items())],
        "waiting_for_places": work.waiting,
        "behind_s": work.behind_s,
        "sequenced": work.sequenced,
        "processes": work.processes,
    }


def _upstream(name: str, facts: UpstreamFacts) -> dict[str, Any]:
    return {
        "name": name,
        "vendor": facts.vendor,
        "region": facts.region,
        "retention": facts.retention,
        "experimental": facts.experimental,
    }
