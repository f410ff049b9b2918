"""Work beside other work: what became of it is not lost."""

import asyncio
import logging

import pytest

from safeconduct.runtime.background import beside
from support.patience import PATIENCE_S


async def fails():
    raise KeyError("an event")


async def lasts():
    await asyncio.Event().wait()


@pytest.mark.parametrize(("work", "told"), [(fails, 1), (lasts, 0)])
def test_work_that_fails_says_so_at_once_and_what_is_ended_does_not(work, told, caplog):
    async def main():
        async with asyncio.timeout(PATIENCE_S), beside(work()):
            for _ in range(3):
                await asyncio.sleep(0)
            return [one for one in caplog.records if one.levelno == logging.ERROR]

    noted = asyncio.run(main())
    assert len(noted) == told
    assert len([one for one in caplog.records if one.levelno == logging.ERROR]) == told
    assert all("fails" in one.getMessage() and one.exc_info for one in noted)
