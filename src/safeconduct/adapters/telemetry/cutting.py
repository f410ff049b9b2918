"""A file cut into parts that one request can carry, each of which can be read by itself."""

import re
from collections.abc import Iterable, Iterator

from safeconduct.adapters.telemetry import evtx
from safeconduct.adapters.telemetry.copying_in import FILE_BYTES_MAX
from safeconduct.adapters.telemetry.documents import records_of
from safeconduct.adapters.telemetry.forms import SAMPLE_BYTES, Form, form_of, sample
from safeconduct.adapters.telemetry.lines import LINE_BYTES_MAX, Line, Readable
from safeconduct.kernel.errors import TooLargeError

PART_BYTES = 7 * 1024 * 1024
"""Bytes of one part; a request carries eight megabytes at most."""

_AUDIT_ID = re.compile(rb"msg=audit\([0-9.]+:\d+\)")
_ZEEK_HEAD = re.compile(rb"^#(separator|set_separator|empty_field|unset_field|path|fields|types)[^\n]*\n", re.MULTILINE)


class Source:
    """Bytes that are read once, of which some were looked at already. No more than FILE_BYTES_MAX of them come."""

    def __init__(self, name: str, file: Readable) -> None:
        self.name = name
        self._file = file
        self._ahead = b""
        self._left = FILE_BYTES_MAX

    def peek(self, size: int) -> bytes:
        """Returns the first bytes, fewer only if there are no more; `read` returns them again."""
        self._ahead += self._filled(size - len(self._ahead))
        return self._ahead[:size]

    def read(self, size: int = -1, /) -> bytes:
        """Returns so many bytes, fewer only at the end.

        Raises:
            TooLargeError: more came than one file may have.
        """
        wanted = size if size >= 0 else self._left + 1
        ahead, self._ahead = self._ahead[:wanted], self._ahead[wanted:]
        return ahead + self._filled(wanted - len(ahead))

    def _filled(self, size: int) -> bytes:
        pieces: list[bytes] = []
        while size > 0 and (data := self._file.read(size)):
            pieces.append(data)
            size -= len(data)
            self._left -= len(data)
            if self._left < 0:
                raise TooLargeError(f"{self.name} is over {FILE_BYTES_MAX} bytes", remedy="split it at line ends")
        return b"".join(pieces)


class Tables:
    """Parts of Zeek's tables in their order, each given the header that is in force where it begins."""

    def __init__(self) -> None:
        self._head: dict[bytes, bytes] = {}

    def headed(self, part: bytes) -> bytes:
        """Returns the part behind its header."""
        headed = b"".join(self._head.values()) + part
        self._head |= {found[1]: found[0] for found in _ZEEK_HEAD.finditer(part)}
        return headed


def cut(name: str, file: Readable, time_field: str = "") -> Iterator[tuple[str, bytes]]:
    """Yields name and content of each part: whole lines, audit events, records of a document, chunks of an event log.

    Raises:
        TooLargeError: it is over FILE_BYTES_MAX; the parts before are given.
        InvalidInputError: it is large, and no telemetry.
    """
    source = Source(name, file)
    if len(first := source.peek(PART_BYTES + 1)) <= PART_BYTES:
        yield name, source.read()
        return
    cutter = _CUTTERS.get(form_of(sample(first[:SAMPLE_BYTES]), time_field), _lines)
    for number, part in enumerate(cutter(source), start=1):
        yield f"{name} part {number}", part


def _lines(source: Source) -> Iterator[bytes]:
    rest = b""
    while data := source.read(PART_BYTES - len(rest)):
        rest += data
        end = end_of_part(rest) if len(rest) >= PART_BYTES else len(rest)
        yield rest[:end]
        rest = rest[end:]
    if rest:
        yield rest


def _tables(source: Source) -> Iterator[bytes]:
    tables = Tables()
    yield from map(tables.headed, _lines(source))


def _document(source: Source) -> Iterator[bytes]:
    """Yields parts of a document, each a list of the records as they came; the last is cut where the document was."""
    held: list[bytes] = []
    size, ended = 0, True
    for record in records_of(source):
        data, ended = _as_it_came(record), record.ended
        if size + len(data) > PART_BYTES - len(held) - 2:
            yield _listed(held, ended=True)
            held, size = [], 0
        held.append(data)
        size += len(data)
    yield _listed(held, ended=ended)


def _as_it_came(record: Line) -> bytes:
    if record.too_long:  # of which only the beginning was kept: a record of the same fault stands for it
        return b'{"": "' + b" " * LINE_BYTES_MAX + b'"}'
    return record.text.encode(errors="surrogateescape")


def _listed(records: Iterable[bytes], *, ended: bool) -> bytes:
    return b"[" + b",".join(records) + (b"]" if ended else b"")


def _log(source: Source) -> Iterator[bytes]:
    """Yields parts of an event log, each one itself: the log's header, and as many of its chunks as fit."""
    header = source.read(evtx.HEADER_BYTES)
    in_use = evtx.chunk_count(header)
    room = (PART_BYTES - len(header)) // evtx.CHUNK_BYTES
    while chunks := source.read(room * evtx.CHUNK_BYTES):
        yield evtx.recounted(header, max(0, min(in_use, room))) + chunks
        in_use -= room


_CUTTERS = {Form.EVTX: _log, Form.DOCUMENT: _document, Form.ZEEK: _tables}


def end_of_part(content: bytes) -> int:
    """Returns where to cut: after a line, and before an audit event that goes on behind it, where that leaves any."""
    return end_of_whole(content) or content.rfind(b"\n") + 1 or len(content)


def end_of_whole(content: bytes) -> int:
    """Returns how far content is whole lines and, but for the last, whole audit events."""
    end = content.rfind(b"\n") + 1
    last = content.rfind(b"\n", 0, end - 1) + 1
    event = _AUDIT_ID.search(content, last, end)
    return content.rfind(b"\n", 0, content.find(event.group())) + 1 if event else end
