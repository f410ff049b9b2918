"""Ports that a test comes back to: none that the kernel would meanwhile give to whoever asks for any."""

import random
import socket

FIRST, LAST = 12_000, 32_000
"""Below those that Linux gives out by itself, which begin at 32,768."""

_drawn = random.SystemRandom()


def lasting_port():
    """Returns a port on the loopback that nobody listens on, and that is given to nobody who doesn't name it."""
    while True:
        port = _drawn.randrange(FIRST, LAST)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
