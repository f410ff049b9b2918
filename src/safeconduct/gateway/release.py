"""Step 13: how an answer is let out. A path that holds lets out nothing that an inspector has not looked at.

Frames are held and released whole. What the inspector sees is text as its reader will put it together: all strings
below a member named `delta`, one after the other in the order they came, so that a word split over frames is one word;
and each frame's other strings and names.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from safeconduct.gateway.dialects.sse import whole_frames
from safeconduct.gateway.errors import DialectError, WithheldError, no_answer
from safeconduct.gateway.moves import Release
from safeconduct.gateway.ports import Inspector, Verdict
from safeconduct.gateway.strict_json import read_object

WINDOW_CHARACTERS = 512
"""Characters of text that stay behind in `hold-window`: what an inspector refuses is held whole up to this length.
Keys, addresses and phrases are shorter; at 20 tokens a second it is six seconds of an answer."""

_DONE = b"[DONE]"
_LABELS = frozenset(("type", "role", "id"))  # beside the text of a delta, not part of it


class Releaser(Protocol):
    """Takes the frames of a stream, and gives out those that may go, whole and in order."""

    @property
    def held(self) -> bytes:
        """The frames that came and were not given out."""
        ...

    def take(self, frames: bytes) -> bytes:
        """Takes whole frames and returns those that may go now.

        Raises:
            WithheldError: nothing that is held may go.
            UpstreamError: a frame can't be read as everybody would read it.
        """
        ...

    def rest(self) -> bytes:
        """Returns what is held, at the answer's end. Raises as `take` does."""
        ...


class PassesAll:
    """`Inspector` of a release that has none: it lets everything through."""

    def inspect(self, text: str, *, ends: bool) -> Verdict:  # noqa: ARG002 - the port's
        return Verdict()


class Passing:
    """`Releaser` that holds nothing."""

    held = b""

    def take(self, frames: bytes) -> bytes:
        return frames

    def rest(self) -> bytes:
        return b""


@dataclass(frozen=True, slots=True)
class _Held:
    frame: bytes
    ends_at: int  # characters of text up to the frame's end


_PASSING = Passing()


class HoldingWindow:
    """`Releaser` that stays WINDOW_CHARACTERS of text behind what was inspected."""

    def __init__(self, inspector: Inspector, window: int = WINDOW_CHARACTERS) -> None:
        self._inspector = inspector
        self._behind = window - 1  # a word of `window` characters that begins before these ends within them
        self._frames: deque[_Held] = deque()
        self._heard = 0
        self._tail = ""

    @property
    def held(self) -> bytes:
        return b"".join(held.frame for held in self._frames)

    def take(self, frames: bytes) -> bytes:
        text, others = self._tail, list[str]()
        for frame in whole_frames(frames):
            spoken, other = _heard(frame)
            self._heard += len(spoken)
            self._frames.append(_Held(frame, self._heard))
            text += spoken
            others += other
        _require(self._inspector, text, others, ends=False)
        self._tail = text[-self._behind :] if self._behind else ""
        return b"".join(self._ripe())

    def rest(self) -> bytes:
        _require(self._inspector, self._tail, [], ends=True)
        held = self.held
        self._frames.clear()
        return held

    def _ripe(self) -> Iterator[bytes]:
        while self._frames and self._heard - self._frames[0].ends_at >= self._behind:
            yield self._frames.popleft().frame


class HoldingAll:
    """`Releaser` that gives out nothing before the end."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector
        self._frames = bytearray()
        self._text: list[str] = []
        self._others: dict[str, None] = {}

    @property
    def held(self) -> bytes:
        return bytes(self._frames)

    def take(self, frames: bytes) -> bytes:
        self._frames += frames
        for frame in whole_frames(frames):
            spoken, other = _heard(frame)
            self._text.append(spoken)
            self._others |= dict.fromkeys(other)
        return b""

    def rest(self) -> bytes:
        _require(self._inspector, "".join(self._text), list(self._others), ends=True)
        held = self.held
        self._frames.clear()
        return held


_RELEASERS: Mapping[Release, Callable[[Inspector], Releaser]] = {
    Release.PASS: lambda _: _PASSING,
    Release.HOLD_WINDOW: HoldingWindow,
    Release.HOLD_ALL: HoldingAll,
}
_PASS = Release.PASS


def releaser(mode: Release, inspector: Inspector) -> Releaser:
    """Returns what lets out the stream of one call."""
    return _RELEASERS[mode](inspector)


def check_whole(mode: Release, inspector: Inspector, body: bytes) -> None:
    """Inspects a JSON answer, which is let out whole in any mode.

    Raises:
        WithheldError: it may not go.
        UpstreamError: it can't be read as everybody would read it.
    """
    if mode is not _PASS:
        spoken, others = _read(body)
        _require(inspector, spoken, others, ends=True)


def _require(inspector: Inspector, text: str, others: list[str], *, ends: bool) -> None:
    for part, whole in ((text, ends), ("\n".join(others), True)):
        verdict = inspector.inspect(part, ends=whole) if part else Verdict()
        if not verdict.passes:
            raise WithheldError(verdict.clause)


def _heard(frame: bytes) -> tuple[str, list[str]]:
    """Returns a frame's text, and its other strings and names."""
    lines = [line[5:].strip() for line in frame.splitlines() if line.startswith(b"data:")]
    payload = b"\n".join(lines)
    return _read(payload) if payload and payload != _DONE else ("", [])


def _read(payload: bytes) -> tuple[str, list[str]]:
    try:
        document = read_object(payload)
    except DialectError as error:
        raise no_answer("readers could differ in what it says") from error
    spoken, others = list[str](), list[str]()
    todo: list[tuple[object, bool]] = [(document, False)]
    while todo:
        value, in_delta = todo.pop()
        if isinstance(value, str):
            (spoken if in_delta else others).append(value)
        elif isinstance(value, Mapping):
            others.extend(value)
            todo += [(value[name], (in_delta or name == "delta") and name not in _LABELS) for name in reversed(value)]
        elif isinstance(value, list):
            todo += [(item, in_delta) for item in reversed(value)]
    return "".join(spoken), others
