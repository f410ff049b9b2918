"""Records of a JSON document: those of `{"Records": [...]}` (CloudTrail), of a list, or objects over many lines.

Read piece by piece: a document of any length needs the memory of one record. What stands between records is not looked
at, so that of a cut document every whole record is read and the rest is told.
"""

import re
from collections.abc import Iterator

from safeconduct.adapters.telemetry.lines import LINE_BYTES_MAX, Line, Readable, line_of

CHUNK_BYTES = 256 * 1024
WRAPPED = re.compile(rb'\s*\{\s*"Records"\s*:\s*\[')
"""How a file of CloudTrail's begins (AWS CloudTrail User Guide, "CloudTrail log file examples")."""

_TOKEN = re.compile(rb'\\.?|["{}]', re.DOTALL)


def begins_document(head: bytes) -> bool:
    """Tells whether a file begins as a list, or as CloudTrail's files do."""
    return head.lstrip()[:1] == b"[" or bool(WRAPPED.match(head))


def records_of(file: Readable) -> Iterator[Line]:
    """Yields each record as a line; its number is its place from 1. One that was cut off is not `ended`."""
    data = file.read(CHUNK_BYTES)
    splitter = _Splitter(data)
    while data:
        yield from splitter.push(data)
        data = file.read(CHUNK_BYTES)
    if splitter.cut:
        yield line_of(splitter.number + 1, bytes(splitter.held), ended=False)


class _Splitter:
    """Follows strings and braces. A record is an object that no other holds, the wrapper aside."""

    def __init__(self, head: bytes) -> None:
        self.number = 0
        self.held = bytearray()
        self._outside = 1 if WRAPPED.match(head) else 0
        self._is_list = head.lstrip()[:1] == b"["
        self._depth = 0
        self._quoted = self._escaped = False
        self._last = b""

    @property
    def cut(self) -> bool:
        """Whether the document ended before it was closed."""
        return self._depth > 0 or (self._is_list and self._last != b"]")

    def push(self, data: bytes) -> Iterator[Line]:
        start, skipped = 0, int(self._escaped)
        self._escaped = False
        for token in _TOKEN.finditer(data, skipped):
            what = token.group()
            if what == b'"':
                self._quoted = not self._quoted
            elif what == b"\\":
                self._escaped = True  # the last byte of this piece: what it escapes comes with the next
            elif self._quoted:
                continue
            elif self._opens(what):
                start = token.start()
            elif self._closes(what):
                self._hold(data[start : token.end()])
                yield self._record()
        self._keep(data, start)

    def _opens(self, what: bytes) -> bool:
        if what != b"{":
            return False
        self._depth += 1
        return self._depth == self._outside + 1

    def _closes(self, what: bytes) -> bool:
        if what != b"}" or not self._depth:
            return False
        self._depth -= 1
        return self._depth == self._outside

    def _record(self) -> Line:
        self.number += 1
        data = bytes(self.held)
        self.held.clear()
        return line_of(self.number, data)

    def _keep(self, data: bytes, start: int) -> None:
        if self._depth > self._outside:
            self._hold(data[start:])
        self._last = data.rstrip()[-1:] or self._last

    def _hold(self, data: bytes) -> None:
        # One byte over the limit is enough to tell that it is too long.
        self.held += data[: LINE_BYTES_MAX + 1 - len(self.held)]
