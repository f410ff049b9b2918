"""What work costs, measured so that whatever else this process and this machine do is not in it."""

import time

RUNS = 5


def least_cpu_s(work):
    """Returns the CPU seconds that `work()` takes of this thread at least; a search for garbage is in some runs."""
    return min(_cpu_s(work) for _ in range(RUNS))


def _cpu_s(work):
    began = time.thread_time()
    work()
    return time.thread_time() - began
