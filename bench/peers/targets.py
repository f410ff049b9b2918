"""The peers as targets of bench/gateway.py. Each runs with less governance than ours: no log, no policy, no budget.

One worker each, one model that is the stand-in, callbacks, telemetry and retries off.
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.gateway_targets import Server, Target
from bench.peers.setup import FOLDER

START_S = 120.0
"""Seconds until a peer must answer: LiteLLM imports for twenty on a busy machine."""

HERE = Path(__file__).parent
MODEL = "mock"
_MASTER_KEY = "sk-bench-9f2c6e0d7b81a4"  # it refuses weak ones


def installed(folder: Path = FOLDER) -> tuple[Target, ...]:
    """Returns the peers that are set up, or none with a word on how to get them."""
    found = tuple(target for target in PEERS if (folder / target.name / "ready").exists())
    if len(found) < len(PEERS):
        sys.stderr.write("not all peers are set up, so some ratios are missing: make peers\n")
    return found


@contextlib.contextmanager
def _litellm(url: str, folder: Path) -> Iterator[Server]:
    model = {"model": f"openai/{MODEL}", "api_base": url, "api_key": "none"}
    config = {
        "model_list": [{"model_name": MODEL, "litellm_params": model}],
        "litellm_settings": {"callbacks": [], "num_retries": 0, "telemetry": False},
        "general_settings": {"master_key": _MASTER_KEY},
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    port = _free_port()
    command = [str(FOLDER / "litellm/env/bin/litellm"), "--config", str(folder / "config.yaml")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--telemetry", "False"]
    with _running(command, folder, LITELLM_LOCAL_MODEL_COST_MAP="True") as process:
        ask = ("/v1/chat/completions", {"authorization": f"Bearer {_MASTER_KEY}"})
        yield _listening(process, port, ask)


@contextlib.contextmanager
def _tensorzero(url: str, folder: Path) -> Iterator[Server]:
    provider = f'type = "openai"\nmodel_name = "{MODEL}"\napi_base = "{url}/"\napi_key_location = "none"\n'
    config = "[gateway]\nobservability.enabled = false\n"
    config += f'[models.{MODEL}]\nrouting = ["only"]\n[models.{MODEL}.providers.only]\n{provider}'
    (folder / "config.toml").write_text(config)
    python = str(FOLDER / "tensorzero/env/bin/python")
    command = [python, str(HERE / "tensorzero_server.py"), str(folder / "config.toml")]
    with _running(command, folder, told=True) as process:
        assert process.stdout is not None
        base = next(line for line in process.stdout if line.startswith("http://"))
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", base.strip())
        assert found is not None
        yield _listening(
            process, int(found[1]), (f"{found[2]}/chat/completions", {}), model=f"tensorzero::model_name::{MODEL}"
        )


@contextlib.contextmanager
def _portkey(url: str, folder: Path) -> Iterator[Server]:
    port = _free_port()
    program = FOLDER / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"
    command = ["node", "--require", str(HERE / "loopback.cjs"), str(program), f"--port={port}", "--headless"]
    with _running(command, folder) as process:
        headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": url, "authorization": "Bearer none"}
        yield _listening(process, port, ("/v1/chat/completions", headers))


PEERS = (Target("litellm", _litellm), Target("tensorzero", _tensorzero), Target("portkey", _portkey))


@contextlib.contextmanager
def _running(
    command: Sequence[str], folder: Path, *, told: bool = False, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if told else output,
            stderr=output,
            text=True,
            cwd=folder,
            env={**os.environ, **environment},
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listening(
    process: subprocess.Popen[str], port: int, ask: tuple[str, Mapping[str, str]], model: str = MODEL
) -> Server:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"a peer ended with {process.returncode}: {process.args!r}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return Server(process.pid, port, asks=[ask], model=model)
        time.sleep(0.2)
    raise RuntimeError(f"a peer did not listen within {START_S:g} s: {process.args!r}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
