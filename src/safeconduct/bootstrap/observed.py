"""Who is told what becomes of calls: metrics always, spans and lines where the operator wants them."""

from pathlib import Path

from safeconduct import settings
from safeconduct.adapters.metrics import SHARED, CallMetrics
from safeconduct.http.control.context import Metrics
from safeconduct.runtime.calls import Calls

TOKEN = "SAFECONDUCT_METRICS_TOKEN"  # noqa: S105 - a name
"""The variable with the token by which others than this machine read `/metrics`."""


def call_metrics() -> CallMetrics:
    """Returns what counts in this process, together with the others of its server where there are any."""
    shared = settings.read().environment.get(SHARED)
    return CallMetrics(Path(shared) if shared else None)


def metrics_token() -> str:
    """Returns what others than this machine show to read metrics; empty where nobody else may."""
    return settings.read().environment.get(TOKEN, "")


def metrics_of(counted: CallMetrics, calls: Calls) -> Metrics:
    """Returns what `/metrics` tells of a process."""
    confirmation = calls.confirmation
    return Metrics(
        counted=counted.text,
        confirmed_age_s=lambda: 0.0 if confirmation is None else confirmation.age_s,
        skipped=lambda: {name: calls.breakers.skipping(name, calls.loop.time()) for name in calls.upstreams},
    )
