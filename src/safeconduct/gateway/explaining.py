"""Why a call ended as it did, from its entries alone: what was asked, what decided, and what would make it pass."""

from typing import Any

from safeconduct.gateway.errors import cut_error
from safeconduct.gateway.events import CALL_INTENT, CALL_REFUSED, CallEnded, CallIntended, CallRefused
from safeconduct.gateway.moves import CutWhy, End
from safeconduct.gateway.remedies import remedy_of
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import RefusedError
from safeconduct.policy import PolicySet

_ASKED = ("principal", "organization", "path", "path_digest", "purpose", "model", "request_sha256", "request_bytes")
DECIDING_STEP = 6


def explanation(entry: Entry, ended: CallEnded | None, policies: PolicySet | None) -> dict[str, Any]:
    """Returns the explanation of a call by its first entry, how it ended, and the policies that it was judged by.

    `policies` is None where their text is not known any more.
    """
    event = CALL_REFUSED.read(entry) if entry.type == CALL_REFUSED.name else CALL_INTENT.read(entry)
    decided = _refusal(event) if isinstance(event, CallRefused) else _intent(event) | _end(ended)
    texts = policies.texts() if policies is not None else {}
    return {
        "call": entry.id,
        "asked": {name: entry.body.get(name) for name in _ASKED},
        **decided,
        "determining": [{"policy": one, "text": texts.get(one)} for one in event.determining],
        "policy_digest": event.policy_digest,
        "appeal": f"/calls/{entry.id}/appeal",
        "proof": f"/calls/{entry.id}/proof",
    }


def _refusal(event: CallRefused) -> dict[str, Any]:
    against = [dict(zip(("code", "clause"), one.split(" ", 1), strict=True)) for one in event.against]
    return {
        "effect": "refused",
        "step": event.step,
        "code": event.code,
        "clause": event.clause,
        "against": against or [{"code": event.code, "clause": event.clause}],
        "remedy": event.remedy,
    }


def _intent(event: CallIntended) -> dict[str, Any]:
    grant = f"grant:{event.grant}"
    return {"effect": "allowed", "step": DECIDING_STEP, "code": "", "clause": grant, "against": [], "remedy": ""}


def _end(ended: CallEnded | None) -> dict[str, Any]:
    """What became of an allowed call. Where it did not complete, that is what is held against it."""
    if ended is None or ended.end is End.COMPLETED:
        return {"end": ended.end if ended else "running"}
    told = {"end": ended.end, "code": ended.why, "against": [{"code": ended.why, "clause": ended.clause}]}
    if ended.clause:
        told["clause"] = ended.clause
    if ended.end is End.CUT:
        return told | {"remedy": remedy_of(cut_error(CutWhy(ended.why), ended.clause))}
    return told | {"remedy": remedy_of(RefusedError("it did not complete", code=ended.why))}
