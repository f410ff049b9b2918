"""Who carries out responses, in the one process that does what must be done once."""

from collections.abc import Callable
from functools import partial

from safeconduct import settings
from safeconduct.adapters.responses.carrying import PointCarrier
from safeconduct.adapters.responses.edl import ListProbe
from safeconduct.adapters.responses.file import FILE, make_points
from safeconduct.bootstrap.installation import Installation
from safeconduct.kernel.effects import Effect
from safeconduct.runtime.effects import EffectRunner
from safeconduct.soc.actions.keeping import CARRY_OUT, PREPARE, UNDO, VERIFY


def carry_responses(runner: EffectRunner, installation: Installation, lists: Callable[[], str]) -> None:
    """Names who carries out responses. `lists` returns where this server's lists are, as `ListProbe`."""
    secret = settings.read().secret_at
    probe = ListProbe(installation.writer, installation.entropy, lists)
    carrier = PointCarrier(
        installation.writer, partial(make_points, installation.data / FILE, secret, installation.clock)
    )

    async def look(effect: Effect) -> None:
        await (probe.carry_out(effect) if "list" in effect.body else carrier.look(effect))

    runner.on(PREPARE, carrier.prepare)
    runner.on(CARRY_OUT, carrier.carry_out)
    runner.on(VERIFY, look)
    runner.on(UNDO, carrier.undo)
