"""Step 11: pseudonyms in an answer become originals again, for a reader whom the path clears (restoring.md section 2).

What comes in was inspected as it was received. A stream's frames go on whole, in order and as many as came: of two that
share a token the later one has the original, and the last of a text waits until it is known that nothing follows.
"""

from collections.abc import Iterator
from typing import Protocol

import msgspec

from safeconduct.boundary.restoring import Tally
from safeconduct.gateway.dialects.said import strict
from safeconduct.gateway.dialects.speech import Channel, Said, Slot, Speech
from safeconduct.gateway.dialects.sse import data_frame, payload, whole_frames

_DONE = b"[DONE]"
_EVENT = b"event:"
NOTHING_SAID = Tally()


class TextRestorer(Protocol):
    """Restores one text that comes in pieces: however it is cut, what comes out is the same."""

    tally: Tally

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        ...

    def feed(self, text: str) -> str:
        """Takes the next piece and returns what may go."""
        ...

    def rest(self) -> str:
        """Returns what is held back, at the text's end. Raises UpstreamError as `FrameRestorer.take` does."""
        ...


class Restoring(Protocol):
    """What is put into an answer: pseudonyms' originals, or what variables stand for."""

    def restorer(self, *, as_json: bool, argument: bool) -> TextRestorer:
        """Returns what takes one text; with `as_json` it is a JSON document, with `argument` that of a tool call."""
        ...


def restored_answer(body: bytes, restorable: Restoring, speech: Speech) -> tuple[bytes, Tally]:
    """Returns a whole JSON answer restored, and what became of its tokens. Without any it is the same bytes.

    Raises:
        UpstreamError: readers could differ in what it says.
    """
    frame = _Frame.of(body, body, speech)
    tally = NOTHING_SAID
    for slot in frame.said.slots:
        tally += _put_restored(slot, restorable)
    return (msgspec.json.encode(frame.document) if frame.changed else body), tally


class FrameRestorer:
    """Restores the frames of one stream. Fit for frames that a dialect's reader gave out."""

    def __init__(self, restorable: Restoring, speech: Speech) -> None:
        self._restorable = restorable
        self._speech = speech
        self._waiting: list[_Frame] = []  # the first has the open channel's last text; the others follow it
        self._open: Channel = ()
        self._restorer: TextRestorer | None = None  # of the open channel, once that has said anything
        self._last: Slot | None = None
        self._told = NOTHING_SAID
        self._repeated = NOTHING_SAID  # the most of one event that tells again what others told

    @property
    def held(self) -> bytes:
        """The frames that came and were not given out, as they came."""
        return b"".join(frame.raw for frame in self._waiting)

    @property
    def tally(self) -> Tally:
        """What became of the tokens so far. What an event tells again is not counted twice."""
        open_one = self._restorer.tally if self._restorer else NOTHING_SAID
        return (self._told + open_one).at_least(self._repeated)

    def take(self, frames: bytes) -> bytes:
        """Takes whole frames and returns those that may go now.

        Raises:
            UpstreamError: readers could differ in what a frame says.
        """
        return b"".join([piece for raw in whole_frames(frames) for piece in self._take(raw)])

    def rest(self) -> bytes:
        """Returns what is held, at the stream's end."""
        self._end()
        return b"".join(self._given_out())

    def _take(self, raw: bytes) -> Iterator[bytes]:
        data = payload(raw)
        if not data:
            yield raw
            return
        frame = _Frame(raw, {}, Said(ends=True)) if data == _DONE else _Frame.of(raw, data, self._speech)
        goes_on = self._say(frame.said)
        if frame.said.ends:
            self._end()
        if goes_on:
            yield from self._given_out()
        self._waiting.append(frame)
        if self._restorer is None or not self._restorer.holds:
            yield from self._given_out()

    def _say(self, said: Said) -> bool:
        """Restores what a frame says; tells whether some of it goes on from there."""
        goes_on, repeated = False, NOTHING_SAID
        for slot in said.slots:
            if not slot.channel:
                repeated += _put_restored(slot, self._restorable)
                continue
            if slot.channel != self._open:
                self._end()
            if self._restorer is None and slot.text.strip():
                self._restorer = _restorer(slot, self._restorable)
            self._open, self._last, goes_on = slot.channel, slot, True
            if self._restorer is not None:
                slot.put(self._restorer.feed(slot.text))
        self._repeated = self._repeated.at_least(repeated)
        return goes_on

    def _end(self) -> None:
        """Ends the open channel: what it holds goes with its last text."""
        if self._last is not None and self._restorer is not None:
            self._last.put(self._last.text + self._restorer.rest())
            self._told += self._restorer.tally
        self._open, self._last, self._restorer = (), None, None

    def _given_out(self) -> Iterator[bytes]:
        waiting, self._waiting = self._waiting, []
        for frame in waiting:
            yield frame.restored


class _Frame:
    """One frame, or a whole answer, and whether what it says was changed."""

    def __init__(self, raw: bytes, document: dict[str, object], said: Said) -> None:
        self.raw = raw
        self.document = document
        self.said = said
        self._texts = [slot.text for slot in said.slots]

    @classmethod
    def of(cls, raw: bytes, data: bytes, speech: Speech) -> "_Frame":
        document = strict(data)
        return cls(raw, document, speech(document))

    @property
    def changed(self) -> bool:
        return any(slot.text != text for slot, text in zip(self.said.slots, self._texts, strict=True))

    @property
    def restored(self) -> bytes:
        if not self.changed:
            return self.raw
        first = self.raw.partition(b"\n")[0]
        event = first[len(_EVENT) :].strip().decode() if first.startswith(_EVENT) else ""
        return data_frame(msgspec.json.encode(self.document), event=event)


def _put_restored(slot: Slot, restorable: Restoring) -> Tally:
    text, restorer = slot.text, _restorer(slot, restorable)
    found = restorer.feed(text) + restorer.rest()
    if found != text:
        slot.put(found)
    return restorer.tally


def _restorer(slot: Slot, restorable: Restoring) -> TextRestorer:
    return restorable.restorer(as_json=_is_json(slot), argument=slot.as_json is True)


def _is_json(slot: Slot) -> bool:
    """A text that begins with a brace is a document that its reader will parse: escapes must stay whole in it."""
    return slot.as_json if slot.as_json is not None else slot.text.lstrip().startswith("{")
