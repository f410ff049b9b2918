"""Legal holds: at once to place, with the partner to end."""

from typing import Any

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access import records as kept
from safeconduct.access.freezes import pending
from safeconduct.access.holds import holds, place_hold, request_release
from safeconduct.access.holds_events import Hold
from safeconduct.access.model.changes import RequestKind
from safeconduct.access.retention_events import RETENTIONS
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.http.control.programs import settled
from safeconduct.kernel.entries import Retention
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.instants import rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.ledger.sealing import KeySelector

router = APIRouter(prefix="/api/v1/logs/holds", tags=["holds"])


class Selected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which data keys, and why. What is not named is all; without an origin they are the joint log's.

    Of a joint log that goes on for a closed one, a hold is then on both, and an order for the one that goes on.
    """

    reason: str
    origin: str = ""
    subject: str | None = None
    retention: Retention | None = None


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a hold should end."""

    reason: str


@router.get("")
def list_holds(_reading: Reading, control: Installation) -> Response:
    """Lists the holds in force, with how many keys each keeps beyond their time."""
    with control.snapshot() as records:
        return answer([_document(records, one) for one in holds(records)])


@router.post("")
async def place(signed: SignedJson[Selected], control: Installation) -> Response:
    """Places a hold. When this answers, nothing that it holds is destroyed any more."""
    wanted = signed.body
    selector = selector_of(control, wanted, joint_logs(control)[0])  # and so on those that went on for it
    committed = await commit(
        control.writer,
        lambda tx: place_hold(
            tx, signed.act, selector, wanted.reason, operation=signed.operation, content=signed.content
        ),
    )
    with control.snapshot() as records:
        return answer(_document(records, committed.value))


@router.post("/{hold_id}/release")
async def release(signed: SignedJson[Release], control: Installation, hold_id: str) -> Response:
    """Requests the end of a hold, and asks the witness for its cosignature."""
    wanted = signed.body
    committed = await commit(
        control.writer,
        lambda tx: request_release(
            tx, signed.act, EntryId(hold_id), wanted.reason, operation=signed.operation, content=signed.content
        ),
    )
    return answer(await settled(control, committed.value) | {"hold": hold_id})


def selector_of(control: Control, wanted: Selected, default: Origin) -> KeySelector:
    """Returns the data keys that a request is about, of the `default` log if it names none.

    Raises:
        AbsentError: `log-unknown`: a hold on a name that no log has would hold nothing.
    """
    origin = Origin(wanted.origin) or default
    control.logs.verifier(origin)
    return KeySelector(origin=origin, subject=wanted.subject, retention=wanted.retention)


def joint_logs(control: Control) -> tuple[Origin, ...]:
    """Returns the logs of the agreement in force, oldest first.

    Raises:
        UnavailableError: `no-program`.
    """
    with control.snapshot() as records:
        return kept.joint_logs(records)


def _document(records: Records, hold: Hold) -> dict[str, Any]:
    looked = records.get(RETENTIONS, hold.origin)
    waiting = next((one.request for one in pending(records, RequestKind.RELEASE_HOLD) if one.hold == hold.id), None)
    return {
        "id": hold.id,
        "origin": hold.origin,
        "subject": hold.subject,
        "retention": hold.retention,
        "by": hold.by,
        "reason": hold.reason,
        "at": rfc3339(hold.at),
        "postponed_keys": sum(one.keys for one in looked.postponed if one.hold == hold.id) if looked else 0,
        "release": waiting,
    }
