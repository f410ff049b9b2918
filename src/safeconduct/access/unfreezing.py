"""The end of a freeze takes both parties: a person of each says so, and the partner cosigns it.

Neither alone can end one, and nobody speaks for their own release. docs/spec/freeze.md section 4.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from safeconduct.access import records as kept
from safeconduct.access.acts import ROLES, Capability, authenticate_act
from safeconduct.access.cosigning import witness_of
from safeconduct.access.freeze_events import (
    UNFREEZE_AGREED,
    UNFREEZE_REQUESTED,
    UNFREEZE_WORDS,
    UnfreezeAgreed,
    UnfreezeRequested,
    UnfreezeWord,
)
from safeconduct.access.freezes import find_freeze, pending
from safeconduct.access.humans import accounts_of
from safeconduct.access.marks import Marks, caller_marks
from safeconduct.access.model.agreements import Agreement
from safeconduct.access.model.changes import RequestKind
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.stops import Freeze, Selector, SelectorKind
from safeconduct.kernel.errors import ConflictError, RefusedError
from safeconduct.kernel.ids import EntryId, FreezeId, OrganizationId
from safeconduct.kernel.instants import DAY, Duration, Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct

WORD_AGE_MAX = Duration(7 * DAY)
"""How long a party's word counts: what was agreed to longer ago was agreed to in another situation."""

_BY_NAME = frozenset({SelectorKind.PRINCIPAL, SelectorKind.KEY, SelectorKind.GRANT})
_BY_CLASS = frozenset({SelectorKind.NATIONALITY, SelectorKind.SUBPROCESSOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How far the end of a freeze is: whose word counts, and the request that waits for the cosignature.

    Where there is no request yet, `waits_for` is the party that has not said so.
    """

    freeze: FreezeId
    agreed: tuple[OrganizationId, ...]
    waits_for: OrganizationId | None
    request: EntryId | None


def request_unfreeze(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, freeze_id: FreezeId
) -> Ending:
    """Says for the signer's party that a freeze may end. With both parties' word that is requested of the witness.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `not-a-party`, `own-freeze`, `no-witness`,
            `no-approvers`.
        AbsentError: `freeze-unknown`.
        ConflictError: `unfreeze-pending`, `unfreeze-agreed`.
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.UNFREEZE)
    found, agreement = find_freeze(tx, freeze_id), kept.require_agreement(tx)
    witness = witness_of(agreement)
    _check_open(tx, found, signer)
    _check_may(tx, found, agreement, signer)
    other = _other(agreement, signer.organization)
    word = UnfreezeAgreed(freeze=found.id, by=signer.id, organization=signer.organization)
    tx.append(agreement.origin, UNFREEZE_AGREED.draft(word, act=signed.envelope()))
    agreed = tuple(sorted(one.organization for one in words(tx, found.id, tx.now)))
    if other not in agreed and not _cosignature_speaks_for(tx, agreement, other):
        return Ending(freeze=found.id, agreed=agreed, waits_for=other, request=None)
    event = UnfreezeRequested(freeze=found.id, by=signer.id, agreement_origin=agreement.origin, witness=witness)
    request = tx.append(agreement.origin, UNFREEZE_REQUESTED.draft(event))
    return Ending(freeze=found.id, agreed=agreed, waits_for=None, request=request.id)


def words(records: Records, freeze_id: FreezeId, now: Instant) -> Iterator[UnfreezeWord]:
    """Yields the parties' words for the end of a freeze that still count."""
    for _, word in records.scan(UNFREEZE_WORDS, f"{freeze_id}/"):
        if now < word.at + WORD_AGE_MAX:
            yield word


def _check_open(tx: Transaction, found: Freeze, signer: Principal) -> None:
    waiting = next((one for one in pending(tx, RequestKind.UNFREEZE) if one.freeze == found.id), None)
    if waiting is not None:
        raise ConflictError(
            f"request {waiting.request} to end it waits for {waiting.witness.name}", code="unfreeze-pending"
        )
    accounts = accounts_of(tx, signer.id)
    for word in words(tx, found.id, tx.now):
        if word.organization == signer.organization or word.by in accounts:
            told = f"{word.by} has said so for {word.organization}; the other party has not"
            raise ConflictError(told, code="unfreeze-agreed", remedy="another person, of the other party, says so too")


def _check_may(records: Records, found: Freeze, agreement: Agreement, signer: Principal) -> None:
    clause = f"freeze:{found.id}"
    if signer.organization not in (agreement.provider, agreement.partner):
        text = f"{signer.id} belongs to neither {agreement.provider} nor {agreement.partner}"
        raise RefusedError(text, code="not-a-party", clause=clause, remedy="a person of each party says so")
    if _speaks_for_itself(records, found, signer):
        raise RefusedError(
            f"{found.selector} stops {signer.id}, or one that {signer.id} answers for",
            code="own-freeze",
            clause=clause,
            remedy=f"another administrator or trust-and-safety person of {signer.organization} says so",
        )
    other = _other(agreement, signer.organization)
    if other == agreement.provider and not _able(records, other):
        raise RefusedError(
            f"nobody of {other} may say that a freeze ends, so neither party could end it with the other",
            code="no-approvers",
            clause=clause,
            remedy=f"an administrator applies a program in which a person of {other} has role administrator or "
            "trust-and-safety",
        )


def _cosignature_speaks_for(records: Records, agreement: Agreement, organization: OrganizationId) -> bool:
    """The witness is the partner's: where that has nobody who could say so, its cosignature is its word."""
    return organization == agreement.partner and not _able(records, organization)


def _able(records: Records, organization: OrganizationId) -> list[Principal]:
    """Returns who of a party could say so, by role: also who is frozen, or freezing them would take its word."""
    roles = ROLES[Capability.UNFREEZE]
    people = (one for _, one in records.scan(kept.PRINCIPALS))
    return [one for one in people if one.organization == organization and roles & set(one.roles)]


def _speaks_for_itself(records: Records, found: Freeze, signer: Principal) -> bool:
    accounts = accounts_of(records, signer.id)
    own = [replace(signer, id=one) for one in accounts]  # closed ones too: they can still be frozen
    own += [one for _, one in records.scan(kept.PRINCIPALS) if one.sponsor in accounts]
    if any(_selects(records, found, one, _BY_NAME) for one in own):
        return True
    # A class of people may be all that a party has: then somebody of it must be able to speak.
    others = [one for one in _able(records, signer.organization) if not _selects(records, found, one, _BY_CLASS)]
    return bool(others) and any(_selects(records, found, one, _BY_CLASS) for one in own)


def _selects(records: Records, found: Freeze, principal: Principal, kinds: frozenset[SelectorKind]) -> bool:
    """Tells whether a freeze selects a principal by a term of these kinds."""
    marks = caller_marks(principal, records.get(kept.ORGANIZATIONS, principal.organization)) | _held(records, principal)
    return any(term.kind in kinds and _fits(term, marks) for term in found.selector.terms)


def _fits(term: Selector, marks: Marks) -> bool:
    return (term.mark in marks) is not term.barred and not (term.barred and term.kind in _BY_NAME)


def _held(records: Records, principal: Principal) -> Marks:
    grants = (f"grant:{one.id}" for one in kept.grants(records) if one.principal == principal.id)
    tokens = (f"key:{one.id}" for _, one in records.scan(kept.TOKENS) if one.principal == principal.id)
    return frozenset((*grants, *tokens))


def _other(agreement: Agreement, organization: OrganizationId) -> OrganizationId:
    return agreement.partner if organization == agreement.provider else agreement.provider
