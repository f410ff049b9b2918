"""What becomes of an agreement once it is in force: its versions, its end, and what follows it.

docs/spec/agreement.md section 4.
"""

from collections.abc import Iterator
from typing import Any

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.agreement import Side
from safeconduct.access.agreement_versions import AGREEMENT_VERSIONS, AgreementVersion
from safeconduct.access.due import Due, organization_owner
from safeconduct.access.model.agreements import Agreement
from safeconduct.access.reasons import check_reason
from safeconduct.access.signing import agreement_digest, signed_document
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import AbsentError, ConflictError, RefusedError
from safeconduct.kernel.instants import DAY, Instant, rfc3339
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.ledger.keys import PublicKey
from safeconduct.program.agreement_events import SUCCEEDED, TERMINATED, AgreementSucceeded, AgreementTerminated


def terminate(tx: Transaction, signed: SignedAct, *, operation: str, content: str, reason: str) -> Agreement:
    """Ends the agreement on behalf of the signer's party, after the notice that was agreed; a version to follow falls.

    It narrows what is allowed, so it waits for nobody. Both parties signing another version takes it back.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `not-a-party`; `termination-not-agreed`.
        ConflictError: `agreement-ended`: it ends as early already.
        InvalidInputError: no reason.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.END_AGREEMENT
    )
    agreement = kept.require_agreement(tx)
    check_reason(reason, "a termination")
    if signer.organization not in (agreement.provider, agreement.partner):
        told = f"{signer.organization} is no party of agreement {agreement.id}"
        raise RefusedError(told, code="not-a-party", clause=f"agreement:{agreement.id}")
    event = AgreementTerminated(
        agreement=agreement.id,
        version=agreement.version,
        organization=signer.organization,
        by=signer.id,
        reason=reason,
        ends_at=_end(agreement, tx.now),
    )
    tx.append(agreement.origin, TERMINATED.draft(event, act=signed.envelope()))
    return kept.require_agreement(tx)


def _end(agreement: Agreement, now: Instant) -> Instant:
    if agreement.termination_days is None:
        raise RefusedError(
            f"agreement {agreement.id} names no termination_days: one party alone can't end it",
            code="termination-not-agreed",
            clause=f"agreement:{agreement.id}/termination_days",
            remedy="freeze agreement:NAME stops every call at once; both parties end it by a version that ends earlier",
        )
    end = Instant(now + agreement.termination_days * DAY)
    if end >= agreement.ends_at():
        raise ConflictError(
            f"agreement {agreement.id} ends at {rfc3339(agreement.ends_at())}, before notice from now would",
            code="agreement-ended",
        )
    return end


def succeed(tx: Transaction, agreement: str) -> Entry:
    """Lets the next version stand, whose first instant has come. Its timer calls this.

    Raises:
        AbsentError: nothing is to follow.
    """
    following = tx.get(kept.NEXT_AGREEMENTS, agreement)
    if following is None:
        raise AbsentError(f"nothing follows agreement {agreement}", code="no-next-agreement")
    event = AgreementSucceeded(agreement=following.id, version=following.version, digest=agreement_digest(following))
    return tx.append(kept.require_agreement(tx).origin, SUCCEEDED.draft(event))


def due(records: Records, now: Instant) -> Iterator[Due]:
    """Yields the end of the agreement in force for each party, unless a version follows it without a gap."""
    agreement = kept.agreement_in_force(records)
    if agreement is None or _followed(records, agreement):
        return
    over = agreement.ends_at() <= now
    for party in (agreement.provider, agreement.partner):
        yield Due(
            kind="agreement",
            name=agreement.id,
            at=agreement.ends_at(),
            owner=organization_owner(party),
            consequence="every call is refused" if over else "every call is refused from then on",
            look="safeconduct agreement show",
        )


def warnings(records: Records, now: Instant) -> list[dict[str, str]]:
    """Returns what to say and do about an agreement that ends soon, or has ended."""
    remedy = "both sign the next version: safeconduct agreement sign; or part: safeconduct log export --contract-end"
    one = next(due(records, now), None)  # it is due of both parties alike
    days = one.within(now) if one else None
    if one is None or days is None:
        return []
    verb = f"ends within {days} days" if days else "ended"
    said = f"agreement {one.name} {verb}, at {rfc3339(one.at)}: {one.consequence}"
    return [{"state": "warn" if days else "bad", "said": said, "remedy": remedy}]


def _followed(records: Records, agreement: Agreement) -> bool:
    following = records.get(kept.NEXT_AGREEMENTS, agreement.id)
    return following is not None and following.valid.opens_at <= agreement.ends_at()


def shown(records: Records, now: Instant) -> dict[str, Any]:
    """Returns the agreement that stands, what is to follow it, and what there is to do, for people and machines.

    Raises:
        UnavailableError: `no-program`.
    """
    agreement = kept.require_agreement(records)
    following = records.get(kept.NEXT_AGREEMENTS, agreement.id)
    return {
        "agreement": _document(agreement),
        "next": _document(following) if following else None,
        "warnings": warnings(records, now),
    }


def history(records: Records) -> list[dict[str, Any]]:
    """Returns every version that came into force, oldest first: digest, who signed, and the entries that brought it."""
    return [_version(one) for _key, one in records.scan(AGREEMENT_VERSIONS)]


def _version(one: AgreementVersion) -> dict[str, Any]:
    agreement = one.agreement
    return {
        "agreement": agreement.id,
        "version": agreement.version,
        "digest": one.digest,
        "from": rfc3339(agreement.valid.opens_at),
        "until": rfc3339(agreement.valid.closes_at),
        "signed": _signed(agreement),
        "request": one.request,
        "entry": one.entry,
        "at": rfc3339(one.at),
    }


def _document(agreement: Agreement) -> dict[str, Any]:
    ends = agreement.terminates_at
    return signed_document(agreement) | {
        "digest": agreement_digest(agreement),
        "valid": {"from": rfc3339(agreement.valid.opens_at), "until": rfc3339(agreement.valid.closes_at)},
        "terminates_at": None if ends is None else rfc3339(ends),
        "origin": agreement.origin,
        "signed": _signed(agreement),
    }


def _signed(agreement: Agreement) -> dict[str, dict[str, str]]:
    names = {Side.PROVIDER: agreement.provider, Side.PARTNER: agreement.partner}
    return {
        side: {
            "organization": names[side],
            "key": PublicKey.parse(agreement.keys[side]).fingerprint,
            "signature": agreement.signatures[side],
        }
        for side in Side
        if side in agreement.signatures
    }
