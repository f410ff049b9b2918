"""Rotating a log's key, which waits for the partner, and closing a compromised log, which waits for nobody."""

from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.cosigning import witness_of
from safeconduct.access.freezes import pending
from safeconduct.access.log_events import ROTATION_REQUESTED, RotationRequested
from safeconduct.access.model.changes import KeyChange, RequestKind
from safeconduct.access.reasons import check_reason
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.log_events import LOG_CLOSED, LOG_SUCCEEDED, SUCCESSORS, LogClosed, LogSucceeded

COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A log to close: its key, the last checkpoint of it that a witness cosigned, and the log that goes on for it.

    `usable` tells whether it still takes entries. If not, its end stands in the successor alone.
    """

    origin: Origin
    key: str
    trusted: str
    successor: Origin
    successor_key: str
    usable: bool


def request_rotation(tx: Transaction, signed: SignedAct, change: KeyChange, *, operation: str, content: str) -> EntryId:
    """Requests that another key sign a log. It does once the partner's witness has cosigned the request.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `no-witness`.
        UnavailableError: `no-program`.
        ConflictError: `log-closed`, `rotation-pending`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.ROTATE_LOG_KEY
    )
    check_rotation(tx, change.origin)
    agreement = kept.require_agreement(tx)
    event = RotationRequested(
        change=change, by=signer.id, agreement_origin=agreement.origin, witness=witness_of(agreement)
    )
    return tx.append(agreement.origin, ROTATION_REQUESTED.draft(event, act=signed.envelope())).id


def check_rotation(records: Records, origin: Origin) -> None:
    """Returns if a log's key may be rotated now.

    Raises:
        ConflictError: `log-closed`; `rotation-pending`: another rotation of it waits for the partner.
    """
    check_open(records, origin)
    for one in pending(records, RequestKind.ROTATION):
        if one.rotation is not None and one.rotation.origin == origin:
            raise ConflictError(f"request {one.request} waits for {one.witness.name}", code="rotation-pending")


def close_log(
    tx: Transaction, signed: SignedAct, closing: Closing, reason: str, *, operation: str, content: str
) -> EntryId:
    """Ends a compromised log and begins its successor, in this transaction. Waits for nothing; returns the beginning.

    What still waited for the partner is withdrawn: it stands in a log that somebody else may have written to.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        InvalidInputError: `reason-missing`.
        ConflictError: `log-closed`.
    """
    authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.CLOSE_LOG)
    check_reason(reason, "closing a log")
    check_open(tx, closing.origin)
    closed = _end(tx, closing, reason) if closing.usable else None
    event = LogSucceeded(
        predecessor=closing.origin,
        predecessor_key=closing.key,
        closed=closed,
        why=COMPROMISED,
        reason=reason,
        trusted=closing.trusted,
    )
    return tx.append(closing.successor, LOG_SUCCEEDED.draft(event, act=signed.envelope())).id


def check_open(records: Records, origin: Origin) -> None:
    """Returns if no other log goes on for this one.

    Raises:
        ConflictError: `log-closed`.
    """
    successor = records.get(SUCCESSORS, origin)
    if successor is not None:
        raise ConflictError(f"{origin} is closed and goes on as {successor.origin}", code="log-closed")


def _end(tx: Transaction, closing: Closing, reason: str) -> EntryId:
    event = LogClosed(
        why=COMPROMISED,
        reason=reason,
        trusted=closing.trusted,
        successor=closing.successor,
        successor_key=closing.successor_key,
    )
    return tx.append(closing.origin, LOG_CLOSED.draft(event)).id
