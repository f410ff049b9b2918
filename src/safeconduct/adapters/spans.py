"""A span for each call, in OpenTelemetry's conventions for generative AI, sent to a collector over OTLP/HTTP.

Needs the extra `otel`. Sending is the business of a thread beside the calls: where the collector is slow or away, spans
are lost and counted, and no call waits.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from safeconduct.gateway.moves import End
from safeconduct.gateway.observing import EndedCall, RefusedCall
from safeconduct.kernel.instants import seconds

WAITING_MAX = 2048
"""Spans that wait to be sent, a few KB each. At 100 calls a second that is a collector away for 20 s."""

BATCH_MAX = 512
"""Spans of one request."""

EVERY_MS = 1000
"""Milliseconds between two sendings."""

SEND_S = 5
"""Seconds that a collector has for one of them, repetitions within."""

NS_PER_US = 1000

_OPERATIONS: Final[Mapping[str, str]] = {"openai.embeddings": "embeddings", "anthropic.count-tokens": "count_tokens"}
_PARENT = TraceContextTextMapPropagator()


class Spans:
    """`Observer` that sends spans to the collector at `endpoint`, such as `http://127.0.0.1:4318`.

    `vendors` are the vendors of upstreams by their names.
    """

    def __init__(self, endpoint: str, vendors: Mapping[str, str]) -> None:
        self._vendors = vendors
        self._sending = _Counting(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_S))
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # a caller's flag that nothing be sampled hides no call from the operator
            resource=Resource.create({"service.name": "safeconduct"}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                self._sending,
                max_queue_size=WAITING_MAX,
                max_export_batch_size=BATCH_MAX,
                schedule_delay_millis=EVERY_MS,
            )
        )
        self._tracer = self._provider.get_tracer("safeconduct")
        self._made = 0
        self._dropped = 0

    @property
    def lost(self) -> int:
        """Spans that no collector took: for want of room, or because it did not answer."""
        return self._dropped + self._sending.failed

    def stop(self) -> None:
        """Sends what waits, within the time of one sending, and ends. Blocks."""
        self._provider.force_flush(SEND_S * 1000)
        self._provider.shutdown()

    def running(self, change: int) -> None:
        """Sends nothing: a span is of a whole call."""

    def refused(self, refused: RefusedCall) -> None:
        """Sends nothing: no model was to do anything."""

    def unidentified(self) -> None:
        """Sends nothing, as above."""

    def ended(self, call: EndedCall) -> None:
        if self._made - self._sending.taken >= WAITING_MAX:
            self._dropped += 1
            return
        self._made += 1
        operation = _OPERATIONS.get(call.dialect, "chat")
        span = self._tracer.start_span(
            f"{operation} {call.model}",
            context=_PARENT.extract({"traceparent": call.trace}, Context()),
            kind=SpanKind.CLIENT,
            start_time=call.began_at * NS_PER_US,
            attributes=self._attributes(call, operation),
        )
        if call.end != End.COMPLETED:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=(call.began_at + seconds(call.seconds)) * NS_PER_US)

    def _attributes(self, call: EndedCall, operation: str) -> dict[str, str | int | Sequence[str]]:
        told = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": self._vendors.get(call.upstream),
            "gen_ai.request.model": call.model,
            "gen_ai.usage.input_tokens": call.prompt_tokens,
            "gen_ai.usage.output_tokens": call.completion_tokens,
            "gen_ai.response.finish_reasons": (call.finish_reason,) if call.finish_reason else None,
            "error.type": None if call.end == End.COMPLETED else call.why or call.end,
            "safeconduct.call": call.call,
            "safeconduct.path": call.path,
            "safeconduct.dialect": call.dialect,
            "safeconduct.upstream": call.upstream,
            "safeconduct.end": call.end,
        }
        return {name: value for name, value in told.items() if value is not None}


class _Counting(SpanExporter):
    """An exporter that counts what it was given, and what of that nobody took."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.taken = 0
        self.failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        self.taken += len(spans)
        if result is not SpanExportResult.SUCCESS:
            self.failed += len(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
