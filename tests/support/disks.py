"""Disks as a crash would leave them, rebuilt step by step from a journal of what a process did to its files."""

import os
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_HEADER = struct.Struct("=cIQQ")


@dataclass
class Inode:
    """A file's content as the running system sees it, and as the disk holds it.

    `unsynced` are the writes between the two. A sync that fails drops them: the system takes them for written, and no
    later sync brings them to the disk.
    """

    live: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    unsynced: list[tuple[int, bytes | None]] = field(default_factory=list)

    def change(self, offset: int, data: bytes | None) -> None:
        """Writes, or without data cuts or fills to a length."""
        _patch(self.live, offset, data)
        self.unsynced.append((offset, data))

    def sync(self) -> None:
        durable = bytearray(self.durable)
        for offset, data in self.unsynced:
            _patch(durable, offset, data)
        self.durable, self.unsynced = bytes(durable), []

    def fail_to_sync(self) -> None:
        self.unsynced = [(offset, data) for offset, data in self.unsynced if data is None]


def _patch(content: bytearray, offset: int, data: bytes | None) -> None:
    content.extend(bytes(max(0, offset - len(content))))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data


@dataclass(frozen=True)
class Step:
    op: str
    path: str
    offset: int
    data: bytes


class Disk:
    """Files by name: `live` names and contents, and those that a power loss can't take back any more."""

    def __init__(self, folder: Path) -> None:
        self.live: dict[str, Inode] = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                self.live[str(path.relative_to(folder))] = Inode(bytearray(content), content)
        self.durable = dict(self.live)

    def apply(self, step: Step) -> None:
        path = step.path
        if step.op == "c":
            self.live[path] = Inode()
        elif step.op == "w":
            self.live[path].change(step.offset, step.data)
        elif step.op == "t":
            self.live[path].change(step.offset, None)
        elif step.op == "r":
            self.live[step.data.decode()] = self.live.pop(path)
        elif step.op == "u":
            del self.live[path]
        else:
            self._sync(step)

    def _sync(self, step: Step) -> None:
        path = step.path
        if step.op == "f":
            if path in self.live:
                self.live[path].fail_to_sync()
        elif path in self.live:  # a file is synced, and with it the name of a new one
            self.live[path].sync()
            self.durable.setdefault(path, self.live[path])
        else:  # a folder is synced: its names are
            inside = {name for name in {*self.live, *self.durable} if str(Path(name).parent) == (path or ".")}
            for name in inside:
                self.durable.pop(name, None)
                if name in self.live:
                    self.durable[name] = self.live[name]

    def image(self, how: str) -> dict[str, bytes]:
        """Returns the files as they are after a `kill`, or a `power` loss; `names` is a power loss that keeps names
        and drops contents only."""
        names = self.durable if how == "power" else self.live
        return {name: bytes(inode.live) if how == "kill" else inode.durable for name, inode in names.items()}


def write_image(folder: Path, image: dict[str, bytes]) -> None:
    """Writes an image's files into an empty folder."""
    for name, content in image.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def shim(folder: Path) -> Path:
    """Compiles the journal shim; skips without a compiler, except where `CI` says that all must run."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        message = "needs a C compiler (apt-get install gcc libc6-dev)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    library = folder / "journal.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, HERE / "journal.c", "-ldl", "-lpthread"], check=True
    )
    return library


def run_with(library: Path, script: Path, *arguments: object, **environment: str) -> None:
    """Runs a Python script with the shim."""
    given = os.environ | {"LD_PRELOAD": str(library), "PYTHONPATH": os.pathsep.join([str(HERE.parent), *sys.path])}
    command = [sys.executable, script, *map(str, arguments)]
    subprocess.run(command, check=True, env=given | environment, timeout=300)


def recorded(library: Path, work: Path, journal: Path, script: Path, *arguments: str) -> list[Step]:
    """Runs a Python script over the folder `work` and returns what it did to the files there."""
    watching = {"JOURNAL_FILE": str(journal), "JOURNAL_WATCH": f"{work}/"}
    run_with(library, script, work, *arguments, **watching)
    return list(steps_of(journal.read_bytes(), f"{work}/"))


def steps_of(raw: bytes, prefix: str):
    """Yields the steps of a journal; paths are below the prefix."""
    at = 0
    while at < len(raw):
        op, path_length, offset, length = _HEADER.unpack_from(raw, at)
        at += _HEADER.size
        path, data = raw[at : at + path_length].decode(), raw[at + path_length : at + path_length + length]
        at += path_length + length
        data = data.decode().removeprefix(prefix).encode() if op == b"r" else data
        yield Step(op.decode(), path.removeprefix(prefix), offset, data)
