"""What a file is: judged by its bytes, never by its name."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from safeconduct.adapters.telemetry import access, audit, evtx, jsonl, syslog, zeek
from safeconduct.adapters.telemetry.documents import begins_document, records_of
from safeconduct.adapters.telemetry.lines import Line, UnreadableError
from safeconduct.kernel.errors import InvalidInputError

SAMPLE_LINES = 50
"""Lines looked at. Enough that a few broken ones at the start don't decide."""

SAMPLE_BYTES = 256 * 1024
"""Bytes looked at for those lines."""

SHARE = 4
"""At least one line in so many must have a form for the file to be of it; fewer are chance in some other text."""

PACKED = {
    b"\x1f\x8b": "gzip (gunzip FILE)",
    b"\x28\xb5\x2f\xfd": "Zstandard (unzstd FILE)",
    b"\xfd7zXZ": "xz (unxz FILE)",
    b"BZh": "bzip2 (bunzip2 FILE)",
    b"PK\x03\x04": "zip (unzip FILE)",
}
"""First bytes of compressed files, and how to open them."""

BINARY = {
    b"\x0a\x0d\x0d\x0a": "packet capture: write JSON with tshark -T ek",
    b"\xd4\xc3\xb2\xa1": "packet capture: write JSON with tshark -T ek",
    b"SQLite format": "SQLite database: no telemetry file",
}
NAMES = {
    "auth": "syslog",
    "secure": "syslog",
    "audit": "audit",
    "access": "json or combined",
    "http": "json or zeek",
    "dns": "json or zeek",
}


class Form(StrEnum):
    """How the records of a file are written."""

    SYSLOG = "syslog"
    AUDIT = "audit"
    COMBINED = "combined"
    JSON = "json"
    DOCUMENT = "document"
    ZEEK = "zeek"
    EVTX = "evtx"


@dataclass(frozen=True)
class _Sign:
    form: Form
    recognizes: Callable[[str], bool]


SIGNS = (
    _Sign(Form.AUDIT, audit.recognizes),
    _Sign(Form.SYSLOG, syslog.recognizes),
    _Sign(Form.COMBINED, access.recognizes),
    _Sign(Form.JSON, jsonl.recognizes),
)


def form_of(head: bytes, time_field: str = "") -> Form:
    """Returns the form that most of a file's first lines have. `time_field` holds the time of own JSON documents.

    Raises:
        InvalidInputError: `telemetry-empty`, `telemetry-compressed`, `telemetry-binary`, `telemetry-document` (JSON
            whose objects tell no time), or `telemetry-unknown`.
    """
    if head.startswith(evtx.MAGIC):
        return _log_form(head)
    _refuse_bytes(head)
    if zeek.begins(head):
        return Form.ZEEK
    if begins_document(head):
        return _document(head, time_field)
    lines = [line for line in head.decode(errors="replace").splitlines() if line.strip()][:SAMPLE_LINES]
    counted = {sign.form: sum(map(sign.recognizes, lines)) for sign in SIGNS}
    best = max(counted, key=lambda form: counted[form])
    if counted[best] * SHARE >= len(lines):
        return best
    if lines[0].lstrip().startswith("{"):
        return _document(head, time_field)
    raise InvalidInputError(
        f"no known form of telemetry; it begins with {lines[0][:80]!r}",
        code="telemetry-unknown",
        remedy="expected syslog with RFC 3339 times, raw auditd, the combined log format, Zeek's logs, JSON, or EVTX",
    )


def _document(head: bytes, time_field: str) -> Form:
    parse = jsonl.parser(time_field)
    first = [record for record in records_of(io.BytesIO(head)) if record.ended][:SAMPLE_LINES]
    if not any(_tells_time(parse, record) for record in first):
        raise InvalidInputError(
            "a JSON document, or one cut within its first record, whose objects tell no time",
            code="telemetry-document",
            remedy="name the member that holds it with --time-field, or write its records as lines: jq -c '.[]' FILE",
        )
    return Form.DOCUMENT


def _tells_time(parse: Callable[[Line], object], record: Line) -> bool:
    try:
        return bool(parse(record))
    except UnreadableError as error:
        return error.code.startswith("time-") and error.code != "time-missing"


def mismatch(name: str, form: Form) -> str:
    """Returns what a file's name promises against what it is, or nothing where they agree or the name says nothing."""
    stem = name.rpartition("/")[2].split(".")[0].lower()
    promised = NAMES.get(stem, "")
    return "" if not promised or form.value in promised.split(" or ") else f"named {name}, but holds {form.value} lines"


def _log_form(head: bytes) -> Form:
    if len(head) <= evtx.HEADER_BYTES:
        raise InvalidInputError("the event log is a header without any record", code="telemetry-empty")
    return Form.EVTX


def _refuse_bytes(head: bytes) -> None:
    if not head.strip():
        raise InvalidInputError("the file is empty", code="telemetry-empty")
    for magic, what in PACKED.items():
        if head.startswith(magic):
            raise InvalidInputError(
                f"the file is compressed: {what}", code="telemetry-compressed", remedy="unpack it first"
            )
    for magic, what in BINARY.items():
        if head.startswith(magic):
            raise InvalidInputError(f"the file is a {what}", code="telemetry-binary")
    if b"\0" in head:
        raise InvalidInputError("the file holds NUL bytes, so it is no text", code="telemetry-binary")


def sample(content: bytes) -> bytes:
    """Returns the beginning by which a file is judged, cut at a line's end where there is one."""
    head = content[:SAMPLE_BYTES]
    return head if len(head) < SAMPLE_BYTES else head[: head.rfind(b"\n") + 1] or head
