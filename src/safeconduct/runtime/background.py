"""Work that runs for as long as something else does."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Runs something in the background for as long as the block lasts. That it failed before is in the log at once."""
    task = asyncio.create_task(work)
    task.add_done_callback(_note)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _note(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("%s ended and does not go on until the next start", task.get_coro(), exc_info=error)
