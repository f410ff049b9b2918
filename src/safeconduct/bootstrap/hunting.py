"""Asks scheduled hunts, in the one process that does, apart from all other effects: no response waits for a hunt."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from safeconduct.adapters.telemetry.archives import Archives
from safeconduct.bootstrap.installation import Installation
from safeconduct.gateway.events import OWN
from safeconduct.runtime.effects import EffectRunner
from safeconduct.runtime.hunting import HuntAsker
from safeconduct.soc.hunts.model import Budget, HuntResult
from safeconduct.soc.hunts.scheduled_events import HUNT_TIMER, RUN_HUNT, HuntDue
from safeconduct.soc.hunts.scheduling import take_due
from safeconduct.soc.hunts.written import read_kept


@contextlib.asynccontextmanager
async def hunting(installation: Installation) -> AsyncIterator[EffectRunner]:
    """Asks hunts that are due while the block lasts; yields the runner, to be woken."""
    writer, snapshot, clock = installation.writer, installation.snapshot, installation.clock
    asker = HuntAsker(writer, snapshot, clock, lambda due, budget: ask(installation.archives, due, budget))
    runner = EffectRunner(writer, snapshot, clock, quiet=OWN)
    runner.on(RUN_HUNT, asker.carry_out)
    runner.on_timer(HUNT_TIMER, take_due)
    async with runner:
        yield runner


def ask(archives: Archives, due: HuntDue, budget: Budget) -> HuntResult:
    """Asks a hunt as it was saved, of what arrived since its last answer.

    Raises:
        LimitedError, UnavailableError: as `HuntRunner.run`; also `hunt-changed`.
    """
    archive = archives.of(due.owner)
    question = read_kept(archive.telemetry.kept_aside(due.digest, "hunt"))
    return archive.hunts.run(replace(question.hunt(), since=due.since), budget)
