"""Steps of live detection in a file, each line under a MAC over all before it that only this installation can make.

Whoever can write the file and nothing else can leave out no hit and make none up: a line that was changed, left out,
moved or taken from elsewhere does not verify, and lines that are missing at the end are of events that are read again.
"""

import hmac
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from safeconduct.adapters.files import translated, write_atomically
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.detection.measuring import Hit
from safeconduct.soc.live.keeping import Again, Found, KeptStep

NAME = "live.hits"
"""The file, beside the event index. It holds what was found in events, so it is for whoever may read these."""

Secret = Callable[[], bytes]
"""Returns the installation's secret that the file's lines are authenticated with; raises UnavailableError."""

_DIGITS = 64  # of a line's MAC
_BEFORE = b"safeconduct.kept-hits/1\0"  # and whose telemetry it is: what the first line is after


class _Head(msgspec.Struct, frozen=True):
    made_of: str
    because: Again


class KeptHitsFile:
    """`KeptHits` of the archive of `owner`. One process writes it; where two did, it is damaged, and all is read again.

    Where the secret can't be had nothing is taken from the file, and nothing kept.
    """

    def __init__(self, path: Path, secret: Secret, owner: str = "") -> None:
        self._path = path
        self._secret = secret
        self._first = _BEFORE + owner.encode()
        self._mac = b""
        self._whole = False
        self._lock = threading.Lock()

    def read(self, made_of: str) -> KeptStep | Again:
        self._whole = False
        try:
            with self._lock, self._path.open("r+b") as file:
                return self._joined(file, made_of)
        except FileNotFoundError:
            return Again.NOTHING
        except (OSError, ValueError, msgspec.MsgspecError, UnavailableError):
            return Again.DAMAGED

    def _joined(self, file: BinaryIO, made_of: str) -> KeptStep | Again:
        head = msgspec.json.decode(self._checked(file.readline(), self._first), type=_Head)
        if head.made_of != made_of:
            return Again.OTHER
        hits, until, step = defaultdict[str, list[Hit]](list), Instant(0), None
        decoder, end = msgspec.json.Decoder(KeptStep), file.tell()
        for line in iter(file.readline, b""):
            if not line.endswith(b"\n"):
                file.truncate(end)
                break
            step, end = decoder.decode(self._checked(line, self._mac)), end + len(line)
            until = max(until, step.found.until)
            for rule, found in step.found.hits.items():
                hits[rule] += found
        if step is None:
            return head.because
        self._whole = True
        return replace(step, found=Found(hits=hits, until=until))

    def begin(self, made_of: str, because: Again) -> None:
        self._whole = True
        try:
            with self._lock:
                write_atomically(self._path, self._line(msgspec.json.encode(_Head(made_of, because)), self._first))
        except (OSError, UnavailableError):
            self._forget()

    def add(self, step: KeptStep) -> None:
        if not self._whole:
            return
        try:
            with self._lock, self._path.open("r+b") as file:
                file.seek(0, os.SEEK_END)
                file.write(self._line(msgspec.json.encode(step), self._mac))
        except (OSError, UnavailableError):
            self._forget()

    def keep_only(self, there: Callable[[Collection[EventId]], Collection[EventId]]) -> None:
        with self._lock:
            try:
                self._keep_only(there)
            except FileNotFoundError:
                return
            except (OSError, ValueError, msgspec.MsgspecError, UnavailableError):
                self._whole = False
                with translated(self._path):
                    self._path.unlink(missing_ok=True)

    def _keep_only(self, there: Callable[[Collection[EventId]], Collection[EventId]]) -> None:
        steps, decoder = list[KeptStep](), msgspec.json.Decoder(KeptStep)
        with self._path.open("rb") as file:
            head = self._checked(file.readline(), self._first)
            for line in iter(file.readline, b""):
                if line.endswith(b"\n"):
                    steps.append(decoder.decode(self._checked(line, self._mac)))
        named = {key for step in steps for hits in step.found.hits.values() for hit in hits for key in hit.events}
        kept = frozenset(there(named))
        if kept == named:
            return
        lines = [self._line(head, self._first)]
        lines += [self._line(msgspec.json.encode(_of(step, kept)), self._mac) for step in steps]
        write_atomically(self._path, b"".join(lines))

    def because(self) -> str:
        try:
            with self._path.open("rb") as file:
                said, mac = _parted(file.readline())
            if not hmac.compare_digest(mac, self._over(said, self._first)):
                return Again.DAMAGED
            return msgspec.json.decode(said, type=_Head).because
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, msgspec.MsgspecError, UnavailableError):
            return Again.DAMAGED

    def _forget(self) -> None:
        """Keeps nothing until it is begun again: a step that is missing would be one that is never found."""
        self._whole = False
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return

    def _line(self, said: bytes, before: bytes) -> bytes:
        self._mac = self._over(said, before)
        return self._mac + b" " + said + b"\n"

    def _checked(self, line: bytes, before: bytes) -> bytes:
        said, mac = _parted(line)
        self._mac = self._over(said, before)
        if not hmac.compare_digest(mac, self._mac):
            raise ValueError("a line is not what was written")
        return said

    def _over(self, said: bytes, before: bytes) -> bytes:
        return hmac.new(self._secret(), before + b"\0" + said, sha256).hexdigest().encode()


def _parted(line: bytes) -> tuple[bytes, bytes]:
    """Returns what a line says, and its MAC."""
    if line[_DIGITS : _DIGITS + 1] != b" " or line[-1:] != b"\n":
        raise ValueError("a line has another form")
    return line[_DIGITS + 1 : -1], line[:_DIGITS]


def _of(step: KeptStep, events: frozenset[EventId]) -> KeptStep:
    found = {rule: [hit for hit in hits if events.issuperset(hit.events)] for rule, hits in step.found.hits.items()}
    hits = {rule: some for rule, some in found.items() if some}
    return replace(step, found=Found(hits=hits, until=step.found.until))
