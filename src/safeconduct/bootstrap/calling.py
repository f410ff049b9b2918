"""What takes calls: the ways to models, the calls of a process, and the server that they come to.

A worker imports this and not what operates an installation: see tests/bootstrap/test_worker_imports.py.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safeconduct import settings
from safeconduct.adapters.clock import system_entropy
from safeconduct.adapters.models.local import LocalModel, LocalServer
from safeconduct.adapters.models.text_classifier import TextClassifier
from safeconduct.adapters.safety_secret import safety_secret
from safeconduct.bootstrap.installation import Installation
from safeconduct.bootstrap.listening import Where, server_tls
from safeconduct.bootstrap.observed import Watch, metrics_token
from safeconduct.bootstrap.upstreams import Sources, configured
from safeconduct.gateway.budgets.rates import Pace
from safeconduct.gateway.moves import CutWhy
from safeconduct.gateway.observing import Observer
from safeconduct.gateway.ports import LOCAL_UPSTREAM, Upstream
from safeconduct.http.asgi import App
from safeconduct.http.connection import GatewayServer, server_config
from safeconduct.http.gateway import GatewayApp
from safeconduct.http.later import Vitals
from safeconduct.http.proofs import CallProofs
from safeconduct.http.vitals import Metrics, Work
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import ENTROPY_BYTES, Origin, ulid
from safeconduct.kernel.ports import Clock
from safeconduct.ledger.reader import LogReader
from safeconduct.runtime.abandoning import abandon_open_calls
from safeconduct.runtime.calls import Calls
from safeconduct.runtime.commits import LoopCommits
from safeconduct.runtime.freeze import Snapshot
from safeconduct.settings import Databases

if TYPE_CHECKING:
    from safeconduct.adapters.models.http_upstream import HTTPUpstream


Settle = Callable[[], Awaitable[Mapping[str, SafeconductError]]]
"""Carries out the effects that wait, and returns what failed, by the id of the entry that ordered it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Where to listen, which models to offer, and the file that says where the log's rows go.

    `drain_s` are the seconds that running calls get to end when the server is told to.
    """

    where: Where = field(default_factory=Where)
    local_model: bool = True
    sources: Sources = field(default_factory=Sources)
    databases: Databases = field(default_factory=Databases)
    destinations: Path | None = None
    watch: Watch = field(default_factory=Watch)
    drain_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who is told of each step of the start and what is amiss; of address, findings and upstreams once it serves."""

    progress: Callable[[str], None] = lambda _step: None
    warning: Callable[[str], None] = lambda _what: None
    ready: Callable[[str, list[str], list[str]], None] = lambda _url, _findings, _upstreams: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What a running server has beyond the data. `url` is where others come to."""

    url: str
    secret: str
    upstreams: Mapping[str, Upstream]
    calls: Calls
    metrics: Metrics
    shipping: Callable[[], list[dict[str, Any]]]


def named(upstreams: Mapping[str, Upstream]) -> list[str]:
    """Returns the names of upstreams as people are told them."""
    return [f"{name} (experimental)" if model.facts.experimental else name for name, model in upstreams.items()]


@contextlib.asynccontextmanager
async def models(
    data: Path, options: ServeOptions, progress: Callable[[str], None], local: LocalServer | None = None
) -> AsyncIterator[Mapping[str, Upstream]]:
    """Starts the ways to the configured model servers. The local one is started too, unless `local` says where it is.

    Raises:
        InvalidInputError: as `configured`.
        UnavailableError: the local model can't start.
    """
    started: dict[str, LocalModel | HTTPUpstream] = {}
    try:
        for name, upstream in configured(settings.read(), data, options.sources).items():
            started[name] = upstream
            await upstream.start()
        if local is not None:
            started[LOCAL_UPSTREAM] = reached = local.upstream()
            await reached.start()
        elif options.local_model:
            started[LOCAL_UPSTREAM] = model = LocalModel(system_entropy)
            await model.start(progress)
        yield started
    finally:
        for one in started.values():
            await one.stop()


async def alone(
    installation: Installation, upstreams: Mapping[str, Upstream], observers: Sequence[Observer] = ()
) -> Calls:
    """Returns the calls of the one process there is. Those that the former one left open are closed first."""
    worker = ulid(installation.clock.now(), installation.entropy(ENTROPY_BYTES))
    calls = calls_of(installation, upstreams, worker=worker, observers=observers)
    await asyncio.wrap_future(installation.writer.submit(lambda tx: abandon_open_calls(tx, worker)))
    installation.board.attach(calls.loop, calls)
    return calls


def calls_of(
    installation: Installation,
    upstreams: Mapping[str, Upstream],
    *,
    worker: str,
    confirmed: bool = True,
    pace: Pace | None = None,
    observers: Sequence[Observer] = (),
) -> Calls:
    """Returns the calls of a process. Made on the loop that runs them."""
    return Calls(
        standing=lambda: installation.board.current,
        commits=LoopCommits(installation.writer).commit,
        upstreams=upstreams,
        models={name: upstream.facts.names for name, upstream in upstreams.items()},
        installation=installation.origin,
        worker=worker,
        clock=installation.clock,
        entropy=installation.entropy,
        safety_secret=safety_secret(installation.data, installation.entropy),
        confirmed=confirmed,
        pace=pace,
        observers=observers,
        vault=installation.vault,
        open_answer=lambda entry, field: installation.log.open_field(entry, field).value,
        classifier=TextClassifier(told) if (told := settings.read().hint_classifier) else None,
    )


def server_of(app: App, calls: Calls, options: ServeOptions, loopback: socket.socket | None) -> GatewayServer:
    """Returns the server of an app. Told to end, it lets calls end first; told again, it cuts them.

    Raises:
        InvalidInputError: as `server_tls`.
    """
    return GatewayServer(
        server_config(app),
        partial(calls.shutdown, options.drain_s),
        told_again=partial(calls.loop.call_soon_threadsafe, calls.cut_all, CutWhy.SHUTDOWN),
        tls=server_tls(options.where.tls, calls.clock.now()),
        loopback=loopback,
    )


def app_of(installation: Installation, serving: Serving, work: Work, control: App) -> App:
    """Returns the routes of calls and of the process' own state, in front of the control API."""
    vital = _Vital(
        snapshot=installation.snapshot,
        log=installation.log,
        clock=installation.clock,
        stopped=lambda: stopped(installation),
        work=work,
        metrics=serving.metrics,
    )
    return GatewayApp(
        serving.calls,
        CallProofs(installation.log, installation.snapshot),
        Vitals(vital, serving.secret, metrics_token(), control),
    )


def stopped(installation: Installation) -> Mapping[Origin, str]:
    """Returns the logs that take no entries, and why."""
    return {origin: stop.message for origin, stop in installation.writer.stopped().items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vital:
    snapshot: Snapshot
    log: LogReader
    clock: Clock
    stopped: Callable[[], Mapping[Origin, str]]
    work: Work
    metrics: Metrics
