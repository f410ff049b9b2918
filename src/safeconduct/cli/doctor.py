"""`safeconduct doctor`: looks at everything that must be right for calls to be governed, and says what to do."""

import os
import resource
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import typer

from safeconduct import settings
from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.data_folder import require_installation, running_server
from safeconduct.cli import logins
from safeconduct.cli.client import Client, Data
from safeconduct.cli.findings import Finding, State, about, about_clock, about_path, about_telemetry, healthy
from safeconduct.cli.output import DONE, NO, Json, emit, out
from safeconduct.http.connection import CONNECTIONS_MAX
from safeconduct.kernel.errors import RefusedError, SafeconductError
from safeconduct.kernel.instants import parse_rfc3339

DISK_FREE_MIN = 1024**3
"""Bytes that should be free beside the data: a busy gateway writes some gigabytes a day, and a full disk stops it."""

FILES_MIN = 2 * CONNECTIONS_MAX
"""Files that a server may need open: a client's connection and an upstream's for each call."""


def doctor(*, data: Data = None, as_json: Json = False) -> None:
    """Checks folder, keys, server, logs, program, upstreams and paths. Exit 1 if anything keeps calls from a model.

    Changes nothing, and asks no model: `safeconduct path probe` makes a real call.
    """
    found = settings.read()
    folder = data or found.data
    findings = [*_checked("login", lambda: _login(found.config)), *_checked("data", lambda: _folder(folder))]
    if all(finding.state is not State.BAD for finding in findings):
        findings += _checked("custody", lambda: _custody(folder))
        findings += _checked("server", lambda: _server(folder))
        findings += _checked("status", lambda: _status(Client(folder)))
        findings += _checked("telemetry", lambda: _telemetry(Client(folder)))
        findings += _checked("path", lambda: _paths(Client(folder)))
    findings += _limits()
    emit({"healthy": healthy(findings), "findings": findings}, as_json, lambda _document: _show(findings))
    raise typer.Exit(DONE if healthy(findings) else NO)


def _status(client: Client) -> Iterator[Finding]:
    status = client.get("/api/v1/status")
    yield about_clock(parse_rfc3339(status["at"]), SystemClock().now())
    yield from about(status)


def _telemetry(client: Client) -> Iterator[Finding]:
    try:
        yield from about_telemetry(client.get("/api/v1/telemetry/retention"))
    except RefusedError:  # it is for who reads telemetry, and no fault that somebody does not
        return


def _paths(client: Client) -> Iterator[Finding]:
    for path in client.get("/api/v1/paths"):
        shown = client.get(f"/api/v1/paths/{path['id']}")
        if all(one["configured"] is not None for one in shown["running"]):  # else no server runs that would know
            yield about_path(shown)


def _checked(name: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Runs a check; what it raises is what it found."""
    try:
        return list(check())
    except SafeconductError as error:
        return [Finding(name, State.BAD, error.message, error.remedy)]


def _login(config: Path) -> Iterator[Finding]:
    login = logins.read(config)
    if login is None:
        yield Finding("login", State.OK, "nobody: commands that sign take --key FILE")
        return
    where = login.url or login.data
    if login.oidc:
        said = f"{login.principal} at {where}, signed in at {login.oidc}: commands that sign take --key FILE"
        yield Finding("login", State.OK, said)
        return
    name, _key = settings.read_key(Path(login.key))
    yield Finding("login", State.OK, f"{name} at {where}")


def _folder(folder: Path) -> Iterator[Finding]:
    require_installation(folder)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        yield Finding("data", State.BAD, f"others may enter {folder} (mode {mode:o})", f"chmod 700 {folder}")
    free = shutil.disk_usage(folder).free
    state = State.OK if free >= DISK_FREE_MIN else State.WARN
    remedy = "" if state is State.OK else "make room: on a full disk nothing is recorded, so every call is refused"
    yield Finding("disk", state, f"{free // 1024**2} MiB free beside {folder}", remedy)


def _custody(folder: Path) -> Iterator[Finding]:
    custody = settings.read_custody(folder)
    yield Finding("custody", State.OK, f"log keys by {custody.log_keys}, key encryption by {custody.key_encryption}")


def _server(folder: Path) -> Iterator[Finding]:
    running = running_server(folder)
    if running is None:
        yield Finding("server", State.WARN, "none runs on this data", "safeconduct serve")
        return
    Client(folder).get("/healthz")
    yield Finding("server", State.OK, f"answers at {running.url}")


def _limits() -> Iterator[Finding]:
    files, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = files == resource.RLIM_INFINITY
    state = State.OK if unlimited or files >= FILES_MIN else State.WARN
    remedy = "" if state is State.OK else f"ulimit -n {FILES_MIN} before `serve`, or LimitNOFILE in its unit"
    yield Finding(
        "files", state, f"{'any number of' if unlimited else files} open files, {os.cpu_count()} cores", remedy
    )


def _show(findings: list[Finding]) -> None:
    styles = {State.OK: "green", State.WARN: "yellow", State.BAD: "bold red"}
    for finding in findings:
        out.print(f"[{styles[finding.state]}]{finding.state:<5}[/] {finding.check:<9} ", end="")
        out.print(finding.said, markup=False)
        if finding.remedy:
            out.print(f"                to do: {finding.remedy}", style="dim", markup=False)
