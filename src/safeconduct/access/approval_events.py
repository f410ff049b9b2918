"""The entries of approved models, and what they leave in the records."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import record_act
from safeconduct.access.model.agreements import Witness
from safeconduct.access.model.changes import ModelUse, Pending, RequestKind
from safeconduct.access.records import MODEL_APPROVALS
from safeconduct.access.waiting import wait
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import Origin, PrincipalId
from safeconduct.kernel.ports import Projection, State
from safeconduct.ledger.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelApprovalRequested:
    """A person asks that one version of a model be used on a path. It may be once `witness` has cosigned this."""

    use: ModelUse
    by: PrincipalId
    reason: str
    agreement_origin: Origin
    witness: Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelApprovalWithdrawn:
    """A version of a model is not used on a path any more; running calls of it are cut."""

    use: ModelUse
    by: PrincipalId
    reason: str


REQUESTED = EventType("access.model-approval.requested/1", ModelApprovalRequested)
WITHDRAWN = EventType("access.model-approval.withdrawn/1", ModelApprovalWithdrawn)


def _requested(state: State, entry: Entry) -> None:
    record_act(state, entry)
    event = REQUESTED.read(entry)
    pending = Pending(
        request=entry.id,
        kind=RequestKind.MODEL_APPROVAL,
        origin=entry.origin,
        witness=event.witness,
        by=event.by,
        at=entry.at,
        agreement_origin=event.agreement_origin,
        use=event.use,
    )
    wait(state, entry, pending)


def _withdrawn(state: State, entry: Entry) -> None:
    record_act(state, entry)
    state.delete(MODEL_APPROVALS, WITHDRAWN.read(entry).use.key)


PROJECTIONS: Mapping[str, Projection] = {REQUESTED.name: _requested, WITHDRAWN.name: _withdrawn}
