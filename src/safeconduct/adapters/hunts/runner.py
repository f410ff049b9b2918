"""Hunts answered by a child process: bounded in time and memory, ended and started again as needed."""

import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic

import msgspec

from safeconduct.adapters.hunts.choosing import DUCKDB, Chosen
from safeconduct.adapters.hunts.orders import Answer, CatchUp, Detect, Order, Reply
from safeconduct.kernel.errors import Kind, LimitedError, SafeconductError, UnavailableError
from safeconduct.kernel.instants import Duration, seconds
from safeconduct.soc.detection.model import RuleError
from safeconduct.soc.hunts.model import Budget, Hunt, HuntResult, RuleHunt, RuleHuntResult, over_budget

STEP_S = 300.0
"""Seconds one step of catching up may take: it writes 131,072 rows, in some ten seconds on one core."""

REPLY_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one answer: 10,000 rows of texts as long as any that telemetry has."""

_PIECE = 1 << 16


class HuntChild:
    """The child process, started with the first order. One order at a time; for threads."""

    def __init__(self, chosen: Chosen = DUCKDB) -> None:
        self._chosen = chosen
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process else None

    def ask(self, order: Order, within: float) -> Reply:
        """Returns what the child answers; one that does not within so many seconds is killed.

        Raises:
            TimeoutError: it was killed.
            UnavailableError: it ended, or said what is no answer (`hunts-unavailable`).
        """
        with self._lock:
            process = self._process = self._process or _started(self._chosen)
            try:
                return _asked(process, msgspec.json.encode(order) + b"\n", monotonic() + within)
            except BaseException:
                self._end()
                raise

    def close(self) -> None:
        """Ends the child."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()  # nothing it does needs an end: what is written is renamed into place when it is whole
            process.communicate()


class ChildHunts:
    """`HuntRunner` over one archive's folder, by a child that archives may share."""

    def __init__(self, child: HuntChild, folder: Path) -> None:
        self._child = child
        self._folder = str(folder.resolve())

    def run(self, hunt: Hunt, budget: Budget) -> HuntResult:
        reply, took = self._answered(Answer(self._folder, hunt, budget), budget)
        if reply.result is None:
            raise _said_nothing()
        return replace(reply.result, took=took)

    def detect(self, hunt: RuleHunt, budget: Budget) -> RuleHuntResult:
        reply, took = self._answered(Detect(self._folder, hunt, budget), budget)
        if reply.detected is None:
            raise _said_nothing()
        return replace(reply.detected, took=took)

    def _answered(self, order: Order, budget: Budget) -> tuple[Reply, Duration]:
        while True:
            while not self._ask(CatchUp(self._folder), STEP_S).done:
                pass
            began = monotonic()
            try:
                reply = self._ask(order, budget.seconds)
            except TimeoutError as error:
                raise over_budget(budget) from error
            if reply.done:  # else events were destroyed in between
                return reply, seconds(monotonic() - began)

    def _ask(self, order: Order, within: float) -> Reply:
        reply = self._child.ask(order, within)
        if reply.kind is None:
            return reply
        raise _ERRORS.get(reply.kind, UnavailableError)(reply.message, code=reply.code, remedy=reply.remedy)


_ERRORS: Mapping[Kind, type[SafeconductError]] = {Kind.INVALID: RuleError, Kind.LIMITED: LimitedError}


def _said_nothing() -> UnavailableError:
    return UnavailableError("the engine answered nothing", code="hunts-unavailable")


def _started(chosen: Chosen) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "safeconduct.adapters.hunts.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,  # a Ctrl-C in the terminal is for Safeconduct, which then ends the child
    )
    assert process.stdin is not None  # noqa: S101 - it was started with a pipe
    process.stdin.write(msgspec.json.encode(chosen) + b"\n")  # flushed with the first order
    return process


def _asked(process: subprocess.Popen[bytes], order: bytes, until: float) -> Reply:
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - it was started with pipes
    try:
        process.stdin.write(order)
        process.stdin.flush()
        return msgspec.json.decode(_line(process.stdout.fileno(), until), type=Reply)
    except (OSError, msgspec.DecodeError) as error:
        if isinstance(error, TimeoutError):
            raise
        raise UnavailableError(
            "the hunting process ended without an answer",
            code="hunts-unavailable",
            remedy="install the engine: pip install 'safeconduct[hunts]'; or ask for less: it is ended where memory is",
        ) from error


def _line(pipe: int, until: float) -> bytes:
    found = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not found.endswith(b"\n"):
            left = until - monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError
            piece = os.read(pipe, _PIECE)
            if not piece or len(found) > REPLY_BYTES_MAX:
                raise BrokenPipeError
            found += piece
    return bytes(found)
