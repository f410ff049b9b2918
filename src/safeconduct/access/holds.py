"""Legal holds: placed at once by either party, ended only with both. They win over destruction and retention."""

from collections.abc import Iterable, Iterator, Mapping

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.cosigning import witness_of
from safeconduct.access.freezes import pending
from safeconduct.access.holds_events import HOLDS, PLACED, RELEASE_REQUESTED, Hold, HoldPlaced, HoldReleaseRequested
from safeconduct.access.model.changes import RequestKind
from safeconduct.access.reasons import check_reason
from safeconduct.kernel.errors import AbsentError, ConflictError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.log_events import lineage
from safeconduct.ledger.sealing import KeySelector


def place_hold(
    tx: Transaction, signed: SignedAct, selector: KeySelector, reason: str, *, operation: str, content: str
) -> Hold:
    """Places a hold, in this transaction. Waits for nothing; what is not there yet is held too.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        InvalidInputError: `reason-missing`.
        UnavailableError: `no-program`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.PLACE_HOLD
    )
    check_reason(reason, "a hold")
    event = HoldPlaced(
        origin=selector.origin,
        subject=selector.subject,
        retention=selector.retention,
        by=signer.id,
        reason=reason,
    )
    entry = tx.append(kept.require_agreement(tx).origin, PLACED.draft(event, act=signed.envelope()))
    return find_hold(tx, entry.id)


def request_release(
    tx: Transaction, signed: SignedAct, hold_id: EntryId, reason: str, *, operation: str, content: str
) -> EntryId:
    """Requests the end of a hold. It ends when the partner's witness has cosigned the request.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `no-witness`.
        InvalidInputError: `reason-missing`.
        AbsentError: no such hold.
        ConflictError: `release-pending`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.RELEASE_HOLD
    )
    check_reason(reason, "the release of a hold")
    hold = find_hold(tx, hold_id)
    waiting = next((one for one in pending(tx, RequestKind.RELEASE_HOLD) if one.hold == hold.id), None)
    if waiting is not None:
        raise ConflictError(
            f"request {waiting.request} to end it waits for {waiting.witness.name}", code="release-pending"
        )
    agreement = kept.require_agreement(tx)
    event = HoldReleaseRequested(
        hold=hold.id,
        by=signer.id,
        reason=reason,
        agreement_origin=agreement.origin,
        witness=witness_of(agreement),
    )
    return tx.append(agreement.origin, RELEASE_REQUESTED.draft(event, act=signed.envelope())).id


def find_hold(records: Records, hold_id: EntryId) -> Hold:
    """Returns a hold in force.

    Raises:
        AbsentError: there is none.
    """
    found = records.get(HOLDS, hold_id)
    if found is None:
        raise AbsentError(
            f"no hold {hold_id[:64]!r} is in force", code="hold-unknown", remedy="safeconduct log holds lists them"
        )
    return found


def holds(records: Records) -> Iterator[Hold]:
    """Yields the holds in force, oldest first."""
    return (hold for _, hold in records.scan(HOLDS))


def held(records: Records, keys: DataKeys, wanted: Iterable[str], origin: Origin) -> Mapping[str, EntryId]:
    """Returns which of the wanted keys of a log are held, each with the oldest hold that does.

    A hold on a log is one on those that went on for it, too.
    """
    asked, found = set(wanted), dict[str, EntryId]()
    for hold in holds(records):
        if origin not in lineage(records, hold.origin):
            continue
        selector = KeySelector(origin=origin, subject=hold.subject, retention=hold.retention)
        for key in asked.intersection(keys.ids(selector)):
            found.setdefault(key, hold.id)
    return found
