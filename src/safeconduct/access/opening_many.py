"""Opening many sealed fields at once, for something that is made of them all: one act, one vote, an entry for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from safeconduct import approvals
from safeconduct.access.destruction_events import KEY_FATES
from safeconduct.access.model.agreements import Opening
from safeconduct.access.model.parties import Principal
from safeconduct.access.opening import Wish, ask_both
from safeconduct.access.opening_events import OPENED, FieldOpened
from safeconduct.access.opening_rules import SealedFact, opening_for, reader_for
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.sealing import HOUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """The fields that somebody wants to open together, why, and in words which these are, for who votes."""

    fields: Sequence[SealedFact]
    reason: str
    which: str


def openable(records: Records, sealed: SealedFact) -> bool:
    """Tells whether the house could open a field: it is for the house as well, and its key is there."""
    fate = records.get(KEY_FATES, sealed.key)
    return HOUSE in sealed.readers and not (fate is not None and fate.destroyed)


def approve_many(
    tx: Transaction, signed: SignedAct, signer: Principal, origin: Origin, many: Many
) -> approvals.Approval | None:
    """Returns the approval by both parties under which the fields may be opened; None where none of them needs it.

    One that is still voted on is returned, too: then nothing may be opened yet. It is for exactly these fields, this
    reason and this person. Whoever opens them consumes it.

    Raises:
        RefusedError: `field-not-yours`: one of them is not for the signer's organization; `no-approvers`.
    """
    for one in many.fields:
        reader_for(tx, signer.organization, one)
    if all(opening_for(tx, one) is Opening.SINGLE for one in many.fields):
        return None
    wish = Wish(entry=EntryId(""), field=many.which, by=signer.id, reason=many.reason, content=voted_on(many, signer))
    return ask_both(tx, signed, origin, wish)


def voted_on(many: Many, signer: Principal) -> str:
    """Returns what the votes on opening many fields are on."""
    return digest({"fields": [one.place for one in many.fields], "reason": many.reason, "opener": signer.id})


def open_many(tx: Transaction, signer: Principal, many: Many, approval: approvals.Approval | None) -> None:
    """Records that a person opens the fields. The entry of what it is for carries the act and uses up the approval."""
    for one in many.fields:
        event = FieldOpened(
            entry=one.entry,
            field=one.field,
            reader=reader_for(tx, signer.organization, one),
            by=signer.id,
            reason=many.reason,
            approval=approval.id if approval else None,
        )
        tx.append(one.origin, OPENED.draft(event))
