"""What vetting asks of others. The gateway answers, without either knowing the other; bootstrap joins them."""

from typing import Protocol

from safeconduct.access.admissions import ProbedCall
from safeconduct.kernel.ids import EntryId


class Probes(Protocol):
    """What the log says of calls. Safe from any thread."""

    def probed(self, call: EntryId) -> ProbedCall:
        """Returns who made a call, on which version of which path, for what, and whether a whole answer came back.

        From the log's entries alone, never from what a caller says. A call that still runs was not answered.

        Raises:
            AbsentError: `call-unknown`: no such call is in the log.
        """
        ...
