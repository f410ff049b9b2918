"""A coding agent from npm works through the gateway: its shell tool's round trip, streamed over chat, and a refusal."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from safeconduct.gateway.moves import End
from support.gateway_world import MODEL
from support.openai_shapes import called
from support.programs import demo_program
from support.stand_in import USAGE_CHUNK, StandIn, chunk
from support.wire import wire

HERE = Path(__file__).parent / "agent"
INSTALL_S = 300
RUN_S = 300
TOOLS = b"[bash, edit, glob, grep, read, skill, task, todowrite, webfetch, write]"
COMMAND = "printf seen > made.txt"


class Model(StandIn):
    """Has the agent's shell called once, and then says that all is done."""

    async def _answer(self, http, request, text):
        if request["messages"][-1]["role"] == "tool" or not request.get("tools"):
            return await super()._answer(http, request, "done")
        response = await self._stream_head(http)
        for delta in called("bash", json.dumps({"command": COMMAND, "description": "Makes a file"})):
            await response.write(chunk("", delta=delta))
        await response.write(chunk("", "tool_calls") + USAGE_CHUNK + b"data: [DONE]\n\n")
        return response


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    """The agent's program, from its lock; skipped where it can't be had, unless `CI` says that all must run."""
    lacks = shutil.which("npm") is None or (sys.platform, platform.machine()) != ("linux", "x86_64")
    if lacks and os.environ.get("CI") != "true":
        pytest.skip("this needs nodejs and npm, and Linux on x86-64")
    folder = tmp_path_factory.mktemp("agent")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    words = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "node_modules" / "opencode-linux-x64" / "bin" / "opencode"


def worked(agent, gate, folder, task):
    """Has the agent work in a folder of its own; returns what it printed."""
    models = {MODEL: {"limit": {"context": 100_000, "output": 64}}}
    options = {"baseURL": gate.base_url, "apiKey": gate.world.tokens["ana"]}
    provider = {"npm": "@ai-sdk/openai-compatible", "models": models, "options": options}
    named = f"safeconduct/{MODEL}"
    config = {"provider": {"safeconduct": provider}, "model": named, "small_model": named, "share": "disabled"}
    (folder / "opencode.json").write_text(json.dumps(config))
    home = folder / "home"
    home.mkdir()
    told = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    }
    words = (str(agent), "run", "--format", "json", task)
    done = subprocess.run(
        words,
        cwd=folder,
        env=told,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_shell_is_called_through_the_gateway_and_each_call_has_one_outcome(agent, tmp_path):
    program = demo_program().replace(b"    tools: []\n", b"    tools: " + TOOLS + b"\n")
    with wire(program=program, model_server=Model) as gate:
        printed = worked(agent, gate, tmp_path, "make the file")
        assert (tmp_path / "made.txt").read_text() == "seen", printed
        assert "done" in printed
        assert [one.end for one in gate.ends()] == [End.COMPLETED] * len(gate.upstream.seen)
        assert len(gate.upstream.seen) >= 2


def test_an_agent_whose_tools_the_path_does_not_list_is_told_which(agent, tmp_path):
    program = demo_program().replace(b"    tools: []\n", b"    tools: " + TOOLS.replace(b"bash, ", b"") + b"\n")
    with wire(program=program, model_server=Model) as gate:
        printed = worked(agent, gate, tmp_path, "make the file")
        assert "this path lists no tool" in printed
        assert "bash" in printed
        assert not (tmp_path / "made.txt").exists()
