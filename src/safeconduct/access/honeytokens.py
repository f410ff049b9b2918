"""Honeytokens: tokens that are laid out as bait. They look like any other, admit nobody, and tell when they are used.

docs/spec/watch.md section 5.
"""

from dataclasses import dataclass, field

from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.honeytoken_events import (
    HONEYTOKEN_USES,
    ISSUED,
    WITHDRAWN,
    HoneytokenIssued,
    HoneytokenWithdrawn,
    Uses,
)
from safeconduct.access.model.tokens import Honeytoken
from safeconduct.access.reasons import check_reason
from safeconduct.access.records import HONEYTOKENS
from safeconduct.access.secrets import make_secret, secret_hash
from safeconduct.access.tokens import TOKEN_PREFIX, installation_log
from safeconduct.kernel.errors import AbsentError, ConflictError
from safeconduct.kernel.ports import Entropy, Records, Transaction
from safeconduct.ledger.acts import SignedAct

HONEYTOKENS_MAX = 1_000
"""Honeytokens at once: each lies somewhere that somebody remembers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut:
    """A honeytoken as whoever laid it out gets it, this once."""

    id: str
    place: str
    secret: str = field(repr=False)


def issue_honeytoken(
    tx: Transaction, entropy: Entropy, signed: SignedAct, *, operation: str, content: str, place: str
) -> LaidOut:
    """Makes a bait for a place, which stands in the log.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        InvalidInputError: `reason-missing`: no place, or too long a one.
        ConflictError: `honeytokens-too-many`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.LAY_OUT_BAIT
    )
    check_reason(place, "the place of a honeytoken")
    if sum(1 for _ in tx.scan(HONEYTOKENS)) >= HONEYTOKENS_MAX:
        raise ConflictError(
            f"there are {HONEYTOKENS_MAX} honeytokens", code="honeytokens-too-many", remedy="withdraw one first"
        )
    secret = TOKEN_PREFIX + make_secret(entropy)
    event = HoneytokenIssued(id=tx.new_id(), hash=secret_hash(secret), place=place, by=signer.id)
    tx.append(installation_log(tx), ISSUED.draft(event, act=signed.envelope()))
    return LaidOut(id=event.id, place=place, secret=secret)


def withdraw_honeytoken(tx: Transaction, signed: SignedAct, *, operation: str, content: str, honeytoken: str) -> None:
    """Takes a bait in.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        AbsentError: `honeytoken-unknown`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.LAY_OUT_BAIT
    )
    if tx.get(HONEYTOKENS, honeytoken) is None:
        raise AbsentError(f"no honeytoken {honeytoken[:64]!r}", code="honeytoken-unknown")
    event = HoneytokenWithdrawn(id=honeytoken, by=signer.id)
    tx.append(installation_log(tx), WITHDRAWN.draft(event, act=signed.envelope()))


def honeytokens(records: Records) -> list[Honeytoken]:
    """Returns the baits that lie out, oldest first."""
    return [one for _, one in records.scan(HONEYTOKENS)]


def uses(records: Records, honeytoken: str) -> Uses:
    """Returns how often a bait was used, as far as entries say: one a minute at most."""
    return records.get(HONEYTOKEN_USES, honeytoken) or Uses()
