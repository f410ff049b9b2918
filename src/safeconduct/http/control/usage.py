"""What upstreams were used for: their conduct besides answering, and their exports held against the log."""

import hashlib
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from safeconduct.gateway.reconciling import reconcile
from safeconduct.gateway.usage import Asked, Conduct, conduct, used
from safeconduct.gateway.usage_exports import read_export
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Installation
from safeconduct.http.control.declared import Content
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.signed import SignedBytes
from safeconduct.kernel.instants import HOUR, Instant, parse_rfc3339

router = APIRouter(prefix="/api/v1/usage", tags=["usage"])

HOURS_MAX = 32 * 24
"""Hours that are looked at once: a month."""

Hours = Annotated[int, Query(ge=1, le=HOURS_MAX)]
Name = Annotated[str, Query(max_length=256)]
SignedExport = Annotated[SignedBytes, Content("application/octet-stream", "A vendor's export: pages of JSON, or CSV.")]


@router.get("/outcomes")
def outcomes(_reading: Reading, control: Installation, hours: Hours = 24) -> Response:
    """Counts how calls of the last hours ended by upstream and model, with vendors' notices and their rates."""
    until = Instant(control.clock.now() + 1)
    with control.snapshot() as records:
        found = conduct(used(records, Instant(until - hours * HOUR), until))
    return answer([_document(one) for one in found])


@router.post("/reconciliations")
async def reconciliations(
    signed: SignedExport,
    control: Installation,
    *,
    upstream: Name,
    since: str = "",
    until: str = "",
    tolerance: int = 0,
) -> Response:
    """Holds a vendor's usage export, the body, against the log's calls; the outcome is an entry of the log.

    Without `since` and `until` the stretch is the export's own. `tolerance` is how many thousandths tokens may differ
    by; calls must fit.
    """
    rows = read_export(signed.body)
    asked = Asked(
        upstream=upstream,
        names=control.upstreams[upstream].names if control.upstreams and upstream in control.upstreams else {},
        since=parse_rfc3339(since) if since else min(row.since for row in rows),
        until=parse_rfc3339(until) if until else max(row.until for row in rows),
    )
    committed = await commit(
        control.writer,
        lambda tx: reconcile(
            tx,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            rows=rows,
            export=hashlib.sha256(signed.body).hexdigest(),
            asked=asked,
            tolerance=tolerance,
        ),
    )
    return answer(msgspec.to_builtins(committed.value))


def _document(one: Conduct) -> dict[str, Any]:
    notices = [
        {"kind": kind, "reason": reason, "owner": owner, "count": count, "rate": round(count / one.calls, 6)}
        for (kind, reason, owner), count in sorted(one.notices.items())
    ]
    return {"upstream": one.upstream, "model": one.model, "calls": one.calls, "ends": one.ends, "notices": notices}
