"""Vetting: cases of organizations and principals, what each lacks, and what stands against somebody's calls."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.selectors import parse_selector
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.context import Control, Installation, Newest
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.signed import Signed
from safeconduct.kernel.ids import EntryId, PrincipalId
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.program.vetting import applying, granting, reviewing
from safeconduct.program.vetting.acting import Asked
from safeconduct.program.vetting.model import CASES, Case, Evidence, Verdict
from safeconduct.program.vetting.reading import case_for, cases_for, lacks, principal_for, readiness
from safeconduct.program.vetting.reasons import REASONS
from safeconduct.program.vetting.reviewing import Ruling
from safeconduct.program.vetting.transparency import transparency

router = APIRouter(prefix="/api/v1/vetting", tags=["vetting"])


class Open(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to vet, as `principal:NAME` or `organization:NAME`, and up to which tier."""

    subject: str
    tier: int = 0


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Evidence: a SHA-256 and where it is from. The document itself is never sent."""

    check: str
    kind: str
    sha256: str
    source: str
    expires_at: str


class Submit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to add to a case."""

    evidence: list[Shown]


class Assess(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was found of a check, on evidence of that SHA-256. Without a verdict more is wanted, for a reason."""

    check: str
    sha256: str = ""
    verdict: Verdict | None = None
    reason: str = ""


class Decide(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision or a ruling; a denial has a reason of the closed list."""

    ruling: Ruling
    reason: str = ""


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reason of the closed list."""

    reason: str


class Prove(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The call that was the probe."""

    call: str


@router.get("")
def list_cases(reader: Reading, control: Installation) -> Response:
    """Returns the cases that the reader may see: one's own, those one answers for, and to whoever judges cases all."""
    now = control.clock.now()
    with control.snapshot() as records:
        found = cases_for(records, reader.who)
        return answer([_document(records, case, now) for case in found])


@router.get("/reasons")
def list_reasons(_reading: Reading) -> Response:
    """Returns the closed list of reasons, with what each means and what to do next."""
    return answer(list(REASONS.values()))


@router.get("/transparency")
def show_transparency(_reading: Reading, control: Installation) -> Response:
    """Returns the criteria, how many applied, were approved and denied, and how long it took. No small counts."""
    with control.snapshot() as records:
        rules = records.get(kept.VETTING, kept.VETTING_KEY)
        return answer(transparency(rules, [case for _, case in records.scan(CASES)]))


@router.get("/readiness/{principal_id}")
def show_readiness(reader: Reading, control: Installation, standing: Newest, principal_id: str) -> Response:
    """Returns on which paths a principal's calls are admitted, and what stands against the others."""
    with control.snapshot() as records:
        principal = principal_for(records, reader.who, PrincipalId(principal_id))
    document = {"principal": principal.id, "demanded": standing.admissions.required}
    paths = readiness(standing, principal, control.clock.now())
    return answer(document | {"paths": [asdict(one) for one in paths]})


@router.get("/{case_id}")
def show_case(reader: Reading, control: Installation, case_id: str) -> Response:
    """Returns a case: state, due date, reasons, and what it lacks."""
    with control.snapshot() as records:
        case = case_for(records, reader.who, EntryId(case_id))
        return answer(_document(records, case, control.clock.now()))


@router.post("/open")
async def open_case(signed: SignedJson[Open], control: Installation) -> Response:
    """Opens a case for a principal or an organization."""
    wanted = signed.body
    subject = parse_selector(wanted.subject)
    return await _step(control, signed, lambda tx, asked: applying.open_case(tx, asked, subject, wanted.tier))


@router.post("/proofs")
async def prove(signed: SignedJson[Prove], control: Installation) -> Response:
    """Takes a probe in the log as proof of its path, for the principal who made it."""
    call = signed.body.call
    probe = await asyncio.to_thread(control.probes.probed, EntryId(call))
    return await _step(control, signed, lambda tx, asked: granting.prove(tx, asked, probe))


@router.post("/{case_id}/submit")
async def submit(signed: SignedJson[Submit], control: Installation, case_id: str) -> Response:
    """Adds evidence, as digests. With the last that was missing a decision is due."""
    evidence = tuple(map(_evidence, signed.body.evidence))
    return await _step(control, signed, lambda tx, asked: applying.submit(tx, asked, EntryId(case_id), evidence))


@router.post("/{case_id}/assess")
async def assess(signed: SignedJson[Assess], control: Installation, case_id: str) -> Response:
    """Says what was found of one check, or that more is wanted."""
    said = signed.body
    return await _step(
        control,
        signed,
        lambda tx, asked: reviewing.assess(
            tx,
            asked,
            EntryId(case_id),
            said.check,
            verdict=said.verdict,
            sha256=said.sha256,
            reason=said.reason,
        ),
    )


@router.post("/{case_id}/decide")
async def decide(signed: SignedJson[Decide], control: Installation, case_id: str) -> Response:
    """Approves or denies a case, or rules on an appeal."""
    said = signed.body
    return await _step(
        control,
        signed,
        lambda tx, asked: reviewing.decide(tx, asked, EntryId(case_id), said.ruling, said.reason),
    )


@router.post("/{case_id}/appeal")
async def appeal(signed: SignedJson[Why], control: Installation, case_id: str) -> Response:
    """Appeals against a denial or a suspension, once. Somebody who took no part rules on it."""
    ground = signed.body.reason
    return await _step(control, signed, lambda tx, asked: applying.appeal(tx, asked, EntryId(case_id), ground))


@router.post("/{case_id}/provision")
async def provision(signed: SignedAlone, control: Installation, case_id: str) -> Response:
    """Lets an approved subject make probes; an organization is ready with it."""
    return await _step(control, signed, lambda tx, asked: granting.provision(tx, asked, EntryId(case_id)))


@router.post("/{case_id}/suspend")
async def suspend(signed: SignedJson[Why], control: Installation, case_id: str) -> Response:
    """Suspends what was approved, at once. Calls that rest on it are cut."""
    reason = signed.body.reason
    return await _step(control, signed, lambda tx, asked: granting.suspend(tx, asked, EntryId(case_id), reason))


@router.post("/{case_id}/withdraw")
async def withdraw(signed: SignedAlone, control: Installation, case_id: str) -> Response:
    """Ends a case for good, and with it what was admitted by it."""
    return await _step(control, signed, lambda tx, asked: applying.withdraw(tx, asked, EntryId(case_id)))


async def _step(control: Control, signed: Signed[object], command: Callable[[Transaction, Asked], Case]) -> Response:
    asked = Asked(signed.act, signed.operation, signed.content)
    committed = await commit(control.writer, lambda tx: command(tx, asked))
    with control.snapshot() as records:
        return answer(_document(records, committed.value, control.clock.now()))


def _evidence(shown: Shown) -> Evidence:
    expires_at = parse_rfc3339(shown.expires_at)
    return Evidence(check=shown.check, kind=shown.kind, sha256=shown.sha256, source=shown.source, expires_at=expires_at)


def _document(records: Records, case: Case, now: Instant) -> dict[str, Any]:
    plain = asdict(case)
    del plain["identity"]
    times = ("opened_at", "submitted_at", "due_at", "decided_at", "provisioned_at")
    return plain | {
        "subject": str(case.subject),
        **{name: rfc3339(plain[name]) if plain[name] is not None else None for name in times},
        "until": rfc3339(case.until) if case.until else None,
        "overdue": case.overdue or (case.due_at is not None and now >= case.due_at),
        "evidence": [asdict(one) | {"expires_at": rfc3339(one.expires_at)} for one in case.evidence.values()],
        "assessments": [asdict(one) | {"at": rfc3339(one.at)} for one in case.assessments.values()],
        "told": REASONS.get(case.reason),
        "lacks": lacks(records, case, now),
    }
