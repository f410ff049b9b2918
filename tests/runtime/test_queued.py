"""When the writer's thread begins a batch: all that is expected is here, or the first command waited long enough."""

import pytest

from safeconduct.kernel.ports import Committed
from safeconduct.runtime import queued
from safeconduct.runtime.commands import CommandRunner, Result
from safeconduct.runtime.queued import QueuedWriter
from support.patience import PATIENCE_S

FOREVER_S = 10 * PATIENCE_S


class Batches(CommandRunner):
    """Runs commands on nothing and keeps how many came together."""

    def __init__(self):
        super().__init__(None)
        self.sizes = []

    def _run(self, commands):
        self.sizes.append(len(commands))
        return [Result(committed=Committed(command(None), ())) for command in commands]


class Opened(QueuedWriter):
    def __enter__(self):
        self._begin()
        return self

    def __exit__(self, *_error):
        self._end()

    def do(self, action):
        return self._between_batches(action)


def submitted(writer, count):
    return [writer.submit(lambda _tx, number=number: number) for number in range(count)]


def values(futures):
    return [future.result(PATIENCE_S).value for future in futures]


@pytest.fixture
def batches():
    return Batches()


def test_a_batch_begins_with_the_last_command_that_is_expected(monkeypatch, batches):
    monkeypatch.setattr(queued, "LINGER_S", FOREVER_S)
    with Opened(batches, expected=lambda: 5) as writer:
        early = submitted(writer, 4)
        assert values(early + submitted(writer, 1)) == [0, 1, 2, 3, 0]
    assert batches.sizes == [5]


def test_a_command_that_comes_when_fewer_are_expected_ends_the_waiting(monkeypatch, batches):
    monkeypatch.setattr(queued, "LINGER_S", FOREVER_S)
    expected = 9
    with Opened(batches, expected=lambda: expected) as writer:
        early = submitted(writer, 2)
        expected = 3
        assert values(early + submitted(writer, 1)) == [0, 1, 0]
    assert batches.sizes == [3]


def test_whoever_is_expected_and_does_not_come_is_waited_for_no_longer_than_that(monkeypatch, batches):
    monkeypatch.setattr(queued, "LINGER_S", 0.001)
    with Opened(batches, expected=lambda: 9) as writer:
        assert values(submitted(writer, 2)) == [0, 1]
    assert sum(batches.sizes) == 2


def test_a_full_batch_waits_for_nobody(monkeypatch, batches):
    monkeypatch.setattr(queued, "LINGER_S", FOREVER_S)
    with Opened(batches, expected=lambda: 9, batch_max=2) as writer:
        assert values(submitted(writer, 4)) == [0, 1, 2, 3]
    assert batches.sizes == [2, 2]


@pytest.mark.parametrize("waiting", [0, 2])
def test_what_runs_between_batches_ends_the_waiting(monkeypatch, batches, waiting):
    monkeypatch.setattr(queued, "LINGER_S", FOREVER_S)
    with Opened(batches, expected=lambda: 9) as writer:
        futures = submitted(writer, waiting)
        assert writer.do(lambda: list(batches.sizes)) == []
        assert values(futures) == [*range(waiting)]


def test_the_end_ends_the_waiting_and_runs_what_waits(monkeypatch, batches):
    monkeypatch.setattr(queued, "LINGER_S", FOREVER_S)
    with Opened(batches, expected=lambda: 9) as writer:
        futures = submitted(writer, 2)
    assert values(futures) == [0, 1]
    assert batches.sizes == [2]
