"""Votes on what a route lists with its approvals."""

from typing import Any

from safeconduct.approvals import Verdict, ballot
from safeconduct.cli.client import Client, place
from safeconduct.cli.named import with_approval
from safeconduct.kernel.errors import AbsentError


def vote_on(
    asking: Client, *under: str, approval_id: str, against: bool, unknown: AbsentError, reason: str = ""
) -> dict[str, Any]:
    """Votes on what the route `under` lists with this approval; returns the approval after the vote.

    Raises:
        SafeconductError: as `with_approval`, where the route lists none such; or the house refuses.
    """
    found = with_approval(asking.get(place(*under)), approval_id, unknown)["approval"]
    verdict = Verdict.REJECT if against else Verdict.APPROVE
    voted: dict[str, Any] = asking.post(place(*under, found["id"], "vote"), ballot(found["draft"], verdict, reason))
    return voted
