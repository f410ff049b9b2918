"""Broken promises as the parties report them: proven on the way in, and recorded in the joint log for both to see."""

import hashlib

from safeconduct.access import records as kept
from safeconduct.access.acts import authenticate, refuse_frozen
from safeconduct.access.promise_events import (
    BROKEN_PROMISES,
    PROMISE_BROKEN,
    PromiseBroken,
    Reported,
    promise_key,
)
from safeconduct.kernel.errors import ConflictError, UnavailableError
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.omission import BrokenPromise
from safeconduct.ledger.quorums import Policy, parse_policy


def quorum_in_force(records: Records) -> Policy:
    """Returns whose time counts for the parties: that of the agreement's witnesses, as many as fill its quorum.

    Raises:
        UnavailableError: no program is in force, or its agreement names no witness.
    """
    agreement = kept.agreement_in_force(records)
    if agreement is None or agreement.witness is None:
        raise UnavailableError(
            "no agreement in force names a witness, by whose time a deadline is judged", code="no-witness"
        )
    return parse_policy(agreement.witness.policy)


def report_broken(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, broken: BrokenPromise, proof: bytes
) -> Reported:
    """Records a broken promise that `proof`, an omission, was verified to show. Any principal with a key may.

    Raises:
        UnauthenticatedError, RefusedError: nobody known signed, or the signer is frozen.
        ConflictError: `promise-reported`: it is on record already.
        UnavailableError: no program is in force.
    """
    signer = authenticate(tx, signed, operation=operation, content=content, now=tx.now)
    refuse_frozen(tx, signer)
    agreement = kept.agreement_in_force(tx)
    if agreement is None:
        raise UnavailableError("no program is in force", code="no-program")
    known = tx.get(BROKEN_PROMISES, promise_key(broken))
    if known is not None:
        raise ConflictError(f"{known.by} reported it; see entry {known.record}", code="promise-reported")
    event = PromiseBroken(promise=broken, proof=hashlib.sha256(proof).hexdigest(), by=signer.id)
    entry = tx.append(
        agreement.origin, PROMISE_BROKEN.draft(event, sealed={"omission": proof.decode()}, act=signed.envelope())
    )
    return Reported(record=entry.id, promise=broken, by=signer.id, at=entry.at)


def broken_promises(records: Records) -> list[Reported]:
    """Returns what is on record, by log, oldest first within each."""
    found = [reported for _key, reported in records.scan(BROKEN_PROMISES)]
    return sorted(found, key=lambda one: (one.promise.origin, one.record))
