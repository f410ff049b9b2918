"""What leaves the log for good: an export's files, all that the parties get when an agreement ends, a page to print."""

import tarfile
from collections.abc import Iterator

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from safeconduct.access.parting import parting_files
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.readers import check_log
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.dossier import dossier
from safeconduct.ledger.ports import FrozenStore
from safeconduct.ledger.records import StoredRecords
from safeconduct.web.log_report import render_log_report

router = APIRouter(prefix="/api/v1/logs", tags=["logs"])

REPORT_PATH = "report.html"
"""Where the report stands in the export at an agreement's end."""


class TarResponse(StreamingResponse):
    media_type = "application/x-tar"


@router.get("/export", response_class=TarResponse)
def export(
    reader: Reading, control: Installation, *, origin: str, payloads: bool = False, contract_end: bool = False
) -> Response:
    """Returns an export's files as a tar archive, once the partner has cosigned the head of a joint log.

    At the end of an agreement all that both parties are due is with them.
    """
    check_log(control, reader, Origin(origin))
    control.cosign_head(Origin(origin))
    if contract_end:
        files = control.logs.export(Origin(origin), payloads=True, more=lambda frozen: _due(control, frozen, origin))
    else:
        files = control.logs.export(Origin(origin), payloads=payloads)
    first = next(files)  # what is wrong is told before the answer begins
    return TarResponse(_tar(first, files))


@router.get("/report", response_class=HTMLResponse)
def report(reader: Reading, control: Installation, *, origin: str, about: str = "") -> Response:
    """Returns the report of a log, or of what belongs to a call, incident, action or approval in it, to print."""
    check_log(control, reader, Origin(origin))
    with control.logs.frozen() as frozen:
        return HTMLResponse(_report(control, frozen, origin, about))


def _report(control: Control, frozen: FrozenStore, origin: str, about: str = "") -> bytes:
    key = control.logs.verifier(Origin(origin))
    found = dossier(frozen, Origin(origin), key, control.forms, about=about)
    return render_log_report(found, control.clock.now()).encode()


def _due(control: Control, frozen: FrozenStore, origin: str) -> list[tuple[str, bytes]]:
    log = Origin(origin)
    due = list(parting_files(StoredRecords(frozen), log, control.logs.verifier(log), control.logs.keys))
    return [*due, (REPORT_PATH, _report(control, frozen, origin))]


def _tar(first: tuple[str, bytes], rest: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
    yield _member(*first)
    for path, content in rest:
        yield _member(path, content)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(path: str, content: bytes) -> bytes:
    info = tarfile.TarInfo(path)
    info.size, info.mode = len(content), 0o644
    padding = -len(content) % tarfile.BLOCKSIZE
    return info.tobuf(tarfile.PAX_FORMAT) + content + bytes(padding)
