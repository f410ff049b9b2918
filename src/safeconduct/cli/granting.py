"""What commands about grants read from their options, and what a voter signs: the digest of what was shown."""

import hashlib
from typing import Any

from safeconduct.adapters.clock import SystemClock
from safeconduct.approvals import Group, Proposal
from safeconduct.approvals.model import draft_digest
from safeconduct.kernel.errors import ConflictError, InvalidInputError
from safeconduct.kernel.ids import ApprovalId, OrganizationId, Origin, PrincipalId
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339, seconds


def lasting(begins: str, until: str, hours: float) -> dict[str, str]:
    """Returns the window that options state.

    Raises:
        InvalidInputError: not exactly one of `until` and `hours`, or a time that is none.
    """
    if bool(until) == (hours > 0):
        raise InvalidInputError("a grant ends: expected one of --hours and --until", code="window-missing")
    if until:
        return {"from": begins, "until": until}
    start = parse_rfc3339(begins) if begins else SystemClock().now()
    # Both instants are stated, so that exactly the hours are asked for however long the request is under way.
    return {"from": rfc3339(start), "until": rfc3339(Instant(start + seconds(hours * 3600)))}


def stated(purpose: str, scope: str, tier: int | None, budget: str, conditions: list[str]) -> dict[str, Any]:
    """Returns the rest of what is asked for.

    Raises:
        InvalidInputError: a budget or a condition is not of its form.
    """
    asked: dict[str, Any] = {"purpose": purpose, "scope": scope, "tier": tier, "budget": _budget(budget)}
    pairs = [one.partition("=") for one in conditions]
    if not all(name and mark for name, mark, _ in pairs):
        raise InvalidInputError("a condition has the form NAME=VALUE", code="condition-invalid")
    return asked | {"conditions": {name: value for name, _, value in pairs}}


def _budget(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    tokens, _, period = text.partition("/")
    if not tokens.isdecimal() or period not in ("hour", "day", "month", "window"):
        raise InvalidInputError(f"expected TOKENS/PERIOD such as 100000/day, got {text!r}", code="budget-invalid")
    return {"per": period, "tokens": int(tokens)}


def shown_draft(case: dict[str, Any]) -> str:
    """Returns the digest to sign, made here of the text that is shown: a server that shows another is found out.

    Raises:
        ConflictError: `draft-changed`: what is shown is not what would be voted on; `grant-STATE`: nobody votes on it.
    """
    approval = case.get("approval")
    if approval is None:
        raise ConflictError(f"nobody votes on grant {case['id']}", code=f"grant-{case.get('state', 'program')}")
    proposal = Proposal(
        kind=approval["kind"],
        content=hashlib.sha256(case["text"].encode()).hexdigest(),
        proposer=PrincipalId(approval["proposer"]),
        groups=tuple(
            Group(organization=OrganizationId(one["organization"]), role=one["role"], count=one["count"])
            for one in approval["groups"]
        ),
        expires_at=parse_rfc3339(approval["expires_at"]),
        recused=tuple(approval["recused"]),
    )
    made = draft_digest(ApprovalId(approval["id"]), Origin(approval["origin"]), proposal)
    if made != approval["draft"]:
        raise ConflictError(
            "the text that the server shows is not what it has put to the vote",
            code="draft-changed",
            remedy="do not vote; tell the other party",
        )
    return made
