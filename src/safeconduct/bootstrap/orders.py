"""What a parent orders its child processes to do: one line of JSON each, by a pipe that nobody else reads."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from safeconduct import settings
from safeconduct.adapters.metrics import SHARED
from safeconduct.adapters.models.local import LocalServer
from safeconduct.bootstrap.calling import ServeOptions

Role = Literal["worker", "keeper", "sequencer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one child does. `socket` and `loopback` are the descriptors that a worker listens on; -1 for none.

    A worker is the one with this `number`, from 0, of `workers`. `url` is where callers come to, `here` where this
    machine's own processes do, `metrics` the folder in which all workers count together.
    """

    role: Role
    data: Path
    options: ServeOptions
    url: str
    here: str
    secret: str
    metrics: Path
    socket: int = -1
    loopback: int = -1
    number: int = 0
    workers: int = 1
    local: LocalServer | None = None

    def encoded(self) -> bytes:
        """Returns the line."""
        return msgspec.json.encode(self, enc_hook=str) + b"\n"


def read_order(line: bytes) -> Order:
    """Returns the order of a line that `encoded` returned."""
    return msgspec.json.decode(line, type=Order, dec_hook=_path)


def command(role: Role) -> list[str]:
    """Returns how a child is started, with its role for whoever lists processes. What is secret is not there."""
    return [sys.executable, "-m", "safeconduct.bootstrap.child", role]


def environment(metrics: Path) -> dict[str, str]:
    """Returns the environment of a child: this process's own, where its code is, and where workers count."""
    return {**settings.read().environment, SHARED: str(metrics), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _path(kind: type, value: object) -> Any:  # noqa: ANN401 - msgspec's signature
    return Path(str(value)) if issubclass(kind, Path) else value
