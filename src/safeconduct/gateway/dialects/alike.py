"""Frames that say what a frame before them said, but for one text that no reader of ours looks at.

Nearly all frames of a stream are such. All those of one read are told by comparing bytes, and not read as JSON again.
"""

import re

from safeconduct.gateway.limits import FRAME_BYTES_MAX

_OPENING_BYTES = 12
"""Bytes before a text by which it is looked for: few compare fast, and too few are found within the frames."""

# Texts with a space between them, so that no escape and no character lies across two of them. What holds other escapes
# is for the full reader.
_TEXTS = re.compile(rb'[^"\\\x00-\x1f]*(?:\\["\\/bfnrt][^"\\\x00-\x1f]*)*')


class Alike:
    """Compares frames with the one that was learnt last, but for the text of its one member named `...member`.

    Readers of the frames must look neither at that text nor at any other of a member whose name ends so.
    """

    def __init__(self, member: str) -> None:
        self._opening = re.compile(rb'%b":\s?"' % member.encode())
        self._learnt = b""
        self._begin = self._end = b""

    def learn(self, frame: bytes) -> None:
        """Takes a frame that was read and is released as it came, the reading of which changed nothing for later ones.

        One with other escapes in its text, or with several such texts, teaches nothing.
        """
        self._learnt = frame

    def forget(self) -> None:
        """Knows no frame: what was read last changed what may follow."""
        self._learnt = self._begin = b""

    def run(self, data: bytes) -> int:
        """Returns how many bytes at the start of the data are whole frames that are alike; none if in doubt."""
        if self._learnt:
            self._take_apart()
        begin, end = self._begin, self._end
        if not begin or len(data) > FRAME_BYTES_MAX or not data.startswith(begin):
            return 0
        most = data.rfind(end) + len(end)
        between = end + begin
        left_out = _OPENING_BYTES - len(between)
        texts = [rest[:left_out] for rest in (data[len(begin) : most] + begin).split(begin[-_OPENING_BYTES:])[:-1]]
        if not texts or begin + between.join(texts) + end != data[:most] or not _are_plain(texts):
            return 0
        return most

    def _take_apart(self) -> None:
        frame = self._learnt
        self.forget()
        found = list(self._opening.finditer(frame))
        if len(found) == 1:
            text = found[0].end()
            ended = _TEXTS.match(frame, text)
            if ended is not None and frame.startswith(b'"', ended.end()):
                self._begin, self._end = frame[:text], frame[ended.end() :]


def _are_plain(texts: list[bytes]) -> bool:
    joined = b" ".join(texts)
    if _TEXTS.fullmatch(joined) is None:
        return False
    try:
        joined.decode()
    except UnicodeDecodeError:
        return False
    return True
