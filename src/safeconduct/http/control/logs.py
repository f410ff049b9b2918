"""The logs as the control API shows them: entries, evidence, verification."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from safeconduct.access.promises import broken_promises
from safeconduct.access.reading_rights import Reader, reads_entry, reads_log
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.log_events import SUCCESSORS
from safeconduct.ledger.naming import entry_named
from safeconduct.ledger.reader import unknown_entry

router = APIRouter(prefix="/api/v1/logs", tags=["logs"])

ENTRIES_MAX = 1000
"""Entries in one answer. An entry has up to 64 KiB, so an answer up to 64 MiB; read on from the next index."""


INDEX_MAX = 2**63 - 1
"""The largest index there can be, of the store and of C2SP's tiled logs."""


@router.get("")
def list_logs(reader: Reading, control: Installation) -> Response:
    """Returns each log's origin, size, public key and successor, whether its head is cosigned, and what is wrong."""
    stopped = control.stopped()
    with control.snapshot() as records:
        broken = Counter(reported.promise.origin for reported in broken_promises(records))
        successors = {old: found.origin for old, found in records.scan(SUCCESSORS)}
        read = [origin for origin in control.log.origins() if reads_log(records, reader, origin)]
    return answer(
        [
            {
                "origin": origin,
                "size": control.log.size(origin),
                "head_cosigned": control.log.checkpoint(origin).cosigned,
                "key": control.logs.verifier(origin).text,
                "broken_promises": broken[origin],
                "stopped": stopped.get(origin, ""),
                "successor": successors.get(origin, ""),
            }
            for origin in read
        ]
    )


@router.get("/entries")
def entries(reader: Reading, control: Installation, *, origin: str, start: int = 0, count: int = 100) -> Response:
    """Returns entries in order; to who doesn't read the log whole, those that name them."""
    if not 0 <= start <= INDEX_MAX or not 0 < count <= ENTRIES_MAX:
        raise InvalidInputError(f"expected a start from 0 to {INDEX_MAX} and a count from 1 to {ENTRIES_MAX}")
    with control.snapshot() as records:
        found = control.log.entries(Origin(origin), start, count)
        return answer([_entry(entry) for entry in found if reads_entry(records, reader, entry)])


@router.get("/entries/{entry_id}")
def entry(reader: Reading, control: Installation, entry_id: str) -> Response:
    """Returns an entry and the names of its sealed fields. Their values are not opened here.

    The beginning of an id will do where one entry alone has it.
    """
    found = _found(control, reader, entry_id)
    return answer(_entry(found) | {"sealed": control.log.sealed_fields(found.id)})


@router.get("/entries/{entry_id}/proof", response_class=PlainTextResponse)
def proof(reader: Reading, control: Installation, entry_id: str) -> Response:
    """Returns the evidence for an entry, as a file that can be verified offline."""
    found = _found(control, reader, entry_id)
    return Response(control.logs.proof(found.id), media_type="text/plain; charset=utf-8")


@router.get("/verify")
def verify(_reading: Reading, control: Installation) -> Response:
    """Checks every log against itself, its key and its head, and the state against the entries."""
    return answer([asdict(log) | {"verified": not log.findings} for log in control.logs.verify()])


def _found(control: Control, reader: Reader, entry_id: str) -> Entry:
    with control.snapshot() as records:
        return entry_named(
            control.log,
            entry_id,
            lambda entry: reads_entry(records, reader, entry),
            noun="entry",
            unknown=unknown_entry(entry_id),
        )


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "origin": entry.origin,
        "index": entry.index,
        "at": rfc3339(entry.at),
        "type": entry.type,
        "body": entry.body,
        "act": entry.act,
    }
