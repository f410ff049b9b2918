"""Joins notices to the channels that the operator's file names, in the one process that sends them."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from safeconduct import settings
from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.notifiers.file import FILE, make_notifier, read_channels
from safeconduct.bootstrap.installation import Installation
from safeconduct.gateway.events import OWN
from safeconduct.kernel.notices import NOTICE
from safeconduct.runtime.background import beside
from safeconduct.runtime.effects import EffectRunner
from safeconduct.runtime.notifying import GATHER_S, RETRY_MAX_S, Carrier, Channel, look_out


def channels(data: Path) -> list[Channel]:
    """Returns the channels of a data folder's file, none where there is no file.

    Raises:
        InvalidInputError: the file, a secret or an address is not of its form.
    """
    secret, clock = settings.read().secret_at, SystemClock()
    return [
        Channel(name=name, notifier=make_notifier(name, one, secret, clock), owners=one.owners, kinds=one.kinds)
        for name, one in read_channels(data / FILE).items()
    ]


def described(data: Path) -> list[dict[str, Any]]:
    """Returns the channels as people are told them: nothing of where they lead. Raises as `channels`."""
    return [
        {"name": name, "kind": one.__struct_config__.tag, "for": one.owners, "kinds": one.kinds}
        for name, one in read_channels(data / FILE).items()
    ]


@contextlib.asynccontextmanager
async def notifying(installation: Installation) -> AsyncIterator[EffectRunner]:
    """Sends notices and looks at the calendar while the block lasts; yields the runner, to be woken."""
    writer, snapshot, clock = installation.writer, installation.snapshot, installation.clock
    carrier = Carrier(writer, snapshot, clock, lambda: channels(installation.data))
    runner = EffectRunner(writer, snapshot, clock, gather_s=GATHER_S, retry_max_s=RETRY_MAX_S, quiet=OWN)
    runner.on(NOTICE, carrier.carry_out)
    try:
        async with runner, beside(look_out(writer, snapshot, clock)):
            yield runner
    finally:
        carrier.close()
