"""AWS's framing of streams (`application/vnd.amazon.eventstream`): lengths, typed headers, two checksums a message."""

import binascii
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from safeconduct.gateway.errors import no_answer
from safeconduct.gateway.limits import FRAME_BYTES_MAX

PRELUDE_BYTES = 12
"""Total length, length of the headers, checksum of these two: four bytes each."""

CHECKSUM_BYTES = 4
MESSAGE_BYTES_MAX = 2 * FRAME_BYTES_MAX
"""Bytes of one message: an event of the longest that is taken, in base64 inside JSON, and its headers."""

_TEXT = 7
_SIZES: Mapping[int, int] = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type; types 6 (bytes) and 7 (text) say their length themselves."""
_WITH_LENGTH = frozenset((6, _TEXT))


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its text headers by name, and its payload."""

    headers: Mapping[str, str]
    payload: bytes


class Messages:
    """Cuts bytes into messages as they come in. Every message's checksums are checked before anything is read of it."""

    def __init__(self) -> None:
        self._held = b""

    @property
    def inside(self) -> bool:
        """Whether the bytes so far end inside a message."""
        return bool(self._held)

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yields the messages that are whole now.

        Raises:
            UpstreamError: `upstream-answer-invalid`: a checksum, length or header is wrong.
        """
        self._held += data
        while len(self._held) >= PRELUDE_BYTES:
            length = _length(self._held)
            if len(self._held) < length:
                return
            message, self._held = self._held[:length], self._held[length:]
            yield _message(message)


def _length(data: bytes) -> int:
    total, headers, checksum = struct.unpack_from(">III", data)
    if binascii.crc32(data[:8]) != checksum:
        raise no_answer("a message's length does not fit its checksum")
    if not PRELUDE_BYTES + headers + CHECKSUM_BYTES <= total <= MESSAGE_BYTES_MAX:
        raise no_answer(f"expected a message of up to {MESSAGE_BYTES_MAX} bytes, it announces {total}")
    return int(total)


def _message(data: bytes) -> Message:
    body, checksum = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
    if struct.pack(">I", binascii.crc32(body)) != checksum:
        raise no_answer("a message does not fit its checksum")
    end = PRELUDE_BYTES + struct.unpack_from(">I", body, 4)[0]
    return Message(dict(_headers(body[PRELUDE_BYTES:end])), body[end:])


def _headers(data: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    try:
        while at < len(data):
            name = data[at + 1 : at + 1 + data[at]].decode()
            kind = data[at + 1 + data[at]]
            at += 2 + data[at]
            if kind in _WITH_LENGTH:
                size = struct.unpack_from(">H", data, at)[0]
                at += 2
            else:
                size = _SIZES[kind]
            if at + size > len(data):
                raise no_answer("a header is longer than the headers are")
            if kind == _TEXT:
                yield name, data[at : at + size].decode()
            at += size
    except (IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise no_answer("a header is of no known form") from error
