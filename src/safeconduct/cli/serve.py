"""`safeconduct init`, `serve` and `status`: an installation, and the server over it."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.adapters.log_lines import LineFormat
from safeconduct.cli.client import Data, Key, Url, client
from safeconduct.cli.output import Json, emit, err, out, state_of, worded

WORKERS_MAX = 64
"""Processes of one machine; more than it has processors gains nothing."""

Origin = Annotated[
    str, typer.Option("--origin", help="What the logs are named by: a domain or URL of yours, without https://.")
]
Host = Annotated[str, typer.Option("--host", help="Address to listen on. Any but loopback needs TLS.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
ModelURL = Annotated[
    str, typer.Option("--model", help="Base URL of an OpenAI-compatible server; it becomes the upstream `custom`.")
]
ModelKey = Annotated[str, typer.Option("--model-key-env", help="Name of the environment variable with its key.")]
NoLocal = Annotated[bool, typer.Option("--no-local-model", help="Don't start the local model.")]
DatabaseURL = Annotated[
    str,
    typer.Option(
        "--database",
        help="URL of a PostgreSQL database for logs and control state, instead of a file. Also SAFECONDUCT_DATABASE.",
    ),
]

Destinations = Annotated[
    Path | None,
    typer.Option("--destinations", help="A YAML file that says where entries are sent and tiles published."),
]
TLSCert = Annotated[Path | None, typer.Option("--tls-cert", help="The server's certificate with its chain, in PEM.")]
TLSKey = Annotated[Path | None, typer.Option("--tls-key", help="Its key, in PEM, readable by its owner only.")]
ClientCA = Annotated[
    Path | None,
    typer.Option("--client-ca", help="The authority, in PEM, of which every client must show a certificate."),
]
ClientCertOptional = Annotated[
    bool,
    typer.Option("--client-cert-optional", help="Clients may show a certificate of that authority, or none."),
]
TLSInFront = Annotated[
    bool, typer.Option("--tls-in-front", help="TLS ends at a proxy before this server; listen without it.")
]
LogFormat = Annotated[
    LineFormat | None, typer.Option("--log-format", help="Write a line for each call and event to standard error.")
]
Collector = Annotated[
    str, typer.Option("--otel", help="URL of an OpenTelemetry collector (OTLP/HTTP) that gets a span for each call.")
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers", min=1, max=WORKERS_MAX, help="Processes that take calls; two or more need PostgreSQL for all data."
    ),
]

DRAIN_S = 10
"""Seconds that running calls get to end. Most take no longer, and orchestrators kill after 30."""

DRAIN_MAX_S = 3600
"""The most they can be given: no call runs longer."""

Drain = Annotated[
    int,
    typer.Option(
        "--drain",
        min=0,
        max=DRAIN_MAX_S,
        help="Seconds that running calls get to end when the server is told to; told again, it cuts them.",
    ),
]
Upstreams = Annotated[
    Path | None,
    typer.Option(
        "--upstreams", help="A TOML file that says which vendors are asked, and how. Default: upstreams.toml in DATA."
    ),
]


def init(*, origin: Origin = "safeconduct.example/local", data: Data = None, as_json: Json = False) -> None:
    """Makes a new installation: its folder and the key of its own log."""
    from safeconduct.bootstrap import installation  # noqa: PLC0415 - keeps other commands quick

    folder = data or settings.read().data
    key = installation.create(folder, origin)
    emit({"data": str(folder), "log": key.name, "key": key.text}, as_json, _show_made)


def serve(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8700,
    model: ModelURL = "",
    model_key_env: ModelKey = "",
    no_local_model: NoLocal = False,
    database: DatabaseURL = "",
    destinations: Destinations = None,
    upstreams: Upstreams = None,
    workers: Workers = 1,
    tls_cert: TLSCert = None,
    tls_key: TLSKey = None,
    client_ca: ClientCA = None,
    client_cert_optional: ClientCertOptional = False,
    tls_in_front: TLSInFront = False,
    log_format: LogFormat = None,
    otel: Collector = "",
    drain: Drain = DRAIN_S,
    data: Data = None,
) -> None:
    """Serves the gateway, the control API, the logs and the lists until it is stopped."""
    from safeconduct.bootstrap import calling  # noqa: PLC0415 - keeps other commands quick
    from safeconduct.bootstrap.listening import Where, tls_files  # noqa: PLC0415
    from safeconduct.bootstrap.observed import Watch  # noqa: PLC0415
    from safeconduct.bootstrap.upstreams import Sources  # noqa: PLC0415
    from safeconduct.http.connection import run  # noqa: PLC0415

    read = settings.read()
    folder = data or read.data
    options = calling.ServeOptions(
        where=Where(
            host=host,
            port=port,
            tls=tls_files(tls_cert, tls_key, client_ca, optional=client_cert_optional),
            tls_in_front=tls_in_front,
        ),
        local_model=not no_local_model,
        sources=Sources(file=upstreams, url=model, key_env=model_key_env),
        databases=databases(read, database),
        destinations=destinations,
        watch=Watch(lines=log_format, collector=otel),
        drain_s=drain,
    )
    told = calling.Told(
        progress=lambda step: err.print(step, style="dim", markup=False),
        warning=lambda what: err.print(what, style="yellow", markup=False),
        ready=_ready,
    )
    if workers > 1:
        from safeconduct.bootstrap import many  # noqa: PLC0415 - the parent of workers does none of their work

        asyncio.run(many.serve(folder, options, told, workers))
    else:
        from safeconduct.bootstrap import server  # noqa: PLC0415

        run(server.serve(folder, options, told))


def databases(read: settings.Settings, url: str) -> settings.Databases:
    """Returns where logs and heads are: a URL on the command line wins over the environment's."""
    return replace(read.databases, log=url) if url else read.databases


def status(*, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Shows whether a server runs, what is in force, and what is wrong."""
    emit(client(data, key, url).get("/api/v1/status"), as_json, _show_status)


def _show_stopped(finding: str) -> None:
    err.print(f"stopped: {finding}", style="bold red", markup=False)


def _ready(url: str, findings: list[str], upstreams: list[str]) -> None:
    for finding in findings:
        _show_stopped(finding)
    err.print(f"upstreams: {', '.join(sorted(upstreams)) or 'none'}", style="dim", markup=False)
    out.print(f"serving on {url}", markup=False)


def _show_made(document: dict[str, Any]) -> None:
    out.print(f"made {document['data']}", markup=False)
    out.print(f"log key, for the partner's witness: {document['key']}", markup=False)
    out.print("next: safeconduct program new, agreement sign, program plan, program apply", style="dim")


def _show_status(document: dict[str, Any]) -> None:
    for log in document["logs"]:
        if log["stopped"] and not log["successor"]:
            _show_stopped(f"{log['origin']}: {log['stopped']}; safeconduct doctor says what to do")
    for name, value in document.items():
        if not isinstance(value, list):
            out.print(f"{name:<16} {worded(value)}", markup=False)
    for log in document["logs"]:
        state = state_of(log)
        out.print(f"log              {log['origin']}  {log['size']} entries  {state}", markup=False)
    for warning in document["agreement"]:
        out.print(f"agreement        {warning['said']}", style="bold", markup=False)
    for process in document["processes"]:
        out.print(f"{process['role']:<16} {process['name']}  since {process['since']}", markup=False)
    for line in document["shipping"]:
        behind, problem = sum(line["lag"].values()), line["problem"] or "sending"
        out.print(
            f"shipping         {line['name']}  {behind} behind, {len(line['refused'])} refused  {problem}", markup=False
        )
