"""What a caller may know of its call afterwards: why it ended so, and its entries with proof and checkpoint."""

import base64
from collections.abc import Callable
from typing import Any

from safeconduct.access import records as kept
from safeconduct.access.appeal_events import APPEALS
from safeconduct.access.authorization import compile_policies
from safeconduct.access.model.parties import Principal
from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME, CALL_REFUSED, ENDED_CALLS
from safeconduct.gateway.explaining import explanation
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import CallId, is_ulid
from safeconduct.kernel.ports import Records
from safeconduct.ledger.reader import LogReader
from safeconduct.runtime.freeze import Snapshot

CallDocument = Callable[[CallId, Principal], dict[str, Any]]
"""What a principal is told of a call."""


def call_entry(reader: LogReader, call: str) -> Entry:
    """Returns the entry that a call begins with: its intent, or its refusal.

    Raises:
        AbsentError: there is no such call.
    """
    try:
        entry = reader.entry(call) if is_ulid(call) else None
    except AbsentError:
        raise unknown_call(call) from None
    if entry is None or not begins_call(entry):
        raise unknown_call(call)
    return entry


def begins_call(entry: Entry) -> bool:
    """Tells whether a call begins with this entry: an intent, or a refusal."""
    return entry.type in (CALL_INTENT.name, CALL_REFUSED.name)


def placed(log: LogReader, entry: str) -> Entry | None:
    """Returns an entry; None while it is committed and waits for its place in the log."""
    try:
        return log.entry(entry)
    except AbsentError:
        return None


def explain_call(log: LogReader, records: Records, entry: Entry) -> dict[str, Any]:
    """Returns why the call of that entry ended as it did (gateway.explaining), and the appeal against it, if any."""
    ended = records.get(ENDED_CALLS, entry.id)
    found = placed(log, ended.outcome) if ended else None
    outcome = CALL_OUTCOME.read(found) if found else None
    judged = records.get(kept.POLICY_VERSIONS, str(entry.body.get("policy_digest", "")))
    lodged = records.get(APPEALS, entry.id)
    shown = explanation(entry, outcome, compile_policies(judged.text) if judged else None)
    return shown | {"appealed": lodged.id if lodged else None}


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

    def appeal(self, call: CallId, principal: Principal) -> dict[str, Any]:
        """Returns why a call ended as it did, and how its organization appeals against that.

        Raises:
            AbsentError: as `document`.
        """
        entry = call_entry(self._reader, call)
        if entry.body["organization"] != principal.organization:
            raise unknown_call(call)
        with self._snapshot() as records:
            shown = explain_call(self._reader, records, entry)
        command = f"safeconduct call appeal {call} --reason TEXT"
        return shown | {"lodge": {"command": command, "signed_act": f"POST /api/v1/calls/{call}/appeal"}}

    def _evidence(self, entry_id: str) -> dict[str, Any]:
        evidence = self._reader.evidence(entry_id)
        return {
            "index": evidence.index,
            "leaf": base64.b64encode(evidence.leaf).decode(),
            "proof": [base64.b64encode(node).decode() for node in evidence.proof],
            "checkpoint": evidence.checkpoint.encoded,
        }
