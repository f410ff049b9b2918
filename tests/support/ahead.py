"""A clock that is some days ahead: of this process, of those started meanwhile, and of their children."""

import contextlib

import pytest

from safeconduct.adapters.clock import SystemClock
from safeconduct.kernel.instants import DAY, Instant

_AHEAD = """
from support.ahead import put_ahead

put_ahead({days}, setattr)
"""


@contextlib.contextmanager
def days_ahead(folder, days):
    """Has it so many days later until the block ends. Processes that run already stay as they are."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_AHEAD.format(days=days))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        put_ahead(days, patch.setattr)
        yield


def put_ahead(days, put):
    """Puts the clock of this process ahead by `put`, which is as `setattr`."""
    now = SystemClock.now
    put(SystemClock, "now", lambda self: Instant(now(self) + days * DAY))
