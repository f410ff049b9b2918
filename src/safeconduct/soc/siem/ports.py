"""What a SIEM does for us. The contract that each connector and its stand-in are tested against."""

from typing import Protocol

from safeconduct.kernel.instants import Instant
from safeconduct.soc.siem.model import Alerted, Found, Search, Telling


class Siem(Protocol):
    """One SIEM. Every method asks it afresh and takes as long as it takes; none is called on an event loop.

    All raise UnavailableError where it can't answer: `siem-busy` now, `siem-refused` until somebody changes something,
    `siem-garbled` where it said what its API does not.
    """

    def search(self, search: Search) -> Found:
        """Returns the rows of a search: `limit` at most, and whether there were no more."""
        ...

    def alerts(self, since: Instant, limit: int) -> Alerted:
        """Returns the alerts that were made or changed at or after an instant: `limit` at most."""
        ...

    def tell(self, telling: Telling) -> bool:
        """Makes an alert bear the judgment and the comment; tells whether it did not before.

        Idempotent by the telling's mark: what was told once is not told again, however often it is asked for.

        Raises:
            AbsentError: there is no such alert (`siem-alert-unknown`).
        """
        ...
