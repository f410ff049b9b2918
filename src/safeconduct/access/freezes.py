"""Freezing stops at once and waits for nothing; ending a freeze waits for the partner."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.cosigning import witness_of
from safeconduct.access.events import FREEZE_STARTED, UNFREEZE_REQUESTED, FreezeStarted, UnfreezeRequested
from safeconduct.access.model import (
    CallFacts,
    Freeze,
    Pending,
    Principal,
    RequestKind,
    SealedPath,
    Selector,
    SelectorKind,
)
from safeconduct.access.reasons import check_reason
from safeconduct.access.standing import cuts
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError
from safeconduct.kernel.ids import EntryId, FreezeId, GrantId, PathId, PrincipalId
from safeconduct.kernel.ports import Collection, Records, Transaction
from safeconduct.ledger.acts import SignedAct

_SELECTED: Mapping[SelectorKind, tuple[Collection[Any], ...]] = {
    SelectorKind.PRINCIPAL: (kept.PRINCIPALS,),
    SelectorKind.PATH: (kept.PATHS,),
    SelectorKind.ORGANIZATION: (kept.ORGANIZATIONS,),
    SelectorKind.GRANT: (kept.GRANTS, kept.ISSUED_GRANTS),
    SelectorKind.AGREEMENT: (kept.AGREEMENTS,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Whom a freeze would stop: every grant it selects, and the principals and paths of those."""

    selector: str
    grants: tuple[GrantId, ...]
    principals: tuple[PrincipalId, ...]
    paths: tuple[PathId, ...]


def parse_selector(text: str) -> Selector:
    """Reads `kind:name` or `all`.

    Raises:
        InvalidInputError: it is neither.
    """
    kind, colon, name = text.partition(":")
    kinds = [one.value for one in SelectorKind]
    if kind not in kinds or (kind == SelectorKind.ALL) == bool(colon) or bool(colon) != bool(name):
        named = ", ".join(f"{one}:NAME" for one in kinds if one != SelectorKind.ALL)
        raise InvalidInputError(f"expected {named} or all, got {text!r}", code="selector-invalid")
    return Selector(SelectorKind(kind), name)


def freeze(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, selector: Selector, reason: str
) -> Freeze:
    """Freezes what the selector selects, in this transaction. Waits for nothing.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `nothing-to-freeze`: there is nothing of that name, so nothing would stop.
        InvalidInputError: no reason, or too long a one.
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.FREEZE)
    check_selected(tx, selector)
    check_reason(reason, "a freeze")
    event = FreezeStarted(selector=selector, by=signer.id, reason=reason)
    entry = tx.append(kept.require_agreement(tx).origin, FREEZE_STARTED.draft(event, act=signed.envelope()))
    return Freeze(id=FreezeId(entry.id), selector=selector, by=signer.id, reason=reason, at=entry.at)


def request_unfreeze(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, freeze_id: FreezeId
) -> EntryId:
    """Requests the end of a freeze. It ends when the partner's witness cosigned the request.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `no-witness`.
        AbsentError: no such freeze.
        ConflictError: `unfreeze-pending`.
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.UNFREEZE)
    if tx.get(kept.FREEZES, freeze_id) is None:
        raise AbsentError(f"no freeze {freeze_id!r} is in force", code="freeze-unknown")
    waiting = next((one for one in pending(tx, RequestKind.UNFREEZE) if one.freeze == freeze_id), None)
    if waiting is not None:
        raise ConflictError(
            f"request {waiting.request} to end it waits for {waiting.witness.name}", code="unfreeze-pending"
        )
    agreement = kept.require_agreement(tx)
    event = UnfreezeRequested(
        freeze=freeze_id, by=signer.id, agreement_origin=agreement.origin, witness=witness_of(agreement)
    )
    return tx.append(agreement.origin, UNFREEZE_REQUESTED.draft(event, act=signed.envelope())).id


def preview(records: Records, selector: Selector) -> Preview:
    """Returns whom a freeze would stop, without freezing.

    Raises:
        AbsentError: `nothing-to-freeze`.
    """
    check_selected(records, selector)
    facts = [call for call in _possible_calls(records) if cuts(selector, call)]
    return Preview(
        selector=str(selector),
        grants=tuple(sorted({call.grant for call in facts})),
        principals=tuple(sorted({call.principal for call in facts})),
        paths=tuple(sorted({call.path for call in facts})),
    )


def freezes(records: Records) -> tuple[Freeze, ...]:
    """Returns the freezes in force, oldest first."""
    return tuple(freeze for _, freeze in records.scan(kept.FREEZES))


def pending(records: Records, kind: RequestKind | None = None) -> tuple[Pending, ...]:
    """Returns what waits for the partner, oldest first."""
    return tuple(one for _, one in records.scan(kept.PENDING) if kind in (None, one.kind))


def _possible_calls(records: Records) -> Iterable[CallFacts]:
    for grant in kept.grants(records):
        principal, path = records.get(kept.PRINCIPALS, grant.principal), records.get(kept.PATHS, grant.path)
        if principal is not None and path is not None:
            yield call_facts(principal, path, grant.id)


def call_facts(
    principal: Principal, path: SealedPath, grant: GrantId, *, tier: int = 0, approval: str = ""
) -> CallFacts:
    """Returns what can end a call. `tier` is its model's, `approval` the key of the one that its model needs."""
    return CallFacts(
        principal=principal.id,
        organization=principal.organization,
        path=path.id,
        grant=grant,
        agreement=path.agreement,
        tier=tier,
        approval=approval,
    )


def check_selected(records: Records, selector: Selector) -> None:
    """Returns if there is something of that name.

    Raises:
        AbsentError: `nothing-to-freeze`.
    """
    places = _SELECTED.get(selector.kind, ())
    if places and all(records.get(place, selector.name) is None for place in places):
        names = ", ".join(name for place in places for name, _ in records.scan(place)) or "none"
        raise AbsentError(
            f"there is no {selector.kind.value} {selector.name!r}, so nothing would stop; there is {names}",
            code="nothing-to-freeze",
        )
