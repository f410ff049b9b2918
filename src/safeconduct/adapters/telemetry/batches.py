"""What log shippers send in one request: its bytes, how its records are written, and several of them as one file."""

import io
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from safeconduct.adapters.telemetry.documents import begins_document, records_of
from safeconduct.adapters.telemetry.forms import SAMPLE_BYTES, Form, form_of, sample
from safeconduct.kernel.errors import InvalidInputError, TooLargeError

BATCH_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of one batch, as it is sent and as it is when unpacked. Shippers cut theirs at 1 to 10 MB."""

BATCH_LINES_MAX = 100_000
"""Records of one batch: ten times what shippers gather; many more of a few bytes each would take minutes."""

LINED = frozenset({Form.JSON, Form.SYSLOG, Form.COMBINED})
"""Forms in which a line is a record by itself, so that lines of many batches make one file."""

_GZIP = zlib.MAX_WBITS | 16


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of known form. `lines` are its records with a line feed each; a document is one line, the whole of it."""

    form: Form
    lines: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Returns its bytes."""
        return sum(map(len, self.lines))


def unpacked(body: bytes, encoding: str) -> bytes:
    """Returns a body without its `content-encoding`.

    Raises:
        InvalidInputError: `content-encoding-not-taken`, or `body-broken`: it is no gzip, or cut.
        TooLargeError: it has more than BATCH_BYTES_MAX.
    """
    if encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "x-gzip"}:
        raise InvalidInputError(
            f"expected content-encoding gzip or none, got {encoding[:40]!r}", code="content-encoding-not-taken"
        )
    found = bytearray()
    try:
        while body:
            member = zlib.decompressobj(_GZIP)
            found += member.decompress(body, BATCH_BYTES_MAX + 1 - len(found))
            if len(found) > BATCH_BYTES_MAX:
                raise TooLargeError(
                    f"the batch is over {BATCH_BYTES_MAX} bytes unpacked", remedy="send smaller batches"
                )
            if not member.eof:
                raise InvalidInputError("the gzip of the batch is cut", code="body-broken", remedy="send it again")
            body = member.unused_data
    except zlib.error as error:
        raise InvalidInputError(f"the batch is no gzip: {error}", code="body-broken", remedy="send it again") from error
    return bytes(found)


def batch_of(body: bytes, time_field: str = "") -> Batch | None:
    """Returns an unpacked body as a batch; None of one that holds nothing.

    A list of JSON objects is taken as so many lines. A record that can't be read is in the batch all the same: it
    becomes a dead letter.

    Raises:
        InvalidInputError: `stream-form`: what is no lines; or as `forms.form_of` of bytes that are no text.
        TooLargeError: it has more than BATCH_LINES_MAX records.
    """
    if not body.strip():
        return None
    if begins_document(body[:SAMPLE_BYTES]):
        return _listed(body)
    form = _form(body, time_field)
    if form is Form.DOCUMENT:
        return Batch(form, (body,))
    if form not in LINED:
        raise InvalidInputError(
            f"a stream takes records of one line each, and this is {form.value}",
            code="stream-form",
            remedy="safeconduct ingest takes such files, with --follow those that are still written",
        )
    return Batch(form, _bounded(line.rstrip(b"\r") + b"\n" for line in body.split(b"\n") if line.strip()))


def merged(batches: Iterable[Batch]) -> bytes:
    """Returns batches of one form as one file in which each record stands as often as in the batch that has most of it.

    So a batch that was sent again because no answer came counts once, as it does where each is a file of its own.
    """
    written: Counter[bytes] = Counter()
    lines: list[bytes] = []
    for batch in batches:
        seen: Counter[bytes] = Counter()
        for line in batch.lines:
            seen[line] += 1
            if seen[line] > written[line]:
                written[line] += 1
                lines.append(line)
    return b"".join(lines)


def _listed(body: bytes) -> Batch:
    records = list(records_of(io.BytesIO(body)))
    if any(record.too_long or not record.ended for record in records):
        return Batch(Form.DOCUMENT, (body,))  # read as it is: what can't be taken apart is told as of a file
    lines = (record.text.encode(errors="surrogateescape") for record in records)
    # Line feeds stand between a record's members only: in a text JSON has them escaped.
    return Batch(Form.JSON, _bounded(line.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n" for line in lines))


def _bounded(lines: Iterable[bytes]) -> tuple[bytes, ...]:
    found = tuple(lines)
    if len(found) > BATCH_LINES_MAX:
        raise TooLargeError(
            f"the batch has {len(found)} records, over {BATCH_LINES_MAX}", remedy="send smaller batches"
        )
    return found


def _form(body: bytes, time_field: str) -> Form:
    # One NUL in somebody's message must not keep all others of its batch out.
    head = sample(body).replace(b"\0", b" ")
    try:
        return form_of(head, time_field)
    except InvalidInputError as error:
        if error.code == "telemetry-document":
            return Form.DOCUMENT
        if error.code != "telemetry-unknown":
            raise
        return Form.SYSLOG
