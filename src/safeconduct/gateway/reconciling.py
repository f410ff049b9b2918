"""Use case: a person holds a vendor's export against the log, and the log says what came of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.gateway.moves import End
from safeconduct.gateway.usage import Asked, Difference, ExportRow, compare, used
from safeconduct.gateway.usage_events import (
    DIFFERENCES_KEPT,
    USAGE_MISMATCHED,
    USAGE_RECONCILED,
    Compared,
    UsageMismatched,
    UsageReconciled,
)
from safeconduct.kernel.entries import Draft
from safeconduct.kernel.errors import AbsentError, InvalidInputError, UnavailableError
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.ports import Transaction
from safeconduct.ledger.acts import SignedAct

TOLERANCE_MAX = 100
"""Thousandths that tokens may differ by at most: beyond a tenth nothing is reconciled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What came of it, and the entry that says so."""

    entry: str
    compared: Compared
    differences: tuple[Difference, ...]


def reconcile(
    tx: Transaction,
    signed: SignedAct,
    *,
    operation: str,
    content: str,
    rows: Collection[ExportRow],
    export: str,
    asked: Asked,
    tolerance: int,
) -> Reconciled:
    """Compares, and appends an entry to the joint log.

    Raises:
        UnauthenticatedError, RefusedError: who signed may not.
        InvalidInputError: the stretch of time or the tolerance is none, or the export reaches beyond the stretch.
        AbsentError: `upstream-unknown`: no version of a path ever had it; a misspelled name must leave no mismatch.
        UnavailableError: no program is in force.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.RECONCILE_USAGE
    )
    agreement = kept.agreement_in_force(tx)
    if agreement is None:
        raise UnavailableError("no program is in force", code="no-program")
    _check(rows, asked, tolerance)
    _require_upstream(tx, asked.upstream)
    calls = [one for one in used(tx, asked.since, asked.until) if asked.upstream in one.call.asked]
    differences = compare(rows, calls, asked, permille=tolerance)
    compared = Compared(
        upstream=asked.upstream,
        export=export,
        rows=len(rows),
        since=asked.since,
        until=asked.until,
        calls=len(calls),
        uncertain=sum(one.call.end != End.COMPLETED or one.call.asked[-1] != asked.upstream for one in calls),
        tolerance=tolerance,
    )
    entry = tx.append(agreement.origin, _draft(compared, differences, signer.id, signed))
    return Reconciled(entry=entry.id, compared=compared, differences=tuple(differences))


def _draft(compared: Compared, differences: Sequence[Difference], by: PrincipalId, signed: SignedAct) -> Draft:
    act = signed.envelope()
    if not differences:
        return USAGE_RECONCILED.draft(UsageReconciled(compared=compared, by=by), act=act)
    first = tuple(differences[:DIFFERENCES_KEPT])
    event = UsageMismatched(compared=compared, differences=first, found=len(differences), by=by)
    return USAGE_MISMATCHED.draft(event, act=act)


def _require_upstream(tx: Transaction, upstream: str) -> None:
    named = {provider.upstream for _, path in tx.scan(kept.PATH_VERSIONS) for provider in path.providers}
    if upstream not in named:
        raise AbsentError(
            f"no path ever had an upstream {upstream!r}; there are {', '.join(sorted(named))}", code="upstream-unknown"
        )


def _check(rows: Collection[ExportRow], asked: Asked, tolerance: int) -> None:
    if not 0 <= tolerance <= TOLERANCE_MAX:
        raise InvalidInputError(f"expected a tolerance of 0 to {TOLERANCE_MAX} thousandths", code="tolerance-invalid")
    if any(row.since < asked.since or row.until > asked.until for row in rows):
        raise InvalidInputError(
            "the export reaches beyond the stretch of time that is compared",
            code="window-invalid",
            remedy="leave out --from and --until, or export that stretch",
        )
