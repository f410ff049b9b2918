"""Ports that a test comes back to: none that the kernel, or another process of the tests, gives to anybody else."""

import contextlib
import os
import random
import socket
from pathlib import Path

FIRST, LAST = 12_000, 65_535
GIVEN_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""The first and the last port that Linux gives to whoever asks for any; 32,768 to 60,999 unless it is told others."""

_drawn = random.SystemRandom()
_gone = set()  # what this process was told already


def lasting_port():
    """Returns a port on the loopback that nobody listens on, and that is given to nobody who doesn't name it.

    The processes that share the tests among them draw from ports of their own: one whose listener is away for a moment
    is nobody else's.
    """
    mine = _of_this_process(_outside_of(*map(int, GIVEN_OUT.read_text().split())))
    while True:
        port = _drawn.choice(mine)
        if port in _gone:
            continue
        _gone.add(port)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port


@contextlib.contextmanager
def silent_port():
    """Yields a port on the loopback that refuses every connection, and that is nobody else's as long."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def _outside_of(low, high):
    """Returns the ports below those that are given out, or above them: whichever are more. Without any, all."""
    return max(range(FIRST, low), range(high + 1, LAST + 1), key=len) or range(FIRST, LAST + 1)


def _of_this_process(ports):
    name, count = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    return ports[int(name.removeprefix("gw")) :: int(count)]
