"""What a reader fetches for its own copy: data keys wrapped for it, and the sealed blobs of its fields.

They stand beside the log's static files, at `/log/{origin}/wrapped-keys/<after>` and `payload/<entry>/<field>`. Whose
they are, the agreement in force says: nobody gets another reader's.
"""

from itertools import islice

from fastapi import APIRouter, Response

from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Installation
from safeconduct.http.control.readers import check_log, viewer_of
from safeconduct.kernel.errors import AbsentError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.copies import RECORDS_MAX, encode_records

router = APIRouter(prefix="/log", tags=["log"])

NUMBER_MAX = 2**63 - 1
"""The largest number of a wrapped key that a store can hold."""

_PRIVATE = {"cache-control": "no-store"}


class BlobResponse(Response):
    media_type = "application/octet-stream"


@router.get("/{origin:path}/wrapped-keys/{after}")
def wrapped_keys(reading: Reading, control: Installation, origin: str, after: int) -> Response:
    """Returns the next data keys that were wrapped for the reader, after a number; an empty list at the end."""
    check_log(control, reading, Origin(origin))
    if not 0 <= after <= NUMBER_MAX:
        raise InvalidInputError(f"expected a number from 0 to {NUMBER_MAX}, got {after}")
    role = viewer_of(reading).reader
    found = (record for record in control.keys.wrapped(role, after) if record.origin == origin)
    body = encode_records(list(islice(found, RECORDS_MAX)))
    return Response(body, media_type="application/json", headers=_PRIVATE)


@router.get("/{origin:path}/payload/{entry_id}/{field}", response_class=BlobResponse)
def payload(reading: Reading, control: Installation, origin: str, entry_id: str, field: str) -> Response:
    """Returns the sealed blob of a field that the reader may open."""
    check_log(control, reading, Origin(origin))
    said = control.log.leaf(entry_id).sealed.get(field)
    if said is None or control.log.entry(entry_id).origin != origin:
        raise AbsentError(f"{origin} has no entry {entry_id} with a sealed field {field[:64]!r}", code="field-unknown")
    role = viewer_of(reading).reader
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
