"""`/metrics`: what Prometheus fetches. Who shows the local secret or the metrics token reads it, nobody else."""

from fastapi import APIRouter, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from safeconduct.http.control.asking import Measuring
from safeconduct.http.control.context import Installation
from safeconduct.http.vitals import metrics_text

router = APIRouter(tags=["status"])


@router.get("/metrics")
def metrics(_measuring: Measuring, control: Installation) -> Response:
    """Returns metrics: counters, times and states in Prometheus' text format."""
    return Response(metrics_text(control), media_type=CONTENT_TYPE_LATEST)
