"""What a caller may know of its call afterwards: the entries in their places, each with proof and checkpoint."""

import base64
from typing import Any

from safeconduct.access.model import Principal
from safeconduct.gateway.events import CALL_INTENT, CALL_REFUSED, ENDED_CALLS
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import CallId, is_ulid
from safeconduct.ledger.reader import LogReader
from safeconduct.runtime.freeze import Snapshot


class CallProofs:
    """Reads the log for callers. Any thread."""

    def __init__(self, reader: LogReader, snapshot: Snapshot) -> None:
        self._reader = reader
        self._snapshot = snapshot

    def document(self, call: CallId, principal: Principal) -> dict[str, Any]:
        """Returns the call's entries: `intent` or `refusal`, and `outcome`, which is None while the call runs.

        Raises:
            AbsentError: there is no such call, or it is another organization's; the answer is the same.
        """
        unknown = AbsentError(f"no call {call[:64]!r} of yours is in the log", code="call-unknown")
        if not is_ulid(call):
            raise unknown
        try:
            entry = self._reader.entry(call)
        except AbsentError:
            raise unknown from None
        names = {CALL_INTENT.name: "intent", CALL_REFUSED.name: "refusal"}
        if entry.type not in names or entry.body["organization"] != principal.organization:
            raise unknown
        with self._snapshot() as records:
            ended = records.get(ENDED_CALLS, call)
        return {
            "call": call,
            names[entry.type]: self._evidence(call),
            "outcome": self._evidence(ended.outcome) if ended else None,
        }

    def _evidence(self, entry_id: str) -> dict[str, Any]:
        evidence = self._reader.evidence(entry_id)
        return {
            "index": evidence.index,
            "leaf": base64.b64encode(evidence.leaf).decode(),
            "proof": [base64.b64encode(node).decode() for node in evidence.proof],
            "checkpoint": evidence.checkpoint.encoded,
        }
