"""Server-sent events, frame by frame: the same frames come out however the bytes were cut into reads."""

import re
from collections.abc import Iterator

from safeconduct.gateway.errors import no_answer
from safeconduct.gateway.limits import FRAME_BYTES_MAX

KEEP_ALIVE = b":\n\n"
"""Says that there is an answer, and nothing of it: for comments, and for frames that came in and are held."""

FRAME_END = b"\n\n"
"""What a frame ends with that is let out."""

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_BLANK_LINE_BYTES_MAX = 4


class Frames:
    """Cuts a stream into frames. An upstream that sends byte by byte costs no more than one that does not."""

    def __init__(self, most: int = FRAME_BYTES_MAX) -> None:
        self._most = most
        self._tail = bytearray()

    @property
    def rest(self) -> bytes:
        """The bytes of the frame that has not ended."""
        return bytes(self._tail)

    @property
    def inside(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._tail)

    def feed(self, data: bytes) -> list[bytes]:
        """Returns the frames that have ended now, without their blank lines.

        Raises:
            UpstreamError: one has no end within its limit.
        """
        may_be_over = len(self._tail) + len(data) > self._most
        frames = self._continued(data) if self._tail else self._begun(data)
        if may_be_over and (self._too_long() or any(len(frame) > self._most for frame in frames)):
            raise no_answer(f"one event is over {self._most} bytes")
        return frames

    def _begun(self, data: bytes) -> list[bytes]:
        # Few servers write carriage returns, and without them no pattern is needed.
        *frames, rest = data.split(b"\n\n") if data.find(b"\r") < 0 else _BLANK_LINE.split(data)
        self._tail += rest
        return frames

    def _continued(self, data: bytes) -> list[bytes]:
        seen = max(0, len(self._tail) - _BLANK_LINE_BYTES_MAX + 1)  # a blank line may lie across two reads
        self._tail += data
        frames: list[bytes] = []
        start = 0
        for found in _BLANK_LINE.finditer(self._tail, seen):
            frames.append(bytes(self._tail[start : found.start()]))
            start = found.end()
        del self._tail[:start]
        return frames

    def _too_long(self) -> bool:
        over = len(self._tail) - self._most
        if over <= 0:
            return False
        # What is over may be the beginning of the blank line that ends the frame.
        return over >= _BLANK_LINE_BYTES_MAX or len(self._tail.rstrip(b"\r\n")) > self._most


def whole_frames(frames: bytes) -> Iterator[bytes]:
    """Yields the frames of what a reader gave out, each with its blank line."""
    *whole, rest = frames.split(FRAME_END)
    yield from (frame + FRAME_END for frame in whole)
    if rest:
        yield rest


def payload(frame: bytes) -> bytes:
    """Returns the data of a frame, its lines joined; empty where it has none."""
    if frame.startswith(b"data:") and frame.find(b"\n") < 0 and frame.find(b"\r") < 0:  # `in` takes twice as long
        return frame[5:].strip()  # nearly all are of one line
    return b"\n".join([line[5:].strip() for line in frame.splitlines() if line.startswith(b"data:")])


def data_frame(data: bytes, *, event: str = "") -> bytes:
    """Returns the frame that carries these data and nothing else: comments could forge a receipt."""
    named = b"event: %b\n" % event.encode() if event else b""
    return b"%bdata: %b\n\n" % (named, data.replace(b"\n", b"\ndata: "))
