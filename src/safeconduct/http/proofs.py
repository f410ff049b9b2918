"""What a caller may know of its call afterwards: the entries in their places, each with proof and checkpoint."""

import base64
from typing import Any

from safeconduct.access.model import Principal
from safeconduct.gateway.events import CALL_INTENT, CALL_REFUSED, ENDED_CALLS
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import CallId, is_ulid
from safeconduct.ledger.reader import LogReader
from safeconduct.runtime.freeze import Snapshot


def call_entry(reader: LogReader, call: str) -> Entry:
    """Returns the entry that a call begins with: its intent, or its refusal.

    Raises:
        AbsentError: there is no such call.
    """
    try:
        entry = reader.entry(call) if is_ulid(call) else None
    except AbsentError:
        raise unknown_call(call) from None
    if entry is None or entry.type not in (CALL_INTENT.name, CALL_REFUSED.name):
        raise unknown_call(call)
    return entry


def unknown_call(call: str) -> AbsentError:
    """Returns the one answer about a call that is not there, and about one that is not the caller's."""
    return AbsentError(f"no call {call[:64]!r} that you may see is in the log", code="call-unknown")


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
        entry = call_entry(self._reader, call)
        if entry.body["organization"] != principal.organization:
            raise unknown_call(call)
        with self._snapshot() as records:
            ended = records.get(ENDED_CALLS, call)
        return {
            "call": call,
            "intent" if entry.type == CALL_INTENT.name else "refusal": self._evidence(call),
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
