"""Who is told what becomes of calls: metrics always, spans and lines where the operator wants them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safeconduct import settings
from safeconduct.adapters.log_lines import CallLines, LineFormat
from safeconduct.adapters.metrics import SHARED, CallMetrics
from safeconduct.adapters.outbound import http_address, require_private
from safeconduct.gateway.observing import Observer
from safeconduct.gateway.ports import Upstream
from safeconduct.http.vitals import Metrics
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.runtime.calls import Calls

if TYPE_CHECKING:
    from safeconduct.adapters.spans import Spans

TOKEN = "SAFECONDUCT_METRICS_TOKEN"  # noqa: S105 - a name
"""The variable with the token by which others than this machine read `/metrics`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the operator wants of calls besides metrics: lines of a format, spans at a collector. Empty for neither."""

    lines: LineFormat | None = None
    collector: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """Who is told of this process's calls."""

    counted: CallMetrics
    spans: "Spans | None"
    all: Sequence[Observer]


@asynccontextmanager
async def observing(watch: Watch, upstreams: Mapping[str, Upstream]) -> AsyncIterator[Observed]:
    """Begins to count, alone or with the other processes of this server, and what else is wanted; ends it.

    Raises:
        InvalidInputError: `otel-missing`: the extra is not installed.
    """
    shared = settings.read().environment.get(SHARED)
    counted = CallMetrics(Path(shared) if shared else None)
    spans = _spans(watch.collector, upstreams) if watch.collector else None
    lines = CallLines() if watch.lines else None
    try:
        yield Observed(counted, spans, [one for one in (counted, spans, lines) if one is not None])
    finally:
        if spans is not None:
            await asyncio.to_thread(spans.stop)


def _spans(collector: str, upstreams: Mapping[str, Upstream]) -> "Spans":
    require_private(http_address(collector, "the collector's address as https://host:port"))
    try:
        from safeconduct.adapters.spans import Spans  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise InvalidInputError(
            "spans need OpenTelemetry's SDK", code="otel-missing", remedy="pip install 'safeconduct[otel]'"
        ) from error
    return Spans(collector, {name: upstream.facts.vendor for name, upstream in upstreams.items()})


def metrics_token() -> str:
    """Returns what others than this machine show to read metrics; empty where nobody else may."""
    return settings.read().environment.get(TOKEN, "")


def metrics_of(seen: Observed, calls: Calls) -> Metrics:
    """Returns what `/metrics` tells of a process."""
    confirmation = calls.confirmation
    return Metrics(
        counted=seen.counted.text,
        spans_lost=lambda: seen.spans.lost if seen.spans else 0,
        confirmed_age_s=lambda: 0.0 if confirmation is None else confirmation.age_s,
        skipped=lambda: {name: calls.breakers.skipping(name, calls.loop.time()) for name in calls.upstreams},
    )
