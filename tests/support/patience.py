"""Waiting for a state, never for a time: no test depends on how fast the machine is."""

import asyncio
import time

PATIENCE_S = 120
"""Far more than anything here takes; only a test that hangs reaches it."""

_LOOK_S = 0.01


def until(found, process=None, *, says=""):
    """Returns what `found` returns once that is true. Looks again and again; fails when `process` ended."""
    deadline = time.monotonic() + PATIENCE_S
    while not (seen := found()):
        assert process is None or process.poll() is None, f"it ended: {says}"
        assert time.monotonic() < deadline, f"never came: {says}"
        time.sleep(_LOOK_S)
    return seen


async def until_async(found, *, says=""):
    """The same on a loop that goes on meanwhile."""
    deadline = time.monotonic() + PATIENCE_S
    while not (seen := found()):
        assert time.monotonic() < deadline, f"never came: {says}"
        await asyncio.sleep(_LOOK_S)
    return seen
