"""The server over an installation, and one request without a server."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from safeconduct.access.secrets import make_secret
from safeconduct.access.upstream_key_events import REVOKE_KEY
from safeconduct.adapters.data_folder import Address, locked
from safeconduct.adapters.log_lines import write_lines
from safeconduct.bootstrap.calling import ServeOptions, Serving, Told, alone, app_of, models, named, server_of
from safeconduct.bootstrap.controlling import ONCE, control_of
from safeconduct.bootstrap.cosigning import follow
from safeconduct.bootstrap.detecting import live_detection
from safeconduct.bootstrap.effects import effect_runner
from safeconduct.bootstrap.hunting import hunting
from safeconduct.bootstrap.installation import opened
from safeconduct.bootstrap.key_revoking import key_carrier
from safeconduct.bootstrap.listening import address_of, listening, loopback
from safeconduct.bootstrap.notifying import channels, notifying
from safeconduct.bootstrap.observed import metrics_of, observing
from safeconduct.bootstrap.responding import carry_responses
from safeconduct.bootstrap.shipping import shipped
from safeconduct.bootstrap.siems import siem_teller
from safeconduct.bootstrap.watching import watching
from safeconduct.http.inprocess import Answer, Ask, ask
from safeconduct.http.vitals import AtWork, alone_at_work
from safeconduct.runtime.background import beside
from safeconduct.runtime.calls import Calls
from safeconduct.soc.siem.events import TELL_SIEM


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
            work = partial(_at_work, calls)
            control = control_of(installation, runner.settle, serving, work)  # at once: whoever freezes never waits
            server = server_of(app_of(installation, serving, work, control), calls, options, local)
            lock.announce(Address(here, secret))
            told.ready(url, [finding.text for finding in installation.findings], named(upstreams))
            async with (
                beside(follow(installation)),
                notifying(installation),
                hunting(installation),
                beside(watching(installation)),
                beside(live_detection(installation)),
            ):
                await server.serve(sockets=[listener])


async def ask_once(data: Path, request: Ask) -> Answer:
    """Answers one control request in this process: opens the data, runs the same routes, lets effects end.

    Raises:
        InvalidInputError: there is no installation.
        ConflictError: another process keeps it open.
    """
    with locked(data), opened(data) as installation:
        async with effect_runner(installation) as runner:
            headers = {**request.headers, "authorization": f"Bearer {ONCE}"}
            app = control_of(installation, runner.settle, None, alone_at_work)
            return await ask(app, replace(request, headers=headers))


def _at_work(calls: Calls) -> AtWork:
    return AtWork(unready=calls.unready())
