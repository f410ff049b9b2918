"""What waits for votes, of every kind: each organization that is to vote owes an answer before asking is over."""

from collections.abc import Iterator, Mapping

from safeconduct.access.due import Due, organization_owner
from safeconduct.approvals import Approval, State
from safeconduct.approvals.events import APPROVALS
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records

LOOK: Mapping[str, str] = {
    "grant": "safeconduct grant list --all",
    "break-glass": "safeconduct grant list --all",
    "call": "safeconduct call held",
    "opening": "safeconduct log openings",
    "policy": "safeconduct policy proposals",
    "response": "safeconduct action list",
}
"""The command that lists what waits, by the kind of proposal."""


def due(records: Records, now: Instant) -> Iterator[Due]:
    """Yields an answer of each organization with a group in a proposal that is open."""
    for _, approval in records.scan(APPROVALS):
        if approval.state is State.PROPOSED and now < approval.proposal.expires_at:
            yield from _answers(approval)


def _answers(approval: Approval) -> Iterator[Due]:
    proposal = approval.proposal
    for organization in dict.fromkeys(group.organization for group in proposal.groups):
        yield Due(
            kind=f"approval-{proposal.kind}",
            name=approval.id,
            at=proposal.expires_at,
            owner=organization_owner(organization),
            consequence="what was asked for does not happen",
            asked=True,
            look=LOOK.get(proposal.kind, "safeconduct calendar"),
        )
