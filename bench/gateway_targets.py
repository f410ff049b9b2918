"""What bench/gateway.py measures, as values: how a target is started, what to send it, whose CPU and memory it uses.

A peer is one more Target: a `start` that yields a Server of any process, with the heads its calls come with.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.gateway_texts import Texts, dense

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A process that listens on loopback, its children included in what it uses.

    `asks` are the path and the headers of calls, taken in rotation; `model` is what their bodies name, `texts` what
    they say.
    """

    pid: int
    port: int
    asks: Sequence[tuple[str, Mapping[str, str]]]
    model: str = "smollm2-135m"
    texts: Texts = dense

    def head(self, number: int, length: int) -> bytes:
        """Returns the head of a call's request, with a body of that many bytes."""
        path, headers = self.asks[number % len(self.asks)]
        lines = [f"POST {path} HTTP/1.1", "host: gateway", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, f"content-length: {length}", "", ""]).encode()

    def cpu_s(self) -> float:
        """Returns the CPU seconds, user and system, that it and its children have used, ended threads included."""
        fields = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in _tree(self.pid))
        return sum(sum(map(int, one[11:15])) for one in fields) / _TICKS

    def pin(self, core: int) -> None:
        """Keeps all its threads and children on one core."""
        for pid in _tree(self.pid):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {core})

    def rss_mb(self) -> float:
        """Returns the megabytes of memory that it and its children hold."""
        pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in _tree(self.pid))
        return sum(pages) * _PAGE_BYTES / 1e6


Start = Callable[[str, Path], AbstractContextManager[Server]]


@dataclass(frozen=True)
class Target:
    """Something that stands between a client and the upstream. `start` gets the upstream's base URL and a folder.

    A dense one is asked about the densest log there is, any other what analysts ask.
    """

    name: str
    start: Start
    is_dense: bool = False


def started(role: str, *arguments: str) -> AbstractContextManager[Server]:
    """Starts a role of gateway_servers.py; ends it with the block."""
    return child([sys.executable, "-m", "bench.gateway_servers", role, *arguments])


@contextlib.contextmanager
def child(command: Sequence[str]) -> Iterator[Server]:
    """Starts a program that says on its first line where it listens, and ends when its input does."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Server(process.pid, **json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)


BARE = Target("bare", lambda url, _folder: started("bare", url))
GOVERNED = Target("governed", lambda url, folder: started("governed", url, str(folder)))
DENSE = Target("dense", GOVERNED.start, is_dense=True)
MEMO_OFF = Target("memo-off", lambda url, folder: started("governed", url, str(folder), "memo"))
NO_BOUNDARY = Target("no-boundary", lambda url, folder: started("governed", url, str(folder), "boundary"))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for found in children.read_text().split():
            yield from _tree(int(found))
