"""The use cases of a joined SIEM. Each validates and appends; what raises has changed nothing (docs/spec/siem.md)."""

from collections.abc import Mapping, Sequence

from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import InvalidInputError, LimitedError
from safeconduct.kernel.instants import HOUR, Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.incidents.model import IncidentRecord
from safeconduct.soc.owners import origin_of
from safeconduct.soc.predicates import Judgment
from safeconduct.soc.siem.events import (
    ANSWERED,
    ASKED,
    CURSORS,
    ORDERED,
    ORDERS,
    SPENT,
    TAKEN,
    TELL_SIEM,
    TOLD,
    SiemAnswered,
    SiemAsked,
    SiemOrder,
    SiemTold,
    TellingOrdered,
    Told,
)
from safeconduct.soc.siem.model import Scope

ALERTS_MAX = 200
"""Alerts of one pull, and of one order: their ids and events fit one entry of 64 KiB."""

ALERT_ID_CHARS_MAX = 160
"""Characters of an alert's id. Splunk's are the longest, with some 90."""


def record_asked(
    tx: Transaction, signed: SignedAct, asked: SiemAsked, scope: Scope, text: str, *, operation: str, content: str
) -> str:
    """Records that a SIEM will be asked, before it is; returns the entry's id.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not bring telemetry in.
        LimitedError: the hour's questions are used up (`siem-over-budget`).
    """
    authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.INGEST)
    _refuse_spent(tx, asked.siem, scope)
    draft = ASKED.draft(asked, sealed={"text": text}, subject=asked.siem, act=signed.envelope())
    return tx.append(origin_of(tx), draft).id


def record_proposed(tx: Transaction, asked: SiemAsked, scope: Scope, text: str) -> str:
    """Records that a SIEM will be asked what a model proposed on `asked.call`, before it is; returns the entry's id.

    Who had the model asked was admitted before, and their act stands in the entry that ends their request.

    Raises:
        LimitedError: as `record_asked`.
    """
    _refuse_spent(tx, asked.siem, scope)
    return tx.append(origin_of(tx), ASKED.draft(asked, sealed={"text": text}, subject=asked.siem)).id


def _refuse_spent(records: Transaction, siem: str, scope: Scope) -> None:
    spent = records.get(SPENT, siem)
    if spent is not None and records.now < spent.since + HOUR and spent.count >= scope.searches_per_hour:
        raise LimitedError(
            f"{siem} was asked {spent.count} times within the hour, as often as it may be",
            code="siem-over-budget",
            clause=f"siem:{siem}/searches_per_hour",
            remedy="ask later, or have the file of SIEMs allow more",
        )


def record_answered(tx: Transaction, answered: SiemAnswered) -> None:
    """Records what came of a question."""
    tx.append(origin_of(tx), ANSWERED.draft(answered, subject=answered.siem))


def asked_since(records: Records, siem: str, wanted: Instant | None) -> Instant:
    """Returns from when on alerts are asked for: as wanted, or since the last one that was taken.

    Raises:
        InvalidInputError: nothing is wanted and none was taken yet (`siem-since-missing`).
    """
    if wanted is not None:
        return wanted
    cursor = records.get(CURSORS, siem)
    if cursor is None:
        raise InvalidInputError(
            f"no alert of {siem} was taken yet", code="siem-since-missing", remedy="say from when on, with --since"
        )
    return cursor.at


def alerts_of(records: Records, siem: str, incident: IncidentRecord) -> tuple[str, ...]:
    """Returns the alerts of a SIEM that an incident's events are."""
    events = dict.fromkeys(event for alert in incident.alerts for event in alert.events)
    found = (records.get(TAKEN, f"{siem}/{event}") for event in events)
    return tuple(dict.fromkeys(one.alert for one in found if one is not None))


def order_telling(
    tx: Transaction,
    signed: SignedAct,
    incident: IncidentRecord,
    *,
    siem: str,
    judgment: Judgment,
    operation: str,
    content: str,
) -> str:
    """Orders that a SIEM is told of those of its alerts that an incident has; returns the entry's id.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not judge incidents.
        InvalidInputError: the incident has none of its alerts, or more than ALERTS_MAX (`siem-alerts-none`).
    """
    authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.TRIAGE)
    alerts = alerts_of(tx, siem, incident)
    if not 0 < len(alerts) <= ALERTS_MAX:
        raise InvalidInputError(
            f"incident {incident.id} has {len(alerts)} alerts of {siem}; 1 to {ALERTS_MAX} can be told of",
            code="siem-alerts-none",
            remedy="safeconduct siem alerts takes them in; safeconduct detect opens incidents of them",
        )
    event = TellingOrdered(siem=siem, incident=incident.id, judgment=judgment, alerts=alerts)
    draft = ORDERED.draft(event, subject=incident.id, act=signed.envelope())
    return tx.append(origin_of(tx), draft).id


def settle_telling(tx: Transaction, order: str, told: Mapping[str, Told]) -> None:
    """Ends an order, unless it has ended: an answer may be waited for twice."""
    if tx.get(OUTBOX, f"{order}/{TELL_SIEM}") is not None:
        tx.append(origin_of(tx), TOLD.draft(SiemTold(order=order, alerts=told), subject=order))


def orders(records: Records) -> Sequence[SiemOrder]:
    """Returns every order to tell, the newest first."""
    return sorted((one for _, one in records.scan(ORDERS)), key=lambda one: one.id, reverse=True)
