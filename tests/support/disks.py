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
    """A file's content as the running system sees it, and as the disk holds it."""

    live: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


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
            content = self.live[path].live
            content.extend(bytes(max(0, step.offset - len(content))))
            content[step.offset : step.offset + len(step.data)] = step.data
        elif step.op == "t":
            content = self.live[path].live
            del content[step.offset :]
            content.extend(bytes(step.offset - len(content)))
        elif step.op == "r":
            self.live[step.data.decode()] = self.live.pop(path)
        elif step.op == "u":
            del self.live[path]
        elif path in self.live:  # a file is synced, and with it the name of a new one
            self.live[path].durable = bytes(self.live[path].live)
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


def recorded(library: Path, work: Path, journal: Path, script: Path, *arguments: str) -> list[Step]:
    """Runs a Python script over the folder `work` and returns what it did to the files there."""
    environment = os.environ | {
        "LD_PRELOAD": str(library),
        "JOURNAL_FILE": str(journal),
        "JOURNAL_WATCH": f"{work}/",
        "PYTHONPATH": str(HERE.parent),
    }
    subprocess.run([sys.executable, script, work, *arguments], check=True, env=environment, timeout=120)
    return list(_steps(journal.read_bytes(), f"{work}/"))


def _steps(raw: bytes, prefix: str):
    at = 0
    while at < len(raw):
        op, path_length, offset, length = _HEADER.unpack_from(raw, at)
        at += _HEADER.size
        path, data = raw[at : at + path_length].decode(), raw[at + path_length : at + path_length + length]
        at += path_length + length
        data = data.decode().removeprefix(prefix).encode() if op == b"r" else data
        yield Step(op.decode(), path.removeprefix(prefix), offset, data)
