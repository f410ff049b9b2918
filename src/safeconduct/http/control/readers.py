"""Who may see the partner's telemetry and what was made of it."""

from typing import Annotated

from fastapi import Depends

from safeconduct.access import records as kept
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import Reader, Reading
from safeconduct.kernel.errors import RefusedError


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


HouseReading = Annotated[Reader, Depends(of_the_house)]
