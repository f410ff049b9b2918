"""The use cases of closing incidents and opening them again, for people. What raises did nothing."""

from dataclasses import dataclass

from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.model.parties import Principal
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import IncidentId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc import reasons
from safeconduct.soc.incidents.closing import (
    CLOSED,
    REOPENED,
    Closed,
    Closings,
    IncidentClosed,
    IncidentReopened,
    Why,
)
from safeconduct.soc.incidents.model import IncidentRecord
from safeconduct.soc.incidents.reading import incident_for
from safeconduct.soc.owners import origin_of
from safeconduct.soc.predicates import Judgment


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What somebody says an incident is, and why."""

    incident: IncidentId
    disposition: Judgment
    reason: str


def close(tx: Transaction, signed: SignedAct, finding: Finding, *, operation: str, content: str) -> Closed:
    """Records that a person closes an incident.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not triage, or is not of the incident's owner.
        AbsentError: `incident-unknown`. InvalidInputError: `closing-invalid`: no reason, or one too long.
        ConflictError: `incident-changed`: it does not stand; `incident-closed`.
    """
    reasons.check(finding.reason, code="closing-invalid", remedy="safeconduct incident close --help")
    signer = _signer(tx, signed, operation, content)
    record = _standing(tx, signer, finding.incident)
    refuse_closed(tx, record.id)
    event = IncidentClosed(incident=record.id, disposition=finding.disposition, by=signer.id, owner=record.owner)
    draft = CLOSED.draft(event, sealed={"reason": finding.reason}, subject=record.id, act=signed.envelope())
    entry = tx.append(origin_of(tx), draft)
    return Closed(closed=event, at=entry.at, entry=entry.id)


def reopen(
    tx: Transaction, signed: SignedAct, incident: IncidentId, reason: str, *, operation: str, content: str
) -> Closed:
    """Records that a person opens a closed incident again, whoever closed it, and returns the closing that ended.

    Raises:
        UnauthenticatedError, RefusedError, AbsentError, InvalidInputError: as `close`.
        ConflictError: `incident-changed`; `incident-open`.
    """
    reasons.check(reason, code="closing-invalid", remedy="safeconduct incident reopen --help")
    signer = _signer(tx, signed, operation, content)
    record = _standing(tx, signer, incident)
    former = Closings(tx).of(record.id)
    if former is None:
        raise ConflictError(f"incident {record.id} is open", code="incident-open")
    event = IncidentReopened(incident=record.id, closing=former.entry, why=Why.PERSON, by=signer.id)
    draft = REOPENED.draft(event, sealed={"reason": reason}, subject=record.id, act=signed.envelope())
    tx.append(origin_of(tx), draft)
    return former


def refuse_closed(records: Records, incident: IncidentId) -> None:
    """Returns if an incident is open.

    Raises:
        ConflictError: `incident-closed`.
    """
    former = Closings(records).of(incident)
    if former is not None:
        raise ConflictError(
            f"incident {incident} was closed as {former.closed.disposition} already",
            code="incident-closed",
            remedy="safeconduct incident reopen ID",
        )


def _signer(tx: Transaction, signed: SignedAct, operation: str, content: str) -> Principal:
    return authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.TRIAGE)


def _standing(tx: Transaction, signer: Principal, incident: IncidentId) -> IncidentRecord:
    record = incident_for(tx, signer, incident)
    if not record.stands:
        raise ConflictError(
            f"incident {record.id} does not stand: a later one or a regrouping took its place",
            code="incident-changed",
            remedy="safeconduct incident list",
        )
    return record
