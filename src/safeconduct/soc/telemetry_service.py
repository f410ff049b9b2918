"""The use cases of telemetry. Each validates and appends; what raises has changed nothing."""

from safeconduct.access import acts
from safeconduct.access.acts import Capability
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.ingesting import (
    FILES,
    HOUSE_OWNED,
    FileReport,
    InventoryTaken,
    TelemetryIngested,
    record_ingestion,
    record_inventory,
)
from safeconduct.soc.owners import brings_in, origin_of, owned


def admit(
    records: Records, signed: SignedAct, *, operation: str, content: str, now: Instant, owner: str = HOUSE_OWNED
) -> str:
    """Returns whose archive it goes to, if the signer may bring telemetry in: asked before a byte of it is read.

    Raises:
        UnauthenticatedError, RefusedError: as `access.acts`; `no-agreement` where there is none to log it under;
            `not-the-owner`: only an organization's own people bring its telemetry in.
    """
    signer = acts.admit(records, signed, operation=operation, content=content, now=now, capability=Capability.INGEST)
    origin_of(records)
    return owned(records, signer, owner)


def record_file(
    tx: Transaction,
    signed: SignedAct,
    report: FileReport,
    *,
    operation: str,
    content: str,
    owner: str = HOUSE_OWNED,
    again: bool = False,
) -> bool:
    """Records that a file of an owner's was read, and tells whether that was new.

    One that was read `again` is recorded again where something else came of it.

    Raises:
        UnauthenticatedError, RefusedError: as `admit`.
    """
    brings_in(tx, signed, operation=operation, content=content, owner=owner)
    return record_ingestion(tx, origin_of(tx), report, signed, owner=owner, again=again)


def record_inventory_taken(
    tx: Transaction, signed: SignedAct, taken: InventoryTaken, name: str, *, operation: str, content: str
) -> bool:
    """Records that an inventory is in use from now on, and tells whether that was new.

    Raises:
        UnauthenticatedError, RefusedError: as `admit`.
    """
    brings_in(tx, signed, operation=operation, content=content, owner=taken.owner)
    return record_inventory(tx, origin_of(tx), taken, name, signed)


def span_of(records: Records, owner: str) -> tuple[Instant, Instant]:
    """Returns the first and the last instant that an owner's files tell of; 1970 twice where none tells any."""
    files = [one for one in ingested_files(records) if one.owner == owner and one.first_at]
    first = min((file.first_at or 0 for file in files), default=0)
    return Instant(first), Instant(max((file.last_at or 0 for file in files), default=0))


def ingested_files(records: Records) -> list[TelemetryIngested]:
    """Returns the files that were read, by their first event's time."""
    found = (record for _, record in records.scan(FILES))
    return sorted(found, key=lambda file: (file.first_at or 0, file.digest))
