"""Calls of workers that died are closed, once they were away for long enough, and no others."""

import pytest

from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME
from safeconduct.gateway.moves import End
from safeconduct.kernel.errors import UnavailableError
from safeconduct.runtime.abandoning import DEAD_S, Abandoner
from safeconduct.runtime.confirming import LOST_S, RELEASE_S
from support.calls import INTENT
from support.gateway_world import AGREEMENT, log_world


class Seen:
    """Who is there, as a test says, and when it is looked."""

    def __init__(self, *living):
        self.living = set(living)
        self.now = 0.0
        self.failing = False

    def __call__(self):
        if self.failing:
            raise UnavailableError("away")
        return self.living


def begun(world):
    return world.run(lambda tx: tx.append(AGREEMENT, CALL_INTENT.draft(INTENT))).value.id


def outcomes(world):
    return [CALL_OUTCOME.read(entry).end for entry in world.entries() if entry.type == CALL_OUTCOME.name]


def look(world, seen):
    made = Abandoner(world.writer, world.store.snapshot, seen, by="keeper", clock=lambda: seen.now)
    begun(world)
    return made


def test_who_is_there_or_was_away_for_a_moment_keeps_its_calls():
    with log_world() as world:
        seen = Seen("w")
        abandoner = look(world, seen)
        assert abandoner.look() == 0
        seen.living = set()
        assert abandoner.look() == 0
        seen.now = DEAD_S - 0.01
        assert abandoner.look() == 0
        seen.living = {"w"}
        seen.now = DEAD_S
        assert abandoner.look() == 0
        seen.living = set()
        assert abandoner.look() == 0
        assert outcomes(world) == []


def test_who_is_away_for_long_loses_them_once():
    with log_world() as world:
        seen = Seen()
        abandoner = look(world, seen)
        assert abandoner.look() == 0
        seen.now = DEAD_S
        assert abandoner.look() == 1
        assert abandoner.look() == 0
        assert outcomes(world) == [End.ABANDONED]


def test_nobody_counts_as_away_while_the_database_is():
    with log_world() as world:
        seen = Seen()
        abandoner = look(world, seen)
        abandoner.look()
        seen.failing, seen.now = True, DEAD_S
        with pytest.raises(UnavailableError):
            abandoner.look()
        seen.failing = False
        assert abandoner.look() == 0
        assert outcomes(world) == []


def test_a_worker_cuts_its_calls_before_others_close_them():
    assert LOST_S + RELEASE_S < DEAD_S
