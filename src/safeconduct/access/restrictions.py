"""Less than a freeze: calls that are slowed, answered by a weaker model, held for a person, or refused.

In force with its entry, like a freeze; unlike one it cuts nothing that runs, unless it suspends, and ends without the
partner. The caller is always told.
"""

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.directory.model import DIRECTORY_LIFTS, set_by_directory
from safeconduct.access.humans import accounts_of
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.stops import SLOW_MS_MAX, Restriction, RestrictionKind, Selection, Selector, SelectorKind
from safeconduct.access.reasons import check_reason
from safeconduct.access.restriction_events import LIFTED, SET, RestrictionLifted, RestrictionSet
from safeconduct.access.selectable import check_selected
from safeconduct.kernel.errors import AbsentError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct

SELECTABLE = (SelectorKind.PRINCIPAL, SelectorKind.GRANT, SelectorKind.PATH, SelectorKind.ORGANIZATION)


def restrict(
    tx: Transaction,
    signed: SignedAct,
    *,
    operation: str,
    content: str,
    selector: Selector,
    kind: RestrictionKind,
    slow_ms: int,
    reason: str,
) -> Restriction:
    """Restricts the calls that a selector selects, in this transaction. `slow_ms` is 0 for all kinds but slow.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `nothing-to-freeze`: there is nothing of that name.
        InvalidInputError: `selector-invalid`, `slow-invalid`, or no reason.
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.RESTRICT)
    if selector.kind not in SELECTABLE:
        text = f"a restriction is of {', '.join(SELECTABLE)}, got {selector}; a freeze stops more"
        raise InvalidInputError(text, code="selector-invalid")
    least, most = (1, SLOW_MS_MAX) if kind is RestrictionKind.SLOW else (0, 0)
    if not least <= slow_ms <= most:
        raise InvalidInputError(f"{kind} takes {least} to {most} ms, got {slow_ms}", code="slow-invalid")
    check_selected(tx, Selection((selector,)))
    check_reason(reason, "a restriction")
    event = RestrictionSet(selector=selector, kind=kind, slow_ms=slow_ms, by=signer.id, reason=reason)
    entry = tx.append(kept.require_agreement(tx).origin, SET.draft(event, act=signed.envelope()))
    return _find(tx, entry.id)


def lift(tx: Transaction, signed: SignedAct, *, operation: str, content: str, restriction_id: EntryId) -> Restriction:
    """Ends a restriction, in this transaction, and returns it. Nobody lifts their own, or that of a service of theirs.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `own-restriction`, `directory-restriction`.
        AbsentError: `restriction-unknown`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.LIFT_RESTRICTION
    )
    found = _find(tx, restriction_id)
    if set_by_directory(found):
        raise RefusedError(
            f"{found.by} keeps this restriction: {found.reason}",
            code="directory-restriction",
            clause=f"restriction:{found.id}",
            remedy=DIRECTORY_LIFTS,
        )
    if _concerns(tx, found.selector, signer):
        raise RefusedError(
            f"{signer.id} is among those that {found.selector} restricts",
            code="own-restriction",
            clause=f"restriction:{found.id}",
            remedy="another person lifts it",
        )
    event = RestrictionLifted(restriction=found.id, by=signer.id)
    tx.append(kept.require_agreement(tx).origin, LIFTED.draft(event, act=signed.envelope()))
    return found


def restrictions(records: Records) -> list[Restriction]:
    """Returns the restrictions in force, oldest first."""
    return [one for _, one in records.scan(kept.RESTRICTIONS)]


def _find(records: Records, restriction_id: EntryId) -> Restriction:
    found = records.get(kept.RESTRICTIONS, restriction_id)
    if found is None:
        raise AbsentError(f"no restriction {restriction_id[:64]!r} is in force", code="restriction-unknown")
    return found


def _concerns(records: Records, selector: Selector, signer: Principal) -> bool:
    accounts = accounts_of(records, signer.id)
    sponsored = (one.id for _, one in records.scan(kept.PRINCIPALS) if one.sponsor in accounts)
    answered_for = accounts.union(sponsored)
    match selector.kind:
        case SelectorKind.PRINCIPAL:
            return selector.name in answered_for
        case SelectorKind.ORGANIZATION:
            return selector.name == signer.organization
        case SelectorKind.GRANT:
            held = kept.grant(records, selector.name)
            return held is not None and held.principal in answered_for
        case _:
            held_on = (one for one in kept.grants(records) if one.path == selector.name)
            return any(one.principal in answered_for for one in held_on)
