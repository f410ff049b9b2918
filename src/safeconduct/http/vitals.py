"""What a process tells of itself without the control API: that it lives, whether it is ready, and what it counts.

Who asks these asks every few seconds, of every worker. So they are answered before FastAPI and all that it serves is
loaded; the control API's routes say the same by the same functions, for its page and for whoever has no server.
"""

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from safeconduct.access.records import epoch, program_in_force
from safeconduct.access.stated import stated_budgets
from safeconduct.gateway.budgets.model import accounts_of
from safeconduct.gateway.budgets.sums import NOTHING_USED, balance, used_in_records
from safeconduct.kernel.errors import UnauthenticatedError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Clock, Records
from safeconduct.ledger.reader import LogReader


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """What a process and those beside it are about. `unready` says why this one can't govern calls now, if it can't.

    `processes` are those that share the database, each with role, name and since when; none where one works alone.
    `waiting` is how many entries have no place yet, `behind_s` how long the oldest of them waits, in seconds, and
    `sequenced` tells whether somebody gives places.
    """

    unready: Sequence[str] = ()
    processes: Sequence[Mapping[str, str]] = ()
    waiting: int = 0
    behind_s: float = 0.0
    sequenced: bool = True


Work = Callable[[], AtWork]


def alone_at_work() -> AtWork:
    """Returns what is so of one process alone."""
    return AtWork()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What a running server counts.

    `counted` is Prometheus' text; `confirmed_age_s` the seconds since the standing was known to be in force; `skipped`
    tells of each upstream whether calls go past it for a while; `spans_lost` are those that no collector took.
    """

    counted: Callable[[], bytes]
    confirmed_age_s: Callable[[], float]
    skipped: Callable[[], Mapping[str, bool]]
    spans_lost: Callable[[], int]


class Vital(Protocol):
    """What is told from. `stopped` are the logs that take no entries; `metrics` is None where no server runs."""

    @property
    def snapshot(self) -> Callable[[], AbstractContextManager[Records]]: ...
    @property
    def log(self) -> LogReader: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def stopped(self) -> Callable[[], Mapping[Origin, str]]: ...
    @property
    def work(self) -> Work: ...
    @property
    def metrics(self) -> Metrics | None: ...


def readiness(vital: Vital) -> dict[str, Any]:
    """Returns whether a process can govern calls, `ready`, and what is in the way.

    It can if every log takes entries, a program is in force and it knows the standing. `sequenced` and `behind_s` tell
    how the giving of places goes, which holds up no call.
    """
    work = vital.work()
    with vital.snapshot() as records:
        in_force = program_in_force(records) is not None
    stopped = vital.stopped()
    return {
        "ready": in_force and not stopped and not work.unready,
        "program": in_force,
        "logs_stopped": len(stopped),
        "unready": work.unready,
        "sequenced": work.sequenced,
        "behind_s": work.behind_s,
    }


def check_measuring(shown: bytes, local_secret: str, metrics_token: str) -> None:
    """Returns if a bearer may read metrics: the local secret, or the metrics token where the server has one.

    Raises:
        UnauthenticatedError: `metrics-token-missing`.
    """
    known = (one.encode() for one in (local_secret, metrics_token) if one)
    if not any(hmac.compare_digest(shown, one) for one in known):
        raise UnauthenticatedError(
            "metrics need the metrics token",
            code="metrics-token-missing",
            remedy="set SAFECONDUCT_METRICS_TOKEN for the server, and send it as Authorization: Bearer TOKEN",
        )


def metrics_text(vital: Vital) -> bytes:
    """Returns what a running server counts and how things stand, in Prometheus' text format.

    Raises:
        UnavailableError: `no-server`.
    """
    found = vital.metrics
    if found is None:
        raise UnavailableError("only a running server counts", code="no-server", remedy="safeconduct serve")
    registry = CollectorRegistry()
    registry.register(_State(vital, found))
    return found.counted() + generate_latest(registry)


class _State(Collector):
    """How things stand at the moment of asking."""

    def __init__(self, vital: Vital, found: Metrics) -> None:
        self._vital = vital
        self._found = found

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        vital, work = self._vital, self._vital.work()
        with vital.snapshot() as records:
            yield GaugeMetricFamily("safeconduct_standing_epoch", "Changes of who may do what.", epoch(records))
            yield _budgets(vital, records)
        yield from _logs(vital)
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


def _logs(vital: Vital) -> Iterator[GaugeMetricFamily]:
    stopped = vital.stopped()
    sizes = GaugeMetricFamily("safeconduct_log_entries", "Entries of a log.", labels=["log"])
    stops = GaugeMetricFamily("safeconduct_log_stopped", "Whether a log takes no entries.", labels=["log"])
    for origin in vital.log.origins():
        sizes.add_metric([origin], vital.log.size(origin))
        stops.add_metric([origin], origin in stopped)
    yield from (sizes, stops)


def _budgets(vital: Vital, records: Records) -> GaugeMetricFamily:
    left = GaugeMetricFamily("safeconduct_budget_left", "Of a budget in its window now.", labels=["owner", "unit"])
    used, now = used_in_records(records), vital.clock.now()
    for stated in stated_budgets(records):
        for account in accounts_of(stated, now):
            stands = balance(records, account.id, account.limit, used.get(account.id, NOTHING_USED))
            left.add_metric([account.owner, account.unit], stands.left)
    return left
