"""`safeconduct siem alerts --follow`: a SIEM's alerts as they come, until it is interrupted."""

import time
from collections.abc import Callable
from typing import Any

from safeconduct.kernel.errors import LimitedError, UnavailableError

EVERY_S_MIN = 10
"""Seconds between two pulls at least: six a minute are more than any SIEM makes alerts of its own rules."""

EVERY_S_MAX = 3_600
"""Seconds between two pulls at most: who looks more rarely has no use for a process that waits."""

EVERY_S = 120
"""Seconds between two pulls where nothing is said: half of the questions that a SIEM answers in an hour by default."""


Pull = Callable[[], dict[str, Any]]
"""Takes alerts in once, and returns what the control API answers."""

Show = Callable[[dict[str, Any]], None]


def follow(
    pull: Pull,
    show: Show,
    say: Callable[[str], None],
    every_s: int,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Pulls again and again, at once where there was more than one pull brings, until it is interrupted.

    Shows what brought something. A SIEM or a server that does not answer now, or whose questions for this hour are used
    up, is asked again later: the next pull goes on from the last alert taken, so nothing is passed over.

    Raises:
        SafeconductError: the pull will fail until somebody changes something.
    """
    try:
        while True:
            if not _pulled(pull, show, say):
                wait(every_s)
    except KeyboardInterrupt:
        return


def _pulled(
    pull: Callable[[], dict[str, Any]], show: Callable[[dict[str, Any]], None], say: Callable[[str], None]
) -> bool:
    """Tells whether there is more to pull at once."""
    try:
        found = pull()
    except (UnavailableError, LimitedError) as error:
        say(f"{error.code}: {error.message}; asked again")
        return False
    fresh = bool(found["file"]["new"])
    if fresh or found["file"]["dead"]:
        show(found)
    return fresh and not found["complete"]
