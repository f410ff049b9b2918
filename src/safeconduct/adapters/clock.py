"""The system's clock and entropy."""

import os
import time

from safeconduct.kernel.instants import Instant


class SystemClock:
    """`Clock` of the machine."""

    def now(self) -> Instant:
        return Instant(time.time_ns() // 1000)


def system_entropy(count: int) -> bytes:
    """Returns bytes of the operating system's generator."""
    return os.urandom(count)
