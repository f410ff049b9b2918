"""Children are started again when they die, end when told to, and say why where they can't start."""

import asyncio
import os
import sys

import pytest

from safeconduct.kernel.errors import UnavailableError
from safeconduct.runtime import supervising
from safeconduct.runtime.supervising import DEATHS_MAX, Child, Task
from support.patience import PATIENCE_S

READY = "print('{}'); print('{\"ready\": true}', flush=True); "
WAITS = "sys.stdin.read()"


def child(code, order=b"go\n"):
    command = (sys.executable, "-c", f"import sys; sys.stdin.readline(); {code}")
    return Child(Task(name="a child", command=command, environment=dict(os.environ), order=lambda: order))


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(supervising, "RESTART_FIRST_S", 0.0)
    monkeypatch.setattr(supervising, "DEATHS_S", float(PATIENCE_S))  # however long a start of Python takes


def test_a_child_that_dies_is_started_again_and_ends_when_told_to():
    async def main():
        kept = child(READY + WAITS)
        await kept.start()
        first = kept.process
        task = asyncio.create_task(kept.keep())
        first.kill()
        while kept.process is first or kept.process.returncode is not None:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        await kept.end()
        await asyncio.wait_for(task, PATIENCE_S)
        assert first.returncode == -9
        assert kept.process.returncode == 0

    asyncio.run(main())


def test_one_that_dies_again_and_again_ends_all():
    async def main():
        kept = child(READY)
        await kept.start()
        with pytest.raises(UnavailableError, match=f"{DEATHS_MAX} times") as told:
            await asyncio.wait_for(kept.keep(), PATIENCE_S)
        assert told.value.code == "child-dies"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("""print('{"failed": {"code": "state-damaged", "message": "m", "remedy": "r"}}')""", "state-damaged"),
        ("""print('no json')""", "child-failed"),
        ("pass", "child-failed"),
    ],
)
def test_why_one_does_not_start_is_told(code, says):
    async def main():
        with pytest.raises(UnavailableError) as told:
            await child(code).start()
        assert told.value.code == says

    asyncio.run(main())


def test_one_that_stands_still_is_killed(monkeypatch):
    monkeypatch.setattr(supervising, "SILENT_S", 0.3)

    async def main():
        kept = child(READY + WAITS)
        await kept.start()
        first = kept.process
        task = asyncio.create_task(kept.keep())
        await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert first.returncode == -9
        kept.ending = True
        await kept.end()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
