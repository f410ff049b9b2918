"""What the writer's thread takes at once: all that waits when it has time, in order, and no more than a batch holds."""

import threading

import pytest

from safeconduct.kernel.errors import LimitedError, UnavailableError
from safeconduct.runtime import queued
from safeconduct.runtime.queued import Job
from support.batches import Opened, held, values
from support.patience import PATIENCE_S


class Kept:
    """A delivery that keeps what came of which command."""

    def __init__(self):
        self.outcomes = []

    def deliver(self, outcomes):
        self.outcomes += [result.error or result.committed.value for _job, result in outcomes]


def submitted(writer, count):
    return [writer.submit(lambda _tx, number=number: number) for number in range(count)]


def test_one_command_waits_for_nobody():
    with Opened() as writer:
        assert values(submitted(writer, 1)) == [0]
    assert writer.sizes == [1]


def test_what_came_while_a_batch_ran_is_the_next_one():
    with Opened() as writer:
        with held(writer):
            futures = submitted(writer, 5)
        assert values(futures) == [0, 1, 2, 3, 4]
    assert writer.sizes == [1, 5]


def test_a_batch_holds_no_more_than_its_most():
    with Opened(batch_max=2) as writer:
        with held(writer):
            futures = submitted(writer, 5)
        assert values(futures) == [0, 1, 2, 3, 4]
    assert writer.sizes == [1, 2, 2, 1]


def test_what_runs_between_batches_runs_within_none():
    seen = []
    with Opened() as writer:
        with held(writer):
            asking = threading.Thread(target=lambda: seen.append(writer.do(lambda: list(writer.sizes))))
            asking.start()
            futures = submitted(writer, 2)
            assert seen == []
        asking.join(PATIENCE_S)
        assert values(futures) == [0, 1]
    assert [sizes[:1] for sizes in seen] == [[1]]


def test_the_end_runs_what_waits():
    with Opened() as writer, held(writer):
        futures = submitted(writer, 2)
        ending = threading.Thread(target=writer.end)
        ending.start()
    ending.join(PATIENCE_S)
    assert values(futures) == [0, 1]


@pytest.mark.parametrize("count", [3, 4])
def test_what_there_is_no_room_for_is_told_at_once_and_the_rest_runs(monkeypatch, count):
    monkeypatch.setattr(queued, "QUEUE_MAX", 3)
    kept = Kept()
    with Opened() as writer, held(writer):
        writer.enqueue([Job(lambda _tx, number=number: number, None, kept) for number in range(count)])
        refused = kept.outcomes[:]
    assert [one.code for one in refused] == ["writer-busy"] * (count - 3)
    assert all(isinstance(one, LimitedError) for one in refused)
    assert kept.outcomes[len(refused) :] == [0, 1, 2]


def test_a_writer_that_ended_takes_nothing():
    kept = Kept()
    with Opened() as writer:
        pass
    writer.enqueue([Job(lambda _tx: 1, None, kept)] * 2)
    assert [(type(one), one.code) for one in kept.outcomes] == [(UnavailableError, "writer-closed")] * 2
