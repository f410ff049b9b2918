"""Whether what allowed one call still does: by each new standing, and by time alone."""

import math
from typing import TYPE_CHECKING

from safeconduct.gateway.lasting import judged_by, lasts_until, refused_now
from safeconduct.gateway.moves import CutWhy
from safeconduct.gateway.prepared import Prepared
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.runtime.freeze import fallen

if TYPE_CHECKING:
    from safeconduct.access.standing import Standing
    from safeconduct.runtime.calls import Calls

SECOND = seconds(1)


class Allowed:
    """The permission of one call, as it was decided last. `replaced` tells that it was decided anew."""

    def __init__(self, calls: "Calls", prepared: Prepared) -> None:
        self._calls = calls
        self._prepared = prepared
        standing = calls.standing()
        now = calls.clock.now()
        self._lasts = lasts_until(standing, prepared, now)
        self.began_with_s = self._left_s(now)
        """The seconds that it had at first until time might end it."""
        self._judged: tuple[object, ...] | None = None  # by what it was allowed when that was last looked at
        # Until that is looked at: what it was decided on, if that is still there.
        self._decided_on = standing if standing.epoch == prepared.epoch else None

    def replaced(self, prepared: Prepared) -> None:
        """Takes the call as it was decided anew."""
        standing = self._calls.standing()
        self._prepared, self._judged = prepared, None
        self._decided_on = standing if standing.epoch == prepared.epoch else None

    def fallen(self, standing: "Standing") -> tuple[CutWhy, str] | None:
        """Returns why a standing no longer allows it, and the clause; None while it does."""
        prepared = self._prepared
        found = fallen(standing, prepared.facts, prepared.arrival.token)
        if found is not None:
            return found
        judged, before = judged_by(standing, prepared), self._judged
        if before is None and self._decided_on is not None:
            before = judged_by(self._decided_on, prepared)
        self._judged, self._decided_on = judged, None
        if judged == before:
            return None
        clause = self.refused_now(standing)
        return (CutWhy.REVOKED, clause) if clause else None

    def refused_now(self, standing: "Standing") -> str:
        """Returns the clause by which it would be refused now; empty while it would not."""
        now = self._calls.clock.now()
        self._lasts = lasts_until(standing, self._prepared, now)
        return refused_now(standing, self._prepared, now, self._calls.decide)

    def left_s(self) -> float:
        """Returns the seconds until time may end it."""
        return self._left_s(self._calls.clock.now())

    def _left_s(self, now: Instant) -> float:
        return math.inf if self._lasts is None else (self._lasts - now) / SECOND
