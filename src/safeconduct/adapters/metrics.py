"""Counters and times of calls, as Prometheus' text. Labels are names of ours: paths, dialects, upstreams, codes."""

from pathlib import Path
from typing import TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from safeconduct.gateway.observing import EndedCall, RefusedCall

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
"""Buckets in seconds: from what a gateway adds to the longest deadline."""

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which the library learns, when it is loaded, where the processes of one server count together."""

M = TypeVar("M", Counter, Histogram)


class CallMetrics:
    """`Observer` that counts. `shared` is the folder that SHARED names, None where one process counts alone."""

    def __init__(self, shared: Path | None = None) -> None:
        self._shared = shared
        self._children: dict[tuple[object, tuple[str, ...]], object] = {}
        self._registry = alone = CollectorRegistry()
        self._calls = Counter(
            "safeconduct_calls",
            "Calls that ended, by how and why.",
            ("path", "dialect", "upstream", "end", "why"),
            registry=alone,
        )
        self._refused = Counter(
            "safeconduct_refusals",
            "Requests of known callers that were refused.",
            ("path", "step", "code"),
            registry=alone,
        )
        self._unidentified = Counter(
            "safeconduct_unauthenticated", "Requests without a credential that holds.", registry=alone
        )
        self._running = Gauge(
            "safeconduct_calls_running", "Calls that run.", registry=alone, multiprocess_mode="livesum"
        )
        by = ("path", "upstream")
        self._seconds = Histogram(
            "safeconduct_call_seconds", "From the request to the outcome.", by, buckets=SECONDS, registry=alone
        )
        self._first = Histogram(
            "safeconduct_first_byte_seconds", "Until the answer began.", by, buckets=SECONDS, registry=alone
        )
        self._tokens = Counter("safeconduct_tokens", "Tokens as vendors count.", (*by, "kind"), registry=alone)
        self._notices = Counter(
            "safeconduct_vendor_notices",
            "What vendors did besides answering.",
            ("upstream", "kind", "reason"),
            registry=alone,
        )
        self._failovers = Counter("safeconduct_failovers", "Attempts after the first.", ("path",), registry=alone)

    def running(self, change: int) -> None:
        self._running.inc(change)

    def ended(self, call: EndedCall) -> None:
        by = (call.path, call.upstream)
        self._child(self._calls, call.path, call.dialect, call.upstream, call.end, call.why).inc()
        self._child(self._seconds, *by).observe(call.seconds)
        if call.first_s is not None:
            self._child(self._first, *by).observe(call.first_s)
        for kind, count in (("prompt", call.prompt_tokens), ("completion", call.completion_tokens)):
            if count:
                self._child(self._tokens, *by, kind).inc(count)
        if call.attempt > 1:
            self._failovers.labels(call.path).inc(call.attempt - 1)
        for notice in call.notices:
            self._notices.labels(call.upstream, notice.kind, notice.reason).inc()

    def refused(self, refused: RefusedCall) -> None:
        self._refused.labels(refused.path, str(refused.step), refused.code).inc()

    def unidentified(self) -> None:
        self._unidentified.inc()

    def _child(self, metric: M, *labels: str) -> M:
        """Returns what counts for these labels; the library takes longer to find it."""
        found = self._children.get((metric, labels))
        if found is None:
            self._children[metric, labels] = found = metric.labels(*labels)
        return cast("M", found)

    def text(self) -> bytes:
        """Returns all of it, of all processes of this server. Any thread."""
        registry = self._registry
        if self._shared is not None:
            _forget_dead(self._shared)
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(self._shared))  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _forget_dead(shared: Path) -> None:
    """Lets calls that ran in a process which is gone run no more. What it counted stays."""
    for file in shared.glob("gauge_live*_*.db"):
        process = file.stem.rpartition("_")[2]
        if not Path("/proc", process).exists():
            file.unlink(missing_ok=True)
