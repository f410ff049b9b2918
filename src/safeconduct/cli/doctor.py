"""`safeconduct doctor`: looks at everything that must be right for calls to be governed, and says what to do."""

import os
import resource
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from safeconduct import settings
from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.data_folder import require_installation, running_server
from safeconduct.cli import logins
from safeconduct.cli.client import Client, Data
from safeconduct.cli.output import DONE, NO, Json, emit, out
from safeconduct.http.connection import CONNECTIONS_MAX
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.instants import SECOND, Instant, parse_rfc3339, rfc3339

DISK_FREE_MIN = 1024**3
"""Bytes that should be free beside the data: a busy gateway writes some gigabytes a day, and a full disk stops it."""

FILES_MIN = 2 * CONNECTIONS_MAX
"""Files that a server may need open: a client's connection and an upstream's for each call."""


CLOCKS_APART_S = 60
"""Seconds by which the installation's time and the machine's may differ: what a signed act may be ahead by."""


class State(StrEnum):
    """What a check came to. Only `bad` says no: calls are refused, or something is exposed."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do about it where that is not nothing."""

    check: str
    state: State
    said: str
    remedy: str = ""


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
        findings += _checked("path", lambda: _paths(Client(folder)))
    findings += _limits()
    emit({"healthy": healthy(findings), "findings": findings}, as_json, lambda _document: _show(findings))
    raise typer.Exit(DONE if healthy(findings) else NO)


def healthy(findings: list[Finding]) -> bool:
    """Tells whether nothing is bad. No findings at all are no health."""
    return bool(findings) and all(finding.state is not State.BAD for finding in findings)


def about(status: Mapping[str, Any]) -> Iterator[Finding]:
    """Judges what the installation says of itself."""
    yield from map(_log, status["logs"])
    none = status["program"] == "none in force"
    remedy = "safeconduct program plan FILE, then program apply FILE" if none else ""
    yield Finding("program", State.BAD if none else State.OK, status["program"], remedy)
    if not none:
        yield _way_in(status["administrators_with_keys"])
    yield _vetting(status["vetting"])
    for one in status["agreement"]:
        yield Finding("agreement", State(one["state"]), one["said"], one["remedy"])
    yield from _upstreams(status)
    yield from map(_unrevoked, status["unrevoked_keys"])
    for name, remedy in _COUNTED.items():
        if status[name]:
            yield Finding(name, State.WARN, f"{status[name]} {name.replace('_', ' ')}", remedy)
    yield from map(_shipping, status["shipping"])


_COUNTED: Mapping[str, str] = {
    "waiting": "the partner's witness cosigns what waits; is it up?",
    "ownerless": "safeconduct program ownerless shows what has an owner who is there no more",
    "freezes": "safeconduct unfreeze, when both parties agree",
    "overdue_reviews": "of freezes: safeconduct unfreeze lists them; freeze-review, or end them",
    "broken_promises": "safeconduct receipt report told of them; ask the log's keeper",
    "effects": "they are carried out by the running server",
}
"""What there should be none of, and what to do about it."""


def _log(log: Mapping[str, Any]) -> Finding:
    stopped = log["stopped"] and not log["successor"]
    said = f"{log['origin']}: {log['stopped'] or 'running'}, {log['size']} entries"
    return Finding("log", State.BAD if stopped else State.OK, said, "safeconduct log recover" if stopped else "")


def _unrevoked(key: Mapping[str, Any]) -> Finding:
    said = f"{key['key']} of {', '.join(key['upstreams'])} is not revoked ({key['state']}): {key['said']}"
    remedy = "whoever administers the vendor's account revokes it there; then the program names the new key's id"
    return Finding("key", State.WARN, said, remedy)


def _shipping(line: Mapping[str, Any]) -> Finding:
    said = f"{line['name']}: {line['problem'] or 'sending'}, {len(line['refused'])} refused"
    return Finding("shipping", State.WARN if line["problem"] or line["refused"] else State.OK, said)


def about_clock(here: Instant, machine: Instant) -> Finding:
    """Judges an installation's time by that of the machine: it is ahead where the machine's is behind the log."""
    apart = (here - machine) // SECOND
    if abs(apart) <= CLOCKS_APART_S:
        return Finding("clock", State.OK, f"it is {rfc3339(here)}")
    said = f"it is {rfc3339(here)} for the installation and {rfc3339(machine)} on this machine"
    if apart < 0:
        return Finding("clock", State.WARN, said, "set the clock of the server's machine")
    remedy = (
        "set the machine's clock; if it is right, a former one ran ahead: docs/operations.md, When a clock is wrong"
    )
    return Finding("clock", State.WARN, said, remedy)


def _status(client: Client) -> Iterator[Finding]:
    status = client.get("/api/v1/status")
    yield about_clock(parse_rfc3339(status["at"]), SystemClock().now())
    yield from about(status)


def _way_in(administrators: Sequence[str]) -> Finding:
    """Judges whether somebody gets in while the identity provider or the partner is down."""
    if administrators:
        said = f"{', '.join(administrators)}: with a key on this machine, whatever else is down"
        return Finding("way in", State.OK, said)
    said = "no administrator has a key: while the identity provider is down nobody changes anything"
    return Finding("way in", State.WARN, said, "safeconduct keys new NAME --out FILE, and name its public half")


def _vetting(vetting: Mapping[str, Any]) -> Finding:
    if not vetting["demanded"]:
        return Finding("vetting", State.OK, "none demanded: the program itself is what admits whom it names", "")
    if vetting["overdue"]:
        said = f"{vetting['overdue']} decisions are overdue"
        return Finding("vetting", State.WARN, said, "safeconduct vetting list shows them; somebody decides them")
    return Finding("vetting", State.OK, "demanded, and no decision is overdue", "")


def _upstreams(status: Mapping[str, Any]) -> Iterator[Finding]:
    serving = status["server"] != "none"
    if serving and not status["upstreams"]:
        yield Finding("upstream", State.BAD, "no model server is configured", "safeconduct serve --upstreams FILE")
    for one in status["upstreams"]:
        said = f"{one['name']}: {one['vendor']}, region {one['region']}, retention {one['retention']}"
        remedy = "nobody has run this vendor live yet" if one["experimental"] else ""
        yield Finding("upstream", State.WARN if one["experimental"] else State.OK, said, remedy)


def about_path(path: Mapping[str, Any]) -> Finding:
    """Judges whether a path, as the server that runs shows it, has a provider that may be asked."""
    asked = [one["upstream"] for one in path["running"] if one["inside"]]
    if asked:
        return Finding("path", State.OK, f"{path['id']} v{path['version']}: {', '.join(asked)}")
    why = [
        f"{one['upstream']} has another {' and '.join(one['otherwise'])}"
        if one["configured"]
        else f"{one['upstream']} is not configured"
        for one in path["running"]
    ]
    remedy = "make the program's upstreams and the server's upstreams file say the same: safeconduct path show"
    return Finding("path", State.BAD, f"{path['id']} takes no calls: {'; '.join(why)}", remedy)


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
