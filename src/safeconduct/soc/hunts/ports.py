"""Who answers hunts. The contract that every engine is tested against."""

from typing import Protocol

from safeconduct.soc.hunts.model import Budget, Hunt, HuntResult, RuleHunt, RuleHuntResult


class HuntRunner(Protocol):
    """Answers hunts over an archive's events. It reads derived stores, changes nothing and authorizes nothing (R3).

    Every engine gives the same answer to the same hunt over the same events, `took` and `query` aside. An answer covers
    all events that were in the event index when the hunt was asked for.
    """

    def run(self, hunt: Hunt, budget: Budget) -> HuntResult:
        """Returns what the hunt found.

        Raises:
            LimitedError: it would cost more than its budget (`hunt-over-budget`).
            UnavailableError: the engine is not there or failed (`hunts-unavailable`).
        """
        ...

    def detect(self, hunt: RuleHunt, budget: Budget) -> RuleHuntResult:
        """Returns the alerts of rules over the events of a window.

        Raises:
            RuleError: a rule can't be used; none is run then.
            LimitedError, UnavailableError: as `run`; also where more events must be read than SUSPECTS_MAX.
        """
        ...
