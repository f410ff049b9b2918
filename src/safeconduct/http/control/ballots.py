"""Approvals and ballots, as every kind of approval shows and takes them."""

from typing import Annotated, Any, TypeAlias

import msgspec
from fastapi import Depends

from safeconduct import approvals
from safeconduct.http.control.declared import JSON
from safeconduct.http.control.frame import read
from safeconduct.http.control.signed import Signed, SignedBytes
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.instants import rfc3339


class Ballot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A vote: the digest of what is voted on, as it is shown, and the verdict. Signed by the request's act."""

    draft: str
    verdict: approvals.Verdict


class ReasonedBallot(Ballot, frozen=True, forbid_unknown_fields=True):
    """A vote that may say why; the reason is signed with it. On a held answer it must."""

    reason: str = ""


async def signed_reasoned_ballot(signed: SignedBytes) -> Signed[ReasonedBallot]:
    """Returns the act and the ballot, as `signed_ballot`, with its reason if there is one."""
    ballot = read(signed.body, ReasonedBallot)
    if approvals.ballot(ballot.draft, ballot.verdict, ballot.reason) != signed.body:
        text = "a ballot has one form: canonical JSON of draft, verdict and the reason, if any"
        raise RefusedError(text, code="ballot-malformed")
    return Signed(signed.act, signed.content, ballot)


async def signed_ballot(signed: SignedBytes) -> Signed[Ballot]:
    """Returns the act and the ballot, which has one form: what the voter signs.

    Raises:
        UnauthenticatedError, TooLargeError: as `signed_bytes`.
        InvalidInputError: it is none.
        RefusedError: `ballot-malformed`.
    """
    ballot = read(signed.body, Ballot)
    if approvals.ballot(ballot.draft, ballot.verdict) != signed.body:
        raise RefusedError("a ballot has one form: canonical JSON of draft and verdict", code="ballot-malformed")
    return Signed(signed.act, signed.content, ballot)


SignedReasonedBallot: TypeAlias = Annotated[Signed[ReasonedBallot], Depends(signed_reasoned_ballot), JSON]
SignedBallot: TypeAlias = Annotated[Signed[Ballot], Depends(signed_ballot), JSON]


def approval_document(approval: approvals.Approval) -> dict[str, Any]:
    """Returns what people are shown of an approval."""
    return {
        "id": approval.id,
        "draft": approval.digest,
        "state": approval.state,
        "groups": approval.proposal.groups,
        "votes": [_vote(cast) for cast in approval.votes],
        "expires_at": rfc3339(approval.proposal.expires_at),
    }


def proposal_document(approval: approvals.Approval) -> dict[str, Any]:
    """Returns what a voter needs to make the digest of the draft again, rather than to believe it."""
    proposal = approval.proposal
    return approval_document(approval) | {
        "origin": approval.origin,
        "kind": proposal.kind,
        "proposer": proposal.proposer,
        "recused": proposal.recused,
        "votes": [_vote(one) | {"entry": one.entry} for one in approval.votes],
    }


def _vote(cast: approvals.Vote) -> dict[str, Any]:
    return {"voter": cast.voter, "verdict": cast.verdict, **({"reason": cast.reason} if cast.reason else {})}
