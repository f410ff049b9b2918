"""What is due of grants: votes on those asked for, the end of those in force, and reviews of break-glass."""

from collections.abc import Iterator

from safeconduct.access import records as kept
from safeconduct.access.break_glass import reviews
from safeconduct.access.due import Due, organization_owner, principal_owner
from safeconduct.access.grant_events import GRANT_CASES
from safeconduct.access.grant_model import GrantCase, GrantState, Review
from safeconduct.access.model.grants import Grant
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
    yield from (_of_program(grant) for _, grant in records.scan(kept.GRANTS) if now < grant.window.closes_at)


def _of_review(review: Review, now: Instant) -> Iterator[Due]:
    what = f"{review.organization} opens no break-glass"
    for party in review.missing:
        yield Due(
            kind="break-glass-review",
            name=review.id,
            at=review.due_at,
            owner=organization_owner(party),
            consequence=what if review.overdue(now) else f"{what} from then on",
            look="safeconduct grant reviews",
        )


def _of_case(case: GrantCase) -> Due | None:
    match case.state:
        case GrantState.ASKED:
            return _due("grant-request", case, case.decide_by, "the request lapses")
        case GrantState.WAITING | GrantState.IN_FORCE:
            return _due("grant", case, case.draft.window.closes_at, _ENDS)
        case _:
            return None


def _due(kind: str, case: GrantCase, at: Instant, consequence: str) -> Due:
    owner, look = principal_owner(case.draft.principal), f"safeconduct grant show {case.id}"
    return Due(kind=kind, name=case.id, at=at, owner=owner, consequence=consequence, since=case.at, look=look)


def _of_program(grant: Grant) -> Due:
    return Due(
        kind="grant",
        name=grant.id,
        at=grant.window.closes_at,
        owner=principal_owner(grant.principal),
        consequence=_ENDS,
        since=grant.window.opens_at,
        look=f"safeconduct grant show {grant.id}",
    )


_ENDS = "it ends, and what runs under it is cut"
