"""What it means that a machine's clock is behind the log of its installation: docs/spec/log.md 3.8. Pure."""

from datetime import timedelta

from safeconduct.access.acts import ACT_AGE_MAX, ACT_AHEAD_MAX
from safeconduct.kernel.instants import SECOND, Duration, Instant, rfc3339

CLOCKS_APART_MAX = ACT_AHEAD_MAX
"""How far an installation's time and a machine's may differ unsaid: as far as a signed act may be ahead."""

REMEDY = "set the machine's clock; if it is right, a former one ran ahead: docs/operations.md, When a clock is wrong"


def told_behind(here: Instant, machine: Instant) -> str:
    """Returns what follows where an installation's time is ahead of the machine's; nothing within CLOCKS_APART_MAX."""
    ahead = Duration(here - machine)
    if ahead <= CLOCKS_APART_MAX:
        return ""
    acts = (
        f"acts signed by this machine's clock are refused as act-stale, for they look older than {_long(ACT_AGE_MAX)}"
        if ahead > ACT_AGE_MAX
        else f"acts signed by this machine's clock are still taken, for they look younger than {_long(ACT_AGE_MAX)}"
    )
    return (
        f"this machine's clock is {_long(ahead)} behind the log's last entry, of {rfc3339(here)}: "
        f"until it is there, time stands still, new entries bear that instant, "
        f"and no grant, token, vote or freeze begins or ends; {acts}"
    )


def _long(duration: Duration) -> str:
    """Returns whole seconds as hours, minutes and seconds, after days where there are any."""
    return str(timedelta(seconds=duration // SECOND))
