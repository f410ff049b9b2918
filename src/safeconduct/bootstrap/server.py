"""The server over an installation, and one request without a server."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from safeconduct import settings
from safeconduct.access.evaluating import AccessPoint
from safeconduct.access.reading_rights import Reader, reader_by
from safeconduct.access.records import program_in_force
from safeconduct.access.secrets import make_secret
from safeconduct.access.standing import Standing
from safeconduct.access.upstream_key_events import REVOKE_KEY
from safeconduct.adapters.clock import system_entropy
from safeconduct.adapters.data_folder import Address, locked
from safeconduct.adapters.log_lines import write_lines
from safeconduct.adapters.models.local import LocalModel, LocalServer
from safeconduct.adapters.oidc import OpenIDProviders
from safeconduct.adapters.safety_secret import safety_secret
from safeconduct.bootstrap.cosigning import cosign_head, follow
from safeconduct.bootstrap.custody import decision_keys
from safeconduct.bootstrap.directories import directories
from safeconduct.bootstrap.effects import effect_runner
from safeconduct.bootstrap.forms import FORMS
from safeconduct.bootstrap.installation import Installation, opened
from safeconduct.bootstrap.key_revoking import key_carrier
from safeconduct.bootstrap.listening import Where, address_of, listening, loopback, public_site, server_tls
from safeconduct.bootstrap.log_keys import closing, next_key
from safeconduct.bootstrap.notifying import channels, described, notifying
from safeconduct.bootstrap.observed import Watch, metrics_of, metrics_token, observing
from safeconduct.bootstrap.responding import carry_responses
from safeconduct.bootstrap.routes import ROUTERS
from safeconduct.bootstrap.shipping import shipped
from safeconduct.bootstrap.siems import siem_teller, siems_of
from safeconduct.bootstrap.upstreams import Sources, configured
from safeconduct.bootstrap.watching import watching
from safeconduct.boundary.canaries import canary_of
from safeconduct.gateway.budgets.rates import Pace
from safeconduct.gateway.moves import CutWhy
from safeconduct.gateway.observing import Observer
from safeconduct.gateway.ports import Upstream
from safeconduct.gateway.probing import LoggedProbes
from safeconduct.http import pages
from safeconduct.http.asgi import App
from safeconduct.http.connection import GatewayServer, server_config
from safeconduct.http.control.context import AtWork, Control, Metrics, Work, alone_at_work
from safeconduct.http.control.frame import control_app
from safeconduct.http.gateway import GatewayApp
from safeconduct.http.inprocess import Answer, Ask, ask
from safeconduct.http.proofs import CallProofs
from safeconduct.kernel.errors import SafeconductError, UnavailableError, UpstreamError
from safeconduct.kernel.ids import ENTROPY_BYTES, PathId, PrincipalId, ulid
from safeconduct.ledger.acts import SignedAct
from safeconduct.runtime.background import beside
from safeconduct.runtime.calls import Calls, abandon_open_calls
from safeconduct.runtime.commits import LoopCommits
from safeconduct.runtime.governed import Completed, GovernedCalls, NotCompleted
from safeconduct.settings import Databases
from safeconduct.soc.siem.events import TELL_SIEM
from safeconduct.soc.triage import ModelAnswer
from safeconduct.soc.triage_service import LOCAL_UPSTREAM

if TYPE_CHECKING:
    from safeconduct.adapters.models.http_upstream import HTTPUpstream

Settle = Callable[[], Awaitable[Mapping[str, SafeconductError]]]

ONCE = "this-process"
"""Stands for the local secret where no socket listens: who opened the data itself may read."""


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
    """Who is told of each step of the start, and of address, findings and upstreams once it serves."""

    progress: Callable[[str], None] = lambda _step: None
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


async def serve(data: Path, options: ServeOptions, told: Told) -> None:
    """Serves an installation until the process is told to stop.

    Raises:
        InvalidInputError: there is no installation, or a file in it is not of its form.
        ConflictError: another process has it open.
        UnavailableError: the port is taken, or the local model can't start.
    """
    flights: list[Calls] = []
    channels(data)  # here, where whoever starts it is told what is wrong
    with (
        locked(data) as lock,
        listening(options.where) as listener,
        loopback(options.where) as local,
        opened(
            data,
            expected=lambda: sum(calls.in_flight() for calls in flights) or 1,
            databases=options.databases,
        ) as installation,
        shipped(data, options.destinations, installation.logs) as shipping,
    ):
        url, here = address_of(listener, tls=options.where.tls is not None), address_of(local or listener)
        if options.watch.lines is not None:
            write_lines(options.watch.lines, installation.clock.now)
        async with (
            models(data, options, told.progress) as upstreams,
            effect_runner(installation) as runner,
            observing(options.watch, upstreams) as seen,
        ):
            carry_responses(runner, installation, lambda: here)
            runner.on(TELL_SIEM, siem_teller(installation).carry_out)
            runner.on(REVOKE_KEY, key_carrier(installation, options.sources).carry_out)
            calls = await alone(installation, upstreams, seen.all)
            flights.append(calls)
            secret = make_secret(installation.entropy)
            serving = Serving(
                url=url,
                secret=secret,
                upstreams=upstreams,
                calls=calls,
                metrics=metrics_of(seen, calls),
                shipping=shipping,
            )
            app = app_of(installation, runner.settle, serving, lambda: AtWork(unready=calls.unready()))
            server = server_of(app, calls, options, local)
            lock.announce(Address(here, secret))
            told.ready(url, [finding.text for finding in installation.findings], named(upstreams))
            async with beside(follow(installation)), notifying(installation), beside(watching(installation)):
                await server.serve(sockets=[listener])


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


async def ask_once(data: Path, request: Ask) -> Answer:
    """Answers one control request in this process: opens the data, runs the same routes, lets effects end.

    Raises:
        InvalidInputError: there is no installation.
        ConflictError: another process keeps it open.
    """
    with locked(data), opened(data) as installation:
        async with effect_runner(installation) as runner:
            headers = {**request.headers, "authorization": f"Bearer {ONCE}"}
            return await ask(app_of(installation, runner.settle, None), replace(request, headers=headers))


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
    )


def app_of(installation: Installation, settle: Settle, serving: Serving | None, told: Work | None = None) -> App:
    """Returns the routes over an installation: those of calls only where it serves. `told` as `Control.work`."""

    def standing() -> Standing:
        return installation.board.current

    control = Control(
        writer=installation.writer,
        snapshot=installation.snapshot,
        standing=standing,
        log=installation.log,
        keys=installation.keys,
        logs=installation.logs,
        clock=installation.clock,
        entropy=installation.entropy,
        open_log=installation.open_log,
        stopped=lambda: {origin: stop.message for origin, stop in installation.writer.stopped().items()},
        cosign_head=lambda origin: cosign_head(installation, origin),
        next_key=partial(next_key, installation),
        closing=partial(closing, installation),
        decision_keys=decision_keys(installation.data, installation.entropy),
        settle=settle,
        upstreams={name: upstream.facts for name, upstream in serving.upstreams.items()} if serving else None,
        archives=installation.archives,
        siems=siems_of(installation),
        identities=OpenIDProviders().claims,
        caller=lambda principal: _Caller(serving, principal),
        site=partial(public_site, settings.read().public_origin, serving.url if serving else ""),
        lists_url=serving.url if serving else None,
        shipping=serving.shipping if serving else list,
        channels=lambda: described(installation.data),
        forms=FORMS,
        probes=LoggedProbes(installation.log, installation.snapshot),
        decisions=AccessPoint(standing),
        directory=directories(installation),
        work=told or alone_at_work,
        metrics=serving.metrics if serving else None,
        canary=partial(canary_of, safety_secret(installation.data, installation.entropy)),
    )

    def check_reader(signed: SignedAct) -> Reader:
        with installation.snapshot() as records:
            return reader_by(records, signed, installation.clock.now())

    def check_signer(signed: SignedAct) -> None:
        with installation.snapshot() as records:
            if program_in_force(records) is not None:  # the first program names who signs it
                reader_by(records, signed, installation.clock.now())

    secret = serving.secret if serving else ONCE
    app = control_app(
        ROUTERS,
        control=control,
        local_secret=secret,
        check_reader=check_reader,
        check_signer=check_signer,
        version=metadata.version("safeconduct"),
        metrics_token=metrics_token(),
    )
    app.include_router(pages.router)
    if serving is None:
        return app
    return GatewayApp(serving.calls, CallProofs(installation.log, installation.snapshot), app)


class _Caller:
    """`ModelCaller` of one principal through the gateway's entry in this process."""

    def __init__(self, serving: Serving | None, principal: PrincipalId) -> None:
        self._serving = serving
        self._principal = principal

    async def complete(self, path: PathId, purpose: str, body: bytes) -> ModelAnswer:
        if self._serving is None:
            raise UnavailableError(
                "a model is asked through a running server", code="no-server", remedy="safeconduct serve"
            )
        ended = await GovernedCalls(self._serving.calls).complete(self._principal, path, purpose, body)
        if isinstance(ended, NotCompleted):
            ended.error.call = ended.call
            raise ended.error
        return _answer_of(ended)


def _answer_of(ended: Completed) -> ModelAnswer:
    try:
        answer = msgspec.json.decode(ended.body, type=_Completion)
        return ModelAnswer(text=answer.choices[0].message.content or "", call=ended.call, model=answer.model)
    except (msgspec.MsgspecError, IndexError) as error:
        raise UpstreamError(
            "the model server's answer has no message in it", code="upstream-garbage", remedy="try another model"
        ) from error


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message


class _Completion(msgspec.Struct, frozen=True):
    model: str
    choices: list[_Choice]
