"""The use cases of merging, splitting and deduplicating incidents. What raises did nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError
from safeconduct.kernel.ids import EntryId, EventId, IncidentId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc import reasons
from safeconduct.soc.correlation import incident_id, score
from safeconduct.soc.grouping import Change
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.incidents.finding import owned_incident_id
from safeconduct.soc.incidents.model import AlertReference, IncidentRecord
from safeconduct.soc.incidents.reading import incident_record
from safeconduct.soc.incidents.regrouping import (
    REGROUPED,
    REGROUPINGS,
    UNDONE,
    Part,
    Regrouped,
    Regrouping,
    RegroupingUndone,
    divided,
    replaced,
)
from safeconduct.soc.model import Event
from safeconduct.soc.owners import origin_of, owned

INCIDENTS_MAX = 50
"""Incidents in one regrouping. Who takes more for one thing tunes the rule that opened them."""

MOVED_MAX = 1_000
"""Alerts that one split moves, 35 bytes each: an entry's leaf holds 65,535 bytes."""

_INVALID, _ALERTS = "regrouping-invalid", "safeconduct incident show ID lists the alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asks for: incidents by the beginning of their ids, and for a split the alerts to move."""

    change: Change
    incidents: tuple[str, ...]
    alerts: tuple[str, ...] = ()
    reason: str = ""


def chosen(records: Records, wanted: Wanted, owners: frozenset[str]) -> tuple[IncidentRecord, ...]:
    """Returns the incidents that are meant, if they can be regrouped.

    Raises:
        AbsentError: one is not there. ConflictError: one does not stand any more (`incident-changed`).
        InvalidInputError: too few or too many, of several owners, or alerts that would leave nothing to split.
    """
    least = 1 if wanted.change is Change.SPLIT else 2
    most = 1 if wanted.change is Change.SPLIT else INCIDENTS_MAX
    if not least <= len(wanted.incidents) <= most:
        raise _invalid(f"a {wanted.change} takes {least} to {most} incidents, got {len(wanted.incidents)}")
    reasons.check(wanted.reason, code=_INVALID, remedy=_ALERTS)
    found = tuple(incident_record(records, key, owners) for key in wanted.incidents)
    if len({one.id for one in found}) != len(found) or len({one.owner for one in found}) != 1:
        raise _invalid("the incidents are different ones of one owner")
    for one in found:
        _standing(one)
    if wanted.change is Change.SPLIT:
        _splits(found[0], wanted.alerts)
    elif wanted.alerts:
        raise _invalid(f"a {wanted.change} takes no alerts")
    return found


def parts_of(wanted: Wanted, former: Sequence[IncidentRecord], events: Mapping[EventId, Event]) -> tuple[Part, ...]:
    """Returns the incidents that a regrouping makes, scored as if they had been found so."""
    groups = divided(wanted.change, former, wanted.alerts)
    return tuple(_part(group, former[0].owner, events) for group in groups)


def regroup(
    tx: Transaction,
    signed: SignedAct,
    wanted: Wanted,
    former: Sequence[IncidentRecord],
    parts: tuple[Part, ...],
    *,
    operation: str,
    content: str,
) -> EntryId:
    """Records a regrouping and returns its entry's id.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not, or is not of the owner.
        ConflictError: an incident changed since it was looked at (`incident-changed`).
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.TRIAGE)
    owner = former[0].owner
    owned(tx, signer, owner)
    if any(tx.get(INCIDENTS, one.id) != one for one in former):
        raise _changed(former[0].id)
    event = Regrouped(
        change=wanted.change,
        incidents=tuple(one.id for one in former),
        moved=tuple(sorted(wanted.alerts)),
        parts=parts,
        by=signer.id,
        owner=owner,
    )
    draft = REGROUPED.draft(event, sealed={"reason": wanted.reason}, subject=former[-1].id, act=signed.envelope())
    return tx.append(origin_of(tx), draft).id


def undo(
    tx: Transaction, signed: SignedAct, regrouping: str, reason: str, *, operation: str, content: str
) -> Regrouping:
    """Records that a regrouping is taken back, and returns it.

    Raises:
        UnauthenticatedError, RefusedError: as `regroup`. AbsentError: there is none of that id.
        ConflictError: it is undone already (`regrouping-undone`), or what it made has changed since
            (`incident-changed`): undo that first. InvalidInputError: no reason, or one too long.
    """
    reasons.check(reason, code=_INVALID, remedy=_ALERTS)
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.TRIAGE)
    one = _regrouping(tx, regrouping)
    owned(tx, signer, one.decided.owner)
    if one.undone_by:
        raise ConflictError(f"{one.id} was undone by {one.undone_by}", code="regrouping-undone")
    for key in (part.incident for part in one.decided.parts):
        made = tx.get(INCIDENTS, key)
        if made is None or made.made_by != one.id or not made.stands:
            raise _changed(key)
    for key in replaced(one.decided):
        former = tx.get(INCIDENTS, key)
        if former is None or former.replaced_by != one.id:
            raise _changed(key)
    event = RegroupingUndone(regrouping=one.id, by=signer.id)
    draft = UNDONE.draft(event, sealed={"reason": reason}, subject=one.decided.incidents[-1], act=signed.envelope())
    tx.append(origin_of(tx), draft)
    return one


def regroupings(records: Records, owners: frozenset[str]) -> list[Regrouping]:
    """Returns the regroupings of these owners' incidents, oldest first."""
    found = (one for _, one in records.scan(REGROUPINGS) if one.decided.owner in owners)
    return sorted(found, key=lambda one: (one.at, one.id))


def _regrouping(records: Records, key: str) -> Regrouping:
    one = records.get(REGROUPINGS, EntryId(key))
    if one is None:
        raise AbsentError(
            f"no regrouping has the id {key[:64]!r}",
            code="regrouping-unknown",
            remedy="safeconduct incident regroupings",
        )
    return one


def _standing(record: IncidentRecord) -> None:
    if not record.stands:
        raise _changed(record.id)


def _splits(record: IncidentRecord, alerts: Sequence[str]) -> None:
    known, moved = {one.id for one in record.alerts}, set(alerts)
    if not 0 < len(moved) <= MOVED_MAX or not moved < known:
        raise _invalid(
            f"a split moves 1 to {MOVED_MAX} alerts of the incident and leaves at least one; "
            f"it has {len(known)}, of which {len(moved & known)} of {len(moved)} were named"
        )


def _part(alerts: Sequence[AlertReference], owner: str, events: Mapping[EventId, Event]) -> Part:
    found = [events[key] for alert in alerts for key in alert.events if key in events]
    times = [event.at for event in found] or [alert.at for alert in alerts]
    points, _ = score(alerts, (event.source for event in found))
    natural = incident_id(alert.id for alert in alerts)
    return Part(incident=owned_incident_id(natural, owner), first_at=min(times), last_at=max(times), score=points)


def _invalid(text: str) -> InvalidInputError:
    return InvalidInputError(text, code=_INVALID, remedy=_ALERTS)


def _changed(incident: IncidentId) -> ConflictError:
    return ConflictError(
        f"incident {incident} does not stand as it did: a later one or a regrouping took its place",
        code="incident-changed",
        remedy="safeconduct incident list; regroupings made since are undone first (safeconduct incident regroupings)",
    )
