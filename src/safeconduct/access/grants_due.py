"""What is due of grants by request: votes on those asked for, the end of those in force, and reviews of break-glass."""

from collections.abc import Iterator

from safeconduct.access.break_glass import reviews
from safeconduct.access.due import Due
from safeconduct.access.grant_events import GRANT_CASES
from safeconduct.access.grant_model import GrantCase, GrantState, Review
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records


def due(records: Records, now: Instant) -> Iterator[Due]:
    """Yields what is open: a review by each party that has not voted, a request by its decision, a grant by its end."""
    for review in reviews(records):
        yield from _of_review(review, now)
    for _, case in records.scan(GRANT_CASES):
        found = _of_case(case)
        if found is not None:
            yield found


def _of_review(review: Review, now: Instant) -> Iterator[Due]:
    what = f"{review.organization} opens no break-glass"
    for party in review.missing:
        yield Due(
            kind="break-glass-review",
            name=review.id,
            at=review.due_at,
            owner=party,
            consequence=what if review.overdue(now) else f"{what} from then on",
        )


def _of_case(case: GrantCase) -> Due | None:
    match case.state:
        case GrantState.ASKED:
            return _of(case, "grant-request", case.decide_by, "the request lapses")
        case GrantState.WAITING | GrantState.IN_FORCE:
            return _of(case, "grant", case.draft.window.closes_at, "it ends, and what runs under it is cut")
        case _:
            return None


def _of(case: GrantCase, kind: str, at: Instant, consequence: str) -> Due:
    return Due(kind=kind, name=case.id, at=at, owner=case.draft.principal, consequence=consequence)
