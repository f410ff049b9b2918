"""Telemetry that log shippers send by a service's token: who may, for whom, and the entry of what came."""

from dataclasses import dataclass

from safeconduct.access import records as kept
from safeconduct.access.acts import frozen_with_organization, refuse_left
from safeconduct.kernel.errors import RefusedError, UnauthenticatedError
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.soc.ingesting import FileReport, record_ingestion
from safeconduct.soc.owners import origin_of, owner_name


@dataclass(frozen=True, slots=True)
class Shipper:
    """A service that sends telemetry, and the id of the token that it does it by."""

    service: PrincipalId
    token: str


def may_ship(records: Records, shipper: Shipper, now: Instant) -> str:
    """Returns whose telemetry a shipper sends, by `owner_name`: that of its own organization.

    Asked as a batch begins to come, when it is here, and before it is taken in.

    Raises:
        UnauthenticatedError: `token-unknown`, `token-expired`.
        RefusedError: `may-not-ship`; `shipper-frozen`: it, its key, its token or its organization; `no-agreement`;
            `directory-suspended`.
    """
    token, principal = records.get(kept.TOKENS, shipper.token), records.get(kept.PRINCIPALS, shipper.service)
    if token is None or principal is None:
        raise UnauthenticatedError("the token was revoked", code="token-unknown", remedy="safeconduct token issue")
    if now >= token.expires_at:
        raise UnauthenticatedError(
            f"token {token.id} has expired", code="token-expired", remedy="safeconduct token issue"
        )
    clause = f"principal:{principal.id}/ships"
    if not principal.ships:
        raise RefusedError(f"{principal.id} sends no telemetry any more", code="may-not-ship", clause=clause)
    refuse_left(records, principal)
    freeze = frozen_with_organization(records, principal, token.id)
    if freeze is not None:
        raise RefusedError(
            f"{principal.id} is frozen: {freeze.reason}",
            code="shipper-frozen",
            clause=f"freeze:{freeze.id}",
            remedy="safeconduct unfreeze; what is not sent meanwhile stays in the shipper's queue",
        )
    origin_of(records)
    return owner_name(records, principal.organization)


def record_shipped(tx: Transaction, report: FileReport, *, by: PrincipalId, owner: str) -> bool:
    """Records that a segment of a stream was read, and tells whether that was new.

    Who sent it was asked before it was taken in: what lies in the archive by now stands in the log.
    """
    return record_ingestion(tx, origin_of(tx), report, owner=owner, by=by)
