"""The entries of policies that both parties vote on, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import ApprovalId, PrincipalId
from safeconduct.kernel.ports import Collection, Projection, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesProposed:
    """A person puts new policies to the vote: exactly this text. `content` is what the votes are on."""

    approval: ApprovalId
    content: str
    text: str
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedPolicies:
    """What is put to the vote, for who votes."""

    approval: ApprovalId
    content: str
    text: str
    by: PrincipalId


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestProposal:
    """The approval that was last asked for the same content."""

    approval: ApprovalId


PROPOSALS = Collection("policy-proposals", ProposedPolicies)  # at the approval's id
LATEST_PROPOSALS = Collection("latest-policy-proposals", LatestProposal)  # at the content

PROPOSED = EventType("access.policies.proposed/1", PoliciesProposed)


def _proposed(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = PROPOSED.read(entry)
    proposal = ProposedPolicies(approval=event.approval, content=event.content, text=event.text, by=event.by)
    state.insert(PROPOSALS, event.approval, proposal)
    state.put(LATEST_PROPOSALS, event.content, LatestProposal(approval=event.approval))


PROJECTIONS: Mapping[str, Projection] = {PROPOSED.name: _proposed}
