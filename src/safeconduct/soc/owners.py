"""Whose telemetry it is and in whose log it stands: what every use case of operations asks first."""

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.model.parties import Principal
from safeconduct.access.model_assets import ModelAsset
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.ingesting import HOUSE_OWNED


def owned(records: Records, signer: Principal, owner: str) -> str:
    """Returns an owner by `owner_name`, if the signer is of it; nobody else brings its telemetry in.

    Raises:
        RefusedError: `not-the-owner`.
    """
    if owner and signer.organization != owner:
        raise RefusedError(
            f"{signer.id} is not of {owner[:64]!r}, whose telemetry it would be",
            code="not-the-owner",
            clause=f"principal:{signer.id}/organization",
            remedy="have one of its own analysts, responders or administrators bring it in",
        )
    return owner_name(records, owner)


def owner_name(records: Records, organization: str) -> str:
    """Returns an organization as owner: the partner, in whose house this runs, is the empty one."""
    agreement = kept.agreement_in_force(records)
    return HOUSE_OWNED if agreement and organization == agreement.partner else organization


def brings_in(tx: Transaction, signed: SignedAct, *, operation: str, content: str, owner: str) -> None:
    """Returns if who signed may bring an owner's telemetry in.

    Raises:
        UnauthenticatedError, RefusedError: as `access.acts`; `not-the-owner`.
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.INGEST)
    owned(tx, signer, owner)


def detects_for(
    tx: Transaction, signed: SignedAct, *, operation: str, content: str, owner: str = HOUSE_OWNED
) -> Principal:
    """Returns the signer of an act that changes what is detected in an owner's telemetry: one of its own people.

    Raises:
        UnauthenticatedError, RefusedError: as `access.acts`. `not-the-owner` also where the telemetry is the house's.
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.INGEST)
    agreement = kept.agreement_in_force(tx)
    owned(tx, signer, owner or (agreement.partner if agreement else HOUSE_OWNED))
    return signer


def asset_register(records: Records, owner: str) -> tuple[ModelAsset, ...]:
    """Returns the model assets of an owner, by name: what rules on them are filled in from."""
    assets = (one for _, one in records.scan(kept.MODEL_ASSETS))
    return tuple(one for one in assets if owner_name(records, one.organization) == owner)


def origin_of(records: Records) -> Origin:
    """Returns the log of the agreement in force.

    Raises:
        RefusedError: there is none.
    """
    agreement = kept.agreement_in_force(records)
    if agreement is None:
        raise RefusedError("no agreement is in force", code="no-agreement", remedy="safeconduct program apply FILE")
    return agreement.origin
