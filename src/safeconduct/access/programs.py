"""Applying a program: the request enters the log now, and comes into force when the partner's witness cosigned it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.activation import approved, use
from safeconduct.access.acts import Capability, authenticate_act, check_signature, require
from safeconduct.access.changes import Plan, plan
from safeconduct.access.cosigning import witness_of
from safeconduct.access.events import PROGRAM_PART, PROGRAM_REQUESTED, ProgramPart, ProgramRequested
from safeconduct.access.model.agreements import Witness
from safeconduct.access.model.changes import Change
from safeconduct.access.model.parties import Principal
from safeconduct.access.program import Program
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import ConflictError, TooLargeError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.events import encoded_size, in_parts

PART_BYTES_MAX = 48 * 1024
"""Bytes of the changes in one entry, and so of any one record. An entry has 65,535 with its envelope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying did. `request` is the entry that waits for the cosignature; None where nothing had to change."""

    plan: Plan
    request: EntryId | None


def apply(tx: Transaction, program: Program, signed: SignedAct, *, operation: str, content: str) -> Applied:
    """Requests that a program come into force. A request that still waits is superseded.

    The first program is signed by an administrator whom it declares itself; there is nobody else yet. It counts for
    nothing before the partner's witness, which knows its own key, cosigned it.

    Raises:
        UnauthenticatedError, RefusedError: the signer is no administrator; `no-witness`; `agreement-unsigned`,
            `agreement-signature-invalid`; `policy-not-approved`.
        ConflictError: `program-of-another-installation`, `agreement-version`.
        TooLargeError: one record is over PART_BYTES_MAX.
    """
    signer = _signer(tx, program, signed, operation, content)
    log = _check_place(tx, program)
    witness = _witness(tx, program)
    planned = plan(tx, program)
    if not planned.changes:
        return Applied(plan=planned, request=None)
    approval = approved(tx, program, tx.now)
    changes = [change.change for change in planned.changes]
    parts = [tx.append(log, PROGRAM_PART.draft(ProgramPart(changes=part))).id for part in _parts(changes)]
    event = ProgramRequested(
        program=program.digest,
        origin=program.origin,
        agreement=program.agreement.id,
        agreement_origin=program.agreement.origin,
        by=signer.id,
        parts=tuple(parts),
        changes_digest=digest(msgspec.to_builtins(changes)),
        witness=witness,
    )
    entry = tx.append(log, PROGRAM_REQUESTED.draft(event, act=signed.envelope()))
    use(tx, approval, program, entry.id)
    return Applied(plan=planned, request=entry.id)


def _signer(tx: Transaction, program: Program, signed: SignedAct, operation: str, content: str) -> Principal:
    if kept.program_in_force(tx) is not None:
        return authenticate_act(
            tx, signed, operation=operation, expected_content=content, capability=Capability.APPLY_PROGRAM
        )
    declared = next((one for one in program.principals if one.id == signed.act.actor), None)
    founder = check_signature(declared, signed, operation=operation, content=content, now=tx.now)
    require(founder, Capability.APPLY_PROGRAM)
    return founder


def _check_place(tx: Transaction, program: Program) -> Origin:
    """Returns the log that the request belongs in: the agreement's, or the installation's before there is one."""
    present = kept.program_in_force(tx)
    if present is None:
        return program.installation
    if (present.origin, present.agreement) != (program.origin, program.agreement.id):
        raise ConflictError(
            f"this installation is {present.origin} under agreement {present.agreement}; the program is for "
            f"{program.origin} under {program.agreement.id}",
            code="program-of-another-installation",
            remedy="apply it with --data set to another folder",
        )
    return program.agreement.origin


def _witness(tx: Transaction, program: Program) -> Witness:
    # A program that drops its witness could never be changed again, nor a freeze ended.
    proposed = witness_of(program.agreement)
    present = kept.agreement_in_force(tx)
    return witness_of(present) if present else proposed


def _parts(changes: Sequence[Change]) -> Iterator[tuple[Change, ...]]:
    for change in changes:
        size = encoded_size(change)
        if size > PART_BYTES_MAX:
            raise TooLargeError(
                f"{change.noun} {change.name} has {size} bytes, expected at most {PART_BYTES_MAX}",
                remedy="split it; policies and targets can be fewer and wider",
            )
    return in_parts(changes, PART_BYTES_MAX)
