"""The register of what makes a model."""

from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.reading_rights import reads_telemetry
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Installation
from safeconduct.http.control.frame import answer
from safeconduct.soc.owners import owner_name

router = APIRouter(prefix="/api/v1", tags=["telemetry"])


@router.get("/model-assets")
async def model_assets(control: Installation, reader: Reading) -> Response:
    """Lists the model assets of those whose telemetry the reader reads, bait among them."""
    now = control.clock.now()
    with control.snapshot() as records:
        found = [
            asset
            for _, asset in records.scan(kept.MODEL_ASSETS)
            if reads_telemetry(records, reader, owner_name(records, asset.organization), now)
        ]
    return answer(found)
