"""What waits for the partner: a request is in force once its witness cosigned a checkpoint that covers it."""

from safeconduct.access import records as kept
from safeconduct.access.events import ENFORCED, Enforced
from safeconduct.access.model.agreements import Agreement, Witness
from safeconduct.access.model.changes import Pending
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.checkpoints import parse_checkpoint
from safeconduct.ledger.log_events import KEY_ROTATED, KeyRotated
from safeconduct.ledger.notes import NoteError
from safeconduct.ledger.quorums import parse_policy


def witness_of(agreement: Agreement) -> Witness:
    """Returns the agreement's witness.

    Raises:
        RefusedError: `no-witness`: there is nobody to wait for, so what must wait for the partner can't happen.
    """
    if agreement.witness is None:
        raise RefusedError(
            f"agreement {agreement.id} names no witness, and this waits for the partner's cosignature",
            code="no-witness",
            clause=f"agreement:{agreement.id}/witness",
            remedy="name the partner's witness under agreement.witness or agreement.policy in the program file",
        )
    return agreement.witness


def complete_cosign(tx: Transaction, request: EntryId, checkpoint: str, *, index: int) -> Entry | None:
    """Puts a request in force. `checkpoint` is the signed note with the witness's cosignatures among its signatures.

    `index` is the request's place, as the log knows it.
    Returns None where the request waits no more: done before, or superseded. So it may be tried again after a crash.

    Raises:
        NoteError: the note is of another log, does not cover the request, or a cosignature does not verify.
        PolicyError: `quorum-missing`: too few cosigned it.
    """
    pending = tx.get(kept.PENDING, request)
    if pending is None:
        return None
    _check(pending, checkpoint, index)
    event = Enforced(request=request, kind=pending.kind, checkpoint=checkpoint)
    enforced = tx.append(pending.agreement_origin, ENFORCED.draft(event))
    if pending.rotation is not None:
        change = pending.rotation
        rotated = KeyRotated(statement=change.statement, old=change.old, new=change.new, request=request)
        tx.append(change.origin, KEY_ROTATED.draft(rotated))
    return enforced


def _check(pending: Pending, checkpoint: str, index: int) -> None:
    signed = parse_checkpoint(checkpoint)
    found = signed.checkpoint
    if found.origin != pending.origin:
        raise NoteError(f"expected a checkpoint of {pending.origin}, got one of {found.origin}")
    if found.size <= index:
        raise NoteError(f"the checkpoint ends at {found.size} and does not cover entry {index}")
    policy = parse_policy(pending.witness.policy)
    own = [witness.key for witness in policy.witnesses if signed.note.names(witness.key)]
    for key in own:
        signed.note.signed_by(key)
    policy.check(own)
