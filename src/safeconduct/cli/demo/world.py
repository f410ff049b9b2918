"""The demo's world: a folder, two parties' keys, the partner's witness and the server, each a process of its own."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from safeconduct.access.program import installation_origin
from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.data_folder import Address, running_server
from safeconduct.bootstrap import installation
from safeconduct.bootstrap.custody import log_keys
from safeconduct.cli.client import Client
from safeconduct.cli.demo.program import Parties, render
from safeconduct.cli.starter import make_keys, signed_by_both
from safeconduct.kernel.errors import ConflictError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import SECOND
from safeconduct.ledger.keys import SecretKey

ORIGIN = "safeconduct.example/demo"
AGREEMENT = Origin(f"{ORIGIN}/ag-2026-01")
WITNESS = "northwind.example/witness"

START_S = 90.0
"""Seconds for a process to get ready. The server loads 98 MB of weights from a cold disk."""

STOP_S = 10.0
POLL_S = 0.02
PROGRAM = (sys.executable, "-m", "safeconduct.cli.main")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Whose model is asked: the local one, or that of a server."""

    url: str = ""
    key_env: str = ""
    name: str = "smollm2-135m"

    @property
    def upstream(self) -> str:
        """The upstream's name in the program file."""
        return "custom" if self.url else "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The running demo."""

    root: Path
    server: Address
    witness_key: str
    log_key: str
    model: ModelChoice

    @property
    def data(self) -> Path:
        """The installation's folder."""
        return self.root / "installation"

    def key_file(self, name: str) -> Path:
        """Returns a person's key file."""
        return self.root / "keys" / f"{name}.key"

    def acting(self, name: str) -> Client:
        """Returns a client that signs as a person."""
        secret = SecretKey.parse(self.key_file(name).read_text(encoding="utf-8").split()[1])
        return Client(self.data, (name, secret))

    def partner(self, *arguments: str | Path) -> tuple[int, str]:
        """Runs a command as the partner, in a process of its own; returns exit code and standard output."""
        done = subprocess.run(  # noqa: S603 - our own program
            [*PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False, env=_environment({})
        )
        return done.returncode, done.stdout if done.stdout.strip() else done.stderr


@contextlib.contextmanager
def world(
    root: Path, model: ModelChoice, environment: Mapping[str, str], *, adapt: Callable[[bytes], bytes] = bytes
) -> Iterator[World]:
    """Makes the world in a new folder, starts its processes, ends them. `adapt` makes its program of the demo's.

    Raises:
        ConflictError: the folder holds something.
        UnavailableError: a process did not get ready.
    """
    if root.is_file() or (root.exists() and any(root.iterdir())):
        raise ConflictError(
            f"{root} is not an empty folder", code="folder-not-empty", remedy="name another with --data"
        )
    public = make_keys(root / "keys")
    installation.create(root / "installation", ORIGIN)
    logs = log_keys(root / "installation")
    own, joint = logs.signer(installation_origin(ORIGIN)).verifier.text, logs.signer(AGREEMENT).verifier.text
    with _witness(root, (own, joint)) as (witness_key, url), _server(root, model, environment) as server:
        parties = Parties(**public, witness_key=witness_key, witness_url=url)
        rendered = adapt(render(parties, upstream=model.upstream, model=model.name))
        program = signed_by_both(root / "keys", rendered)
        (root / "program.yaml").write_bytes(program)
        (root / "partner" / "log.pub").write_text(joint + "\n", encoding="utf-8")
        (root / "partner" / "witness.pub").write_text(witness_key + "\n", encoding="utf-8")
        yield World(root=root, server=server, witness_key=witness_key, log_key=joint, model=model)


def default_root(states: Path) -> Path:
    """Returns a new folder's name for a demo: one for each run, so that nothing of a former one is lost."""
    stamp = time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime(SystemClock().now() / SECOND))
    return states / "demos" / stamp


@contextlib.contextmanager
def _witness(root: Path, logs: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    trust = [word for key in logs for word in ("--trust", key)]
    command = ["log", "witness", "--dir", str(root / "partner" / "witness"), "--listen", "127.0.0.1:0"]
    with _process(root, "partner", [*command, "--name", WITNESS, *trust, "--json"], {}) as (process, output):
        deadline = time.monotonic() + START_S
        while not (said := output.read_bytes()).endswith(b"}\n"):
            _wait(process, deadline, root / "partner.err")
        made = msgspec.json.decode(said)
        yield made["key"], made["url"]


@contextlib.contextmanager
def _server(root: Path, model: ModelChoice, environment: Mapping[str, str]) -> Iterator[Address]:
    command = ["serve", "--data", str(root / "installation"), "--port", "0"]
    kept = {}
    if model.url:
        command += ["--no-local-model", "--model", model.url]
        if model.key_env:
            command += ["--model-key-env", model.key_env]
            kept = {model.key_env: environment.get(model.key_env, "")}
    with _process(root, "server", command, kept) as (process, _output):
        deadline = time.monotonic() + START_S
        while (address := running_server(root / "installation")) is None:
            _wait(process, deadline, root / "server.err")
        yield address


@contextlib.contextmanager
def _process(
    root: Path, name: str, arguments: list[str], extra: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Starts our own program in the background, its output in files; asks it to end, and makes sure of it."""
    with contextlib.ExitStack() as stack:
        files: list[IO[bytes]] = [stack.enter_context((root / f"{name}.{kind}").open("wb")) for kind in ("out", "err")]
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*PROGRAM, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=files[0],
            stderr=files[1],
            env=_environment(extra),
            start_new_session=True,  # Ctrl-C is for the demo, which then ends them in order
        )
        try:
            yield process, root / f"{name}.out"
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", deadline: float, errors: Path) -> None:
    if process.poll() is not None or time.monotonic() > deadline:
        said = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise UnavailableError(
            f"a process of the demo did not get ready: {' '.join(said[-3:]) or 'it said nothing'}",
            code="demo-process-failed",
            remedy=f"its output is in {errors}",
        )
    time.sleep(POLL_S)


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **extra}
