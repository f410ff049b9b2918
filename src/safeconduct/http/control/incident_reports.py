"""Reports on incidents: to read, to print, and for others' tools."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from safeconduct.access import records as kept
from safeconduct.access.reading_rights import Reader
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.response import reads_action
from safeconduct.http.control.whole_incidents import Whole, rechecked, whole_of
from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.ports import Records
from safeconduct.soc.actions.reading import actions
from safeconduct.soc.attack import attack_table
from safeconduct.soc.claims import AuthorKind
from safeconduct.soc.incidents.closing import Closings
from safeconduct.soc.reports import model
from safeconduct.soc.reports.layer import incident_layer
from safeconduct.soc.reports.model import Form, IncidentReport, Sharing
from safeconduct.soc.reports.stix import bundle
from safeconduct.soc.summary import summarize
from safeconduct.web.incident_report import render_html, render_markdown

router = APIRouter(prefix="/api/v1/incidents", tags=["triage"])


_FORMS: Mapping[Form, tuple[str, Callable[[IncidentReport], str | bytes]]] = {
    Form.MARKDOWN: ("text/markdown; charset=utf-8", render_markdown),
    Form.HTML: ("text/html; charset=utf-8", render_html),
    Form.STIX: ("application/stix+json;version=2.1", lambda report: _json(bundle(report))),
    Form.LAYER: ("application/json", lambda report: _json(incident_layer(report, attack_table()))),
}

Shared = Annotated[Sharing, Query(description="With whom it may be shared: the Traffic Light Protocol 2.0.")]


@router.get("/{incident_id}/report")
async def report(
    control: Installation,
    reader: Reading,
    incident_id: str,
    form: Form = Form.MARKDOWN,
    sharing: Shared = Sharing.AMBER_STRICT,
) -> Response:
    """Returns the report on an incident as it stands now, every claim checked again, the rejected ones in it.

    Claims are sealed: that they were opened, and for whom, is in the log before this answers.
    """
    here = await asyncio.to_thread(whole_of, control, reader, incident_id)
    made = await _made(control, reader, here, sharing)
    media_type, render = _FORMS[form]
    return Response(await asyncio.to_thread(render, made), media_type=media_type)


async def _made(control: Control, reader: Reader, here: Whole, sharing: Sharing) -> IncidentReport:
    summary, rules = await asyncio.to_thread(summarize, here.context)
    others = [one for one, _ in await rechecked(control, reader, here) if one.claim.author.kind is not AuthorKind.RULE]
    with control.snapshot() as records:
        agreement = kept.agreement_in_force(records)
        return IncidentReport(
            summary=summary,
            claims=[*others, *rules],
            responses=_responses(records, reader, here.incident.id),
            closings=Closings(records).history(here.incident.id),
            sharing=sharing,
            organization=here.owner or (agreement.partner if agreement else ""),
            made_at=control.clock.now(),
            made_by=reader.principal,
        )


def _responses(records: Records, reader: Reader, incident: IncidentId) -> list[model.Response]:
    found = (one for one in actions(records) if one.incident == incident and reads_action(records, reader, one))
    return [
        model.Response(
            id=one.id,
            kind=one.kind,
            target=one.target,
            proposed_by=one.proposed_by,
            proposed_at=one.proposed_at,
            states=one.states,
        )
        for one in found
    ]


def _json(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"
