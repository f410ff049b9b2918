"""Who may see the partner's telemetry and what was made of it."""

from typing import Annotated

from fastapi import Depends

from safeconduct.access import records as kept
from safeconduct.access.opening_rules import LOCAL, Viewer
from safeconduct.access.readership import reader_of
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import Reader, Reading
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import OrganizationId
from safeconduct.ledger.sealing import HOUSE


def of_the_house(reader: Reading, control: Installation) -> Reader:
    """Lets in the partner's own people, and whoever holds the data. The provider sees the joint log, not the telemetry.

    Raises:
        RefusedError: `not-yours`.
    """
    with control.snapshot() as records:
        agreement = kept.agreement_in_force(records)
    if reader.may_open(agreement.partner if agreement else ""):
        return reader
    raise RefusedError(
        "telemetry, and what was made of it, is the partner's own",
        code="not-yours",
        clause=f"agreement:{agreement.id}/partner" if agreement else "",
        remedy="ask the partner; what both share stands in the joint log",
    )


def viewer_of(control: Control, reader: Reader) -> Viewer:
    """Returns in which role somebody reads. Whoever holds the data is the house.

    Raises:
        RefusedError: `not-a-reader`.
    """
    if reader.local:
        return Viewer(by=LOCAL, reader=HOUSE)
    with control.snapshot() as records:
        role = reader_of(kept.agreement_in_force(records), OrganizationId(reader.organization))
    if role is None:
        raise RefusedError(f"{reader.organization} has no role in the agreement", code="not-a-reader")
    return Viewer(by=reader.principal, reader=role)


HouseReading = Annotated[Reader, Depends(of_the_house)]
