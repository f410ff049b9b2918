"""A folder in memory, for tests that write thousands of times and don't ask what a disk keeps."""

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory


@contextlib.contextmanager
def in_memory():
    """Yields an empty folder, in memory where the system has such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it has a name of its own
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
