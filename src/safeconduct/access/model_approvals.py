"""Models that need an approval: asked for by either party, in force with both, withdrawn at once by either."""

from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.approval_events import REQUESTED, WITHDRAWN, ModelApprovalRequested, ModelApprovalWithdrawn
from safeconduct.access.cosigning import witness_of
from safeconduct.access.freezes import pending
from safeconduct.access.model.changes import ModelUse, RequestKind
from safeconduct.access.reasons import check_reason
from safeconduct.kernel.errors import AbsentError, ConflictError
from safeconduct.kernel.ids import EntryId, PathId
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct


def request_approval(
    tx: Transaction, signed: SignedAct, path: PathId, model: str, reason: str, *, operation: str, content: str
) -> EntryId:
    """Requests that a model's version be used on a path. It may be when the partner's witness cosigned the request.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; `no-witness`.
        InvalidInputError: `reason-missing`.
        AbsentError: `path-unknown`, `model-unknown`.
        ConflictError: `approval-not-needed`, `model-approved`, `approval-pending`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.APPROVE_MODEL
    )
    check_reason(reason, "the approval of a model")
    use = _use(tx, path, model)
    _check_open(tx, use)
    agreement = kept.require_agreement(tx)
    event = ModelApprovalRequested(
        use=use, by=signer.id, reason=reason, agreement_origin=agreement.origin, witness=witness_of(agreement)
    )
    return tx.append(agreement.origin, REQUESTED.draft(event, act=signed.envelope())).id


def withdraw_approval(
    tx: Transaction, signed: SignedAct, path: PathId, model: str, reason: str, *, operation: str, content: str
) -> ModelUse:
    """Withdraws an approval, in this transaction. Waits for nothing.

    `model` is its name or the version that was approved: that is withdrawn too when the path has another by now.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not.
        InvalidInputError: `reason-missing`.
        AbsentError: `approval-unknown`.
    """
    signer = authenticate_act(
        tx, signed, operation=operation, expected_content=content, capability=Capability.WITHDRAW_MODEL
    )
    check_reason(reason, "the withdrawal of an approval")
    approved = [one for _, one in tx.scan(kept.MODEL_APPROVALS, f"{path}/")]
    use = next((one for one in approved if model in (one.version, one.model)), None)
    if use is None:
        raise AbsentError(f"no approval of {model[:128]!r} on path {path} is in force", code="approval-unknown")
    event = ModelApprovalWithdrawn(use=use, by=signer.id, reason=reason)
    tx.append(kept.require_agreement(tx).origin, WITHDRAWN.draft(event, act=signed.envelope()))
    return use


def _use(records: Records, path_id: PathId, name: str) -> ModelUse:
    path = records.get(kept.PATHS, path_id)
    if path is None:
        raise AbsentError(f"no path {path_id!r} is in force", code="path-unknown")
    model = next((one for one in path.catalogue if name in one.names), None)
    if model is None:
        known = ", ".join(path.models)
        raise AbsentError(f"path {path_id} has no model {name[:128]!r}; there is {known}", code="model-unknown")
    if not model.approval:
        raise ConflictError(f"model {model.name} needs no approval on path {path_id}", code="approval-not-needed")
    return ModelUse(path=path_id, model=model.name, version=model.version)


def _check_open(records: Records, use: ModelUse) -> None:
    if records.get(kept.MODEL_APPROVALS, use.key) is not None:
        raise ConflictError(f"{use.version} is approved on path {use.path}", code="model-approved")
    waiting = next((one for one in pending(records, RequestKind.MODEL_APPROVAL) if one.use == use), None)
    if waiting is not None:
        raise ConflictError(
            f"request {waiting.request} to approve it waits for {waiting.witness.name}", code="approval-pending"
        )
