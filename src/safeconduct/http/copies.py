"""What a reader fetches for its own copy: data keys wrapped for it, and the sealed blobs of its fields.

Beside the log's static files, at `/log/{origin}/wrapped-keys/<after>` and `/log/{origin}/payload/<entry>/<field>`. Whose
they are, the agreement in force says: nobody gets another reader's.
"""

from itertools import islice

from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.readership import reader_of
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import Reader as Asking
from safeconduct.http.control.frame import Reading
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import AbsentError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import OrganizationId, Origin
from safeconduct.ledger.copies import RECORDS_MAX, encode_records
from safeconduct.ledger.sealing import HOUSE

router = APIRouter(prefix="/log", tags=["log"])

NUMBER_MAX = 2**63 - 1
"""The largest number of a wrapped key that a store can hold."""

_PRIVATE = {"cache-control": "no-store"}


class BlobResponse(Response):
    media_type = "application/octet-stream"


@router.get("/{origin:path}/wrapped-keys/{after}")
def wrapped_keys(reading: Reading, control: Installation, origin: str, after: int) -> Response:
    """Returns the next data keys that were wrapped for the reader, after a number; an empty list at the end."""
    if not 0 <= after <= NUMBER_MAX:
        raise InvalidInputError(f"expected a number from 0 to {NUMBER_MAX}, got {after}")
    role = _role(control, reading)
    found = (record for record in control.logs.keys.wrapped(role, after) if record.origin == origin)
    body = encode_records(list(islice(found, RECORDS_MAX)))
    return Response(body, media_type="application/json", headers=_PRIVATE)


@router.get("/{origin:path}/payload/{entry_id}/{field}", response_class=BlobResponse)
def payload(reading: Reading, control: Installation, origin: str, entry_id: str, field: str) -> Response:
    """Returns the sealed blob of a field that the reader may open."""
    said = control.log.leaf(entry_id).sealed.get(field)
    if said is None or control.log.entry(entry_id).origin != origin:
        raise AbsentError(f"{origin} has no entry {entry_id} with a sealed field {field[:64]!r}", code="field-unknown")
    role = _role(control, reading)
    if role not in said.readers:
        raise RefusedError(
            f"the {field} of entry {entry_id} is sealed for {', '.join(said.readers)} only",
            code="not-a-reader",
            clause=f"entry:{entry_id}/{field}",
        )
    blob = control.logs.source.blob(entry_id, field)
    if blob is None:
        raise AbsentError(f"the {field} of entry {entry_id} is not here any more", code="destroyed")
    return BlobResponse(blob, headers=_PRIVATE)


def _role(control: Control, asking: Asking) -> Reader:
    if asking.local:
        return HOUSE
    with control.snapshot() as records:
        role = reader_of(kept.agreement_in_force(records), OrganizationId(asking.organization))
    if role is None:
        raise RefusedError(f"{asking.organization} has no role in the agreement", code="not-a-reader")
    return role
