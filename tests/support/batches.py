"""A writer over nothing, which keeps how many commands came together."""

import contextlib
import threading

from safeconduct.kernel.ports import Committed
from safeconduct.runtime.commands import CommandRunner, Result
from safeconduct.runtime.queued import QueuedWriter
from support.patience import PATIENCE_S


class _Batches(CommandRunner):
    def __init__(self):
        super().__init__(None)
        self.sizes = []

    def _run(self, commands):
        self.sizes.append(len(commands))
        return [Result(committed=Committed(command(None), ())) for command in commands]


class Opened(QueuedWriter):
    """Runs as long as its block. `sizes` are those of its batches, in order."""

    def __init__(self, **options):
        batches = _Batches()
        super().__init__(batches, **options)
        self.sizes = batches.sizes

    def __enter__(self):
        self._begin()
        return self

    def __exit__(self, *_error):
        self._end()

    def do(self, action):
        return self._between_batches(action)

    def end(self):
        self._end()


@contextlib.contextmanager
def held(writer):
    """Keeps the writer's thread busy with one command, so that what comes meanwhile waits."""
    began, go = threading.Event(), threading.Event()

    def command(_tx):
        began.set()
        assert go.wait(PATIENCE_S)

    future = writer.submit(command)
    assert began.wait(PATIENCE_S)
    try:
        yield
    finally:
        go.set()
        future.result(PATIENCE_S)


def values(futures):
    return [future.result(PATIENCE_S).value for future in futures]
