"""`/metrics`: what Prometheus fetches. Who shows the local secret or the metrics token reads it, nobody else."""

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from safeconduct.access.records import epoch
from safeconduct.access.stated import stated_budgets
from safeconduct.gateway.budgets.model import accounts_of
from safeconduct.gateway.budgets.sums import NOTHING_USED, balance, used_in_records
from safeconduct.http.control.context import Control, Installation, Metrics
from safeconduct.http.control.frame import Measuring
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ports import Records

router = APIRouter(tags=["status"])


@router.get("/metrics")
def metrics(_measuring: Measuring, control: Installation) -> Response:
    """Returns metrics: counters, times and states in Prometheus' text format."""
    found = control.metrics
    if found is None:
        raise UnavailableError("only a running server counts", code="no-server", remedy="safeconduct serve")
    registry = CollectorRegistry()
    registry.register(_State(control, found))
    return Response(found.counted() + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _State(Collector):
    """How things stand at the moment of asking."""

    def __init__(self, control: Control, found: Metrics) -> None:
        self._control = control
        self._found = found

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        control, work = self._control, self._control.work()
        with control.snapshot() as records:
            yield GaugeMetricFamily("safeconduct_standing_epoch", "Changes of who may do what.", epoch(records))
            yield _budgets(control, records)
        yield from _logs(control)
        age = self._found.confirmed_age_s()
        yield GaugeMetricFamily("safeconduct_standing_confirmed_age_seconds", "Since it was last confirmed.", age)
        yield GaugeMetricFamily("safeconduct_entries_waiting", "Entries without a place yet.", work.waiting)
        yield GaugeMetricFamily("safeconduct_sequencer_lag_seconds", "Since the oldest of them waits.", work.behind_s)
        yield GaugeMetricFamily("safeconduct_sequenced", "Whether somebody gives places.", work.sequenced)
        yield GaugeMetricFamily("safeconduct_spans_lost", "Spans that no collector took.", self._found.spans_lost())
        skipped = GaugeMetricFamily("safeconduct_upstream_skipped", "Whether a breaker skips it.", labels=["upstream"])
        for name, skips in self._found.skipped().items():
            skipped.add_metric([name], skips)
        yield skipped


def _logs(control: Control) -> Iterator[GaugeMetricFamily]:
    stopped = control.stopped()
    sizes = GaugeMetricFamily("safeconduct_log_entries", "Entries of a log.", labels=["log"])
    stops = GaugeMetricFamily("safeconduct_log_stopped", "Whether a log takes no entries.", labels=["log"])
    for origin in control.log.origins():
        sizes.add_metric([origin], control.log.size(origin))
        stops.add_metric([origin], origin in stopped)
    yield from (sizes, stops)


def _budgets(control: Control, records: Records) -> GaugeMetricFamily:
    left = GaugeMetricFamily("safeconduct_budget_left", "Of a budget in its window now.", labels=["owner", "unit"])
    used, now = used_in_records(records), control.clock.now()
    for stated in stated_budgets(records):
        for account in accounts_of(stated, now):
            stands = balance(records, account.id, account.limit, used.get(account.id, NOTHING_USED))
            left.add_metric([account.owner, account.unit], stands.left)
    return left
