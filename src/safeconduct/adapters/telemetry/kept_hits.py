"""Steps of live detection in a file, each line under a digest of all before it."""

import os
from collections import defaultdict
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from safeconduct.adapters.files import write_atomically
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import Instant
from safeconduct.soc.detection.measuring import Hit
from safeconduct.soc.live.keeping import Again, Found, KeptStep

NAME = "live.hits"
"""The file, beside the event index. It holds what was found in events, so it is for whoever may read these."""

_DIGITS = 64  # of a line's digest


class _Head(msgspec.Struct, frozen=True):
    made_of: str
    because: Again


class KeptHitsFile:
    """`KeptHits` of one archive. One process writes it; where two did, it is damaged, and all is read again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = ""
        self._whole = False

    def read(self, made_of: str) -> KeptStep | Again:
        self._whole = False
        try:
            with self._path.open("r+b") as file:
                return self._joined(file, made_of)
        except FileNotFoundError:
            return Again.NOTHING
        except (OSError, ValueError, msgspec.MsgspecError):
            return Again.DAMAGED

    def _joined(self, file: BinaryIO, made_of: str) -> KeptStep | Again:
        head = msgspec.json.decode(self._checked(file.readline(), ""), type=_Head)
        if head.made_of != made_of:
            return Again.OTHER
        hits, until, step = defaultdict[str, list[Hit]](list), Instant(0), None
        decoder, end = msgspec.json.Decoder(KeptStep), file.tell()
        for line in iter(file.readline, b""):
            if not line.endswith(b"\n"):
                file.truncate(end)
                break
            step, end = decoder.decode(self._checked(line, self._digest)), end + len(line)
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
            write_atomically(self._path, self._line(msgspec.json.encode(_Head(made_of, because)), ""))
        except (OSError, UnavailableError):
            self._forget()

    def add(self, step: KeptStep) -> None:
        if not self._whole:
            return
        try:
            with self._path.open("r+b") as file:
                file.seek(0, os.SEEK_END)
                file.write(self._line(msgspec.json.encode(step), self._digest))
        except OSError:
            self._forget()

    def because(self) -> str:
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.readline()[_DIGITS + 1 :], type=_Head).because
        except (OSError, ValueError, msgspec.MsgspecError):
            return ""

    def _forget(self) -> None:
        """Keeps nothing until it is begun again: a step that is missing would be one that is never found."""
        self._whole = False
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return

    def _line(self, said: bytes, before: str) -> bytes:
        self._digest = sha256(before.encode() + said).hexdigest()
        return self._digest.encode() + b" " + said + b"\n"

    def _checked(self, line: bytes, before: str) -> bytes:
        said = line[_DIGITS + 1 : -1]
        if self._line(said, before) != line:
            raise ValueError("a line is not what was written")
        return said
