"""Rules are tried on stored events, and on what people closed, before they are taken in."""

import asyncio
from dataclasses import asdict

from fastapi import APIRouter, Response

from safeconduct.adapters.cycles import no_full_search_for_cycles
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.owned import Owner, admit, rules_of
from safeconduct.http.control.rules import Collection, SignedRules
from safeconduct.kernel.ids import EventId, IncidentId
from safeconduct.kernel.ports import Records
from safeconduct.soc import rule_collections
from safeconduct.soc.detection.in_use import Kept
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.incidents.finding import run_detection
from safeconduct.soc.incidents.regrouping import rulings
from safeconduct.soc.telemetry_service import span_of
from safeconduct.soc.trials.model import CASES_MAX, Case
from safeconduct.soc.trials.past import past_cases
from safeconduct.soc.trials.rule_events import record_tried
from safeconduct.soc.trials.rule_trials import RuleComparison, compare_rules
from safeconduct.soc.tune_outs import tune_outs

router = APIRouter(prefix="/api/v1/rules/collections", tags=["telemetry"])


@router.post("/try")
async def try_rules(control: Installation, signed: SignedRules, *, name: Collection, owner: Owner = "") -> Response:
    """Runs the rules over an owner's events as if these stood under the name, beside the rules in use; opens nothing.

    It says which incidents that people closed are still found, how many alerts are new, and which rules differ.
    """
    name = rule_collections.collection_name(name)
    owner = await admit(control, signed, owner)
    files = rule_collections.read_files(signed.body)
    digest, found = await asyncio.to_thread(_compared, control, name, owner, files)
    committed = await commit(
        control.writer,
        lambda tx: record_tried(
            tx, signed.act, (name, digest), found, operation=signed.operation, content=signed.content, owner=owner
        ),
    )
    return answer({"tried": committed.value, **asdict(found)})


def _compared(
    control: Control, name: str, owner: str, files: tuple[tuple[str, str], ...]
) -> tuple[str, RuleComparison]:
    archive = control.archives.of(owner)
    digest = archive.telemetry.keep_aside(name, rule_collections.kept(files), "rules")
    with control.snapshot() as records:
        ruled, tuned_out = rulings(records, owner), tune_outs(records, owner)
        cases = past_cases(records, owner)[:CASES_MAX]
        events_of, span = _events_of(records, cases), span_of(records, owner)
    inventory = archive.telemetry.inventory()
    with no_full_search_for_cycles():
        before, after = (
            run_detection(archive.events, one().rules, inventory, owner, rulings=ruled, tuned_out=tuned_out)
            for one in (rules_of(control, owner), rules_of(control, owner, Kept(name, digest, lambda: files)))
        )
    return digest, compare_rules(before, after, cases, events_of, span)


def _events_of(records: Records, cases: tuple[Case, ...]) -> dict[IncidentId, frozenset[EventId]]:
    found = ((case.incident, records.get(INCIDENTS, case.incident)) for case in cases)
    return {
        name: frozenset(event for alert in record.alerts for event in alert.events) if record else frozenset()
        for name, record in found
    }
