"""What becomes of calls, as Prometheus reads it."""

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from safeconduct.adapters.metrics import CallMetrics
from safeconduct.gateway.breakers import FAILURES_MAX, SKIP_S, Breakers
from safeconduct.gateway.observing import EndedCall, Observers, RefusedCall
from safeconduct.gateway.vendor_outcomes import NoticeKind, VendorNotice
from safeconduct.kernel.instants import Instant

CALL = EndedCall(
    call="01J00000000000000000000000",
    path="p",
    dialect="openai.chat",
    upstream="u",
    model="m",
    began_at=Instant(0),
    seconds=2.0,
    first_s=0.2,
    end="completed",
    why="",
    attempt=1,
    finish_reason="stop",
    prompt_tokens=3,
    completion_tokens=5,
    notices=(),
    trace="",
)


LABELS = ("path", "dialect", "upstream", "end", "why", "kind", "reason", "step", "code", "le")


def told(*calls):
    metrics = CallMetrics()
    for call in calls:
        Observers([metrics]).ended(call)
    return samples(metrics)


def samples(metrics):
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (one.name, *(one.labels[name] for name in LABELS if name in one.labels)): one.value
        for family in families
        for one in family.samples
    }


def test_a_call_is_counted_timed_and_its_tokens_summed():
    seen = told(CALL, CALL)
    assert seen["safeconduct_calls_total", "p", "openai.chat", "u", "completed", ""] == 2
    assert seen["safeconduct_call_seconds_sum", "p", "u"] == 4
    assert seen["safeconduct_first_byte_seconds_count", "p", "u"] == 2
    assert seen["safeconduct_tokens_total", "p", "u", "prompt"] == 6
    assert seen["safeconduct_tokens_total", "p", "u", "completion"] == 10
    assert ("safeconduct_failovers_total", "p") not in seen


def test_a_call_that_never_began_to_answer_has_no_first_byte_and_unknown_tokens_are_none():
    seen = told(msgspec.structs.replace(CALL, first_s=None, prompt_tokens=None, completion_tokens=None, attempt=3))
    assert ("safeconduct_first_byte_seconds_count", "p", "u") not in seen
    assert not any(name[0] == "safeconduct_tokens_total" for name in seen)
    assert seen["safeconduct_failovers_total", "p"] == 2


def test_vendors_notices_refusals_and_strangers_are_counted():
    metrics = CallMetrics()
    everybody = Observers([metrics])
    notices = (VendorNotice(NoticeKind.SLOW_DOWN, "overloaded"),)
    everybody.ended(msgspec.structs.replace(CALL, notices=notices))
    everybody.refused(RefusedCall("", "p", 2, "purpose-mismatch"))
    everybody.unidentified()
    everybody.running(1)
    seen = samples(metrics)
    assert seen["safeconduct_vendor_notices_total", "u", "slow-down", "overloaded"] == 1
    assert seen["safeconduct_refusals_total", "p", "2", "purpose-mismatch"] == 1
    assert seen["safeconduct_unauthenticated_total",] == 1
    assert seen["safeconduct_calls_running",] == 1


def test_looking_at_a_breaker_lets_no_probe_through():
    breakers = Breakers()
    for _ in range(FAILURES_MAX):
        assert not breakers.skipping("u", 0.0)
        breakers.failed("u", 0.0)
    assert breakers.skipping("u", SKIP_S - 0.1)
    assert not breakers.skipping("u", SKIP_S)
    assert not breakers.skips("u", SKIP_S)  # the probe was still to be had
