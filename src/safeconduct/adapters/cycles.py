"""Python's search for reference cycles, narrowed while much is made that has none."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NEVER = 2**31 - 1
"""A count of younger searches that none reaches."""

_lock = threading.Lock()
_asking = 0
_former = gc.get_threshold()


@contextmanager
def no_full_search_for_cycles() -> Iterator[None]:
    """Leaves what has lived long out of the search, in all threads, until the last who asked for it is done.

    Cycles of young objects are found as ever. Thousands of maps that are alive together set off searches through all
    the process holds, rules above all, again and again: a quarter of what it costs to read telemetry and detect on it.
    """
    global _asking, _former  # noqa: PLW0603 - the search is one for the whole process
    with _lock:
        if not _asking:
            _former = gc.get_threshold()
            gc.set_threshold(*_former[:2], NEVER)
        _asking += 1
    try:
        yield
    finally:
        with _lock:
            _asking -= 1
            if not _asking:
                gc.set_threshold(*_former)
