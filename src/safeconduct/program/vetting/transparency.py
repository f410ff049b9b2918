"""What anybody may know of vetting: the criteria, and counts so coarse that nobody is found in them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from safeconduct.access.vetting import VettingRules
from safeconduct.kernel.instants import HOUR
from safeconduct.kernel.shares import quantile
from safeconduct.program.vetting.model import Case
from safeconduct.program.vetting.states import State

COUNT_MIN = 5
"""The smallest count that is told. In a program of tens of people a smaller one points at persons."""


def transparency(rules: VettingRules | None, cases: Sequence[Case]) -> dict[str, Any]:
    """Returns criteria, outcomes, denials by reason, times to a decision in hours, overdue, and appeals.

    A count below COUNT_MIN is None, and so is the next larger beside it if it alone could be worked out.
    """
    decided = [one for one in cases if one.decided_at is not None and one.submitted_at is not None]
    hours = sorted((one.decided_at - one.submitted_at) // HOUR for one in decided)  # type: ignore[operator]
    denied = Counter(one.reason for one in cases if one.approved is False)
    appeals, upheld = sum(one.appeals for one in cases), sum(one.upheld for one in cases)
    return {
        "criteria": rules,
        "smallest_count": COUNT_MIN,
        "applied": shown(len(cases)),
        "outcomes": suppressed(Counter(map(_outcome, cases))),
        "denied_by_reason": suppressed(denied),
        "hours_to_decision": {"median": _quantile(hours, 50), "p90": _quantile(hours, 90)},
        "overdue": shown(sum(one.overdue for one in cases)),
        "appeals": suppressed({"upheld": upheld, "not-upheld": appeals - upheld}),
    }


def shown(count: int) -> int | None:
    """Returns a count that may be told: none, or enough."""
    return count if count == 0 or count >= COUNT_MIN else None


def suppressed(counts: Mapping[str, int]) -> dict[str, int | None]:
    """Returns counts that add up to a known sum, with as many left out that none can be worked out from the others."""
    told = {name: shown(count) for name, count in sorted(counts.items())}
    hidden = [name for name, count in told.items() if count is None]
    if len(hidden) == 1:
        others = [(count, name) for name, count in told.items() if count]
        if others:
            told[min(others)[1]] = None
    return told


def _outcome(case: Case) -> str:
    if case.approved is not None:
        return "approved" if case.approved else "denied"
    return "withdrawn" if case.state is State.WITHDRAWN else "undecided"


def _quantile(values: Sequence[int], percent: int) -> int | None:
    """Returns the quantile by nearest rank; None for too few."""
    return quantile(values, percent) if len(values) >= COUNT_MIN else None


def told(document: Mapping[str, Any]) -> Iterable[str]:
    """Yields the lines of it for people. What is left out is told as fewer than the smallest count."""
    few = f"fewer than {document['smallest_count']}, or left out beside such"
    yield f"applied: {_said(document['applied'], few)}"
    for title in ("outcomes", "denied_by_reason", "appeals"):
        for name, count in document[title].items():
            yield f"{title.replace('_', ' ')}: {name or 'no reason'}: {_said(count, few)}"
    yield f"hours to decision, median: {_said(document['hours_to_decision']['median'], few)}"
    yield f"hours to decision, 90th percentile: {_said(document['hours_to_decision']['p90'], few)}"
    yield f"overdue: {_said(document['overdue'], few)}"


def _said(count: int | None, few: str) -> str:
    return few if count is None else str(count)
