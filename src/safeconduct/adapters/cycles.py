"""Python's search for reference cycles, put off while much is made that has none."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_waiting = 0


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Puts the search off, in all threads, until the last who asked for it is done. For a second at most.

    Thousands of maps that are alive together set off searches through everything the process holds, again and again: of
    reading telemetry that was a third of the cost.
    """
    global _waiting  # noqa: PLW0603 - the search is one for the whole process
    with _lock:
        searched = _waiting > 0 or gc.isenabled()
        _waiting += searched
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _waiting -= searched
            if searched and not _waiting:
                gc.enable()
