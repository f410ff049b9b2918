"""`safeconduct demo`: the whole story on recorded telemetry, on this machine alone."""

import contextlib
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from safeconduct import settings
from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.telemetry.files import found_files
from safeconduct.cli.demo.breaks import try_to_break
from safeconduct.cli.demo.document import Document
from safeconduct.cli.demo.screen import Screen
from safeconduct.cli.demo.story import Story
from safeconduct.cli.demo.world import ModelChoice, World, default_root, world
from safeconduct.cli.output import Json, emit
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import rfc3339
from safeconduct.web.report import render_report

PUBLIC = "--key partner/log.pub --witness partner/witness.pub"

Root = Annotated[Path | None, typer.Option("--data", help="A new folder for all of it; by default one of its own.")]
Corpus = Annotated[
    list[Path] | None,
    typer.Option("--corpus", help="Your own telemetry instead: JSON lines and the formats of ingest."),
]
ModelURL = Annotated[str, typer.Option("--model", help="Base URL of an OpenAI-compatible server to ask instead.")]
ModelKey = Annotated[str, typer.Option("--model-key-env", help="Name of the environment variable with its key.")]
ModelName = Annotated[str, typer.Option("--model-name", help="The model's name at that server.")]


def demo(
    *,
    data: Root = None,
    corpus: Corpus = None,
    model: ModelURL = "",
    model_key_env: ModelKey = "",
    model_name: ModelName = "",
    as_json: Json = False,
) -> None:
    """Tells the story: telemetry, incident, a governed model call, claims checked, a response, the partner's check."""
    choice = _choice(model, model_key_env, model_name)
    read = settings.read()
    if choice.key_env:
        read.secret(choice.key_env)
    if corpus:
        found_files(corpus)  # what is missing is told before anything is made
    root = (data or default_root(read.data)).resolve()
    screen = Screen(quiet=as_json)
    began = time.monotonic()
    document = Document(data=str(root / "installation"), made_at=rfc3339(SystemClock().now()))
    screen.title("Safeconduct: one governed triage of real telemetry, end to end")
    with contextlib.ExitStack() as stack:
        with screen.working("starting the partner's witness, the server and the model"):
            running = stack.enter_context(world(root, choice, read.environment))
        document.setup["started_s"] = round(time.monotonic() - began, 1)
        story = Story(running, screen, document, corpus or ())
        story.tell()
        try_to_break(story)
        story.verify("")
        _evidence(running, document)
    document.setup["seconds"] = round(time.monotonic() - began, 1)
    _where(screen, root, document)
    emit(document, as_json, lambda _document: None)


def _choice(url: str, key_env: str, name: str) -> ModelChoice:
    if not url:
        if key_env or name:
            raise InvalidInputError("--model-key-env and --model-name go with --model URL")
        return ModelChoice()
    if not name:
        raise InvalidInputError("a server of your own needs its model's name", remedy="pass --model-name MODEL")
    return ModelChoice(url=url, key_env=key_env, name=name)


def _evidence(running: World, document: Document) -> None:
    """Writes what can be printed, and the proof of the response, before the server ends."""
    (running.root / "evidence.html").write_text(render_report(msgspec.to_builtins(document)), encoding="utf-8")
    if document.action:
        done = next(state for state in document.action["states"] if state["state"] == "done")
        proof = running.acting("ana").raw(f"/api/v1/logs/entries/{done['entry']}/proof")
        (running.root / "evidence.tlog-proof").write_bytes(proof)


def _where(screen: Screen, root: Path, document: Document) -> None:
    screen.step("", f"Done in {document.setup['seconds']} s")
    screen.fact("evidence to print", root / "evidence.html")
    if document.action:
        screen.fact("proof to hand over", root / "evidence.tlog-proof")
        screen.fact("verify it offline", f"cd {root} && safeconduct log verify evidence.tlog-proof {PUBLIC}")
    screen.fact("data", document.data)
    screen.say("\nNext, with .venv/bin on your PATH:")
    screen.copied(f"  export SAFECONDUCT_DATA={document.data}")
    screen.copied("  safeconduct incident list                 what was found")
    screen.copied("  safeconduct log verify                    the logs, in place")
    screen.copied("  safeconduct serve                         and any OpenAI SDK at /paths/soc-triage/openai/v1")
    screen.copied("  safeconduct demo --corpus FILE_OR_FOLDER  your own telemetry")
    screen.copied("  safeconduct demo --model URL --model-name MODEL --model-key-env NAME   your own model")
