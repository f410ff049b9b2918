"""One recording from start to end, and the clearing up which follows it in any case."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from lab import actions, attack, benign, bundle, nodes, victim
from lab.convert import instant
from lab.nodes import ENVIRONMENT, Node
from lab.preflight import namespaces

# The attack begins after this share of the time, so that ordinary work surrounds it.
ATTACK_SHARE = 0.3
SETTLE_S = 5.0


class Crew:
    """Actors at work at the same time; daemon threads, so that clearing up never waits for them."""

    def __init__(self) -> None:
        """Begin with nobody at work."""
        self._threads: list[threading.Thread] = []
        self.problems: list[str] = []

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Put one actor to work."""
        thread = threading.Thread(target=self._guard, args=(name, work), daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self) -> None:
        """Wait until everyone is done."""
        for thread in self._threads:
            thread.join()

    def _guard(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, RuntimeError, subprocess.SubprocessError) as problem:
            self.problems.append(f"{name}: {problem!r}")


def record(out: Path, minutes: float, seed: int) -> list[str]:
    """Build the lab, let everyone work, write the recording, and say what an actor could not do."""
    daemons: list[subprocess.Popen[str]] = []
    try:
        with tempfile.TemporaryDirectory(prefix="sc-lab-") as staging:
            world = nodes.build()
            victim.prepare(world, seed)
            capture = Path(staging) / "capture.pcapng"
            daemons += [_capture(capture), *victim.start(world), victim.start_receiver(sys.executable)]
            started_at = time.time()
            crew, performed = Crew(), list[dict[str, object]]()
            _play(crew, world, seed, minutes * 60.0, performed)
            _end(daemons[0])
            bundle.collect(out, world["web-01"], capture)
            bundle.write_json(out / "ground_truth.json", _truth(performed))
            bundle.write_manifest(out, seed, started_at, time.time())
            return crew.problems
    finally:
        victim.stop_audit()
        for daemon in reversed(daemons):
            _end(daemon)
        clean()


def clean() -> None:
    """End what runs in the lab's namespaces, by id, and remove the namespaces."""
    for name in namespaces():
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in _processes(name):
                _signal(pid, number)
            _wait_until(partial(_is_empty, name), 3.0)
        subprocess.run(["ip", "netns", "del", name], check=False, env=ENVIRONMENT)


def _play(crew: Crew, world: dict[str, Node], seed: int, length_s: float, performed: list[dict[str, object]]) -> None:
    began = time.monotonic()
    crew.start("attack", lambda: _attack(world, began + length_s * ATTACK_SHARE, performed))
    for action in benign.schedule(seed, length_s):
        _sleep_until(began + action.at_s)
        crew.start(f"{action.node} at {action.at_s:.0f} s", partial(actions.perform, world, action))
    _sleep_until(began + length_s)
    crew.wait()
    time.sleep(SETTLE_S)


def _truth(performed: list[dict[str, object]]) -> dict[str, object]:
    return {"attacker": attack.ATTACKER, "victim": "192.0.2.10", "account": "dana", "steps": performed}


def _attack(world: dict[str, Node], at: float, performed: list[dict[str, object]]) -> None:
    attacker = world["attacker"]
    public_key = victim.make_key(attacker, "dana", "laptop")
    _sleep_until(at)
    keyboard: actions.Keyboard | None = None
    for step in attack.steps(public_key):
        start = time.time()
        for argv in step.runs:
            actions.perform(world, actions.Run(0.0, "attacker", argv))
            time.sleep(step.pause_s if len(step.runs) > 1 else 0.0)
        if step.login:
            keyboard = actions.Keyboard(attacker, step.login)
        if keyboard is not None:
            _type(keyboard, step)
        performed.append(_told(step, start, time.time()))
        time.sleep(step.wait_s)


def _type(keyboard: actions.Keyboard, step: attack.Step) -> None:
    for line in step.lines:
        keyboard.type(line)
        time.sleep(step.pause_s)
    if step.logout:
        keyboard.close()


def _told(step: attack.Step, start: float, end: float) -> dict[str, object]:
    named = {"name": step.name, "technique": step.technique, "summary": step.summary}
    return named | {"start": instant(start), "end": instant(end), "signs": [asdict(sign) for sign in step.signs]}


def _capture(path: Path) -> subprocess.Popen[str]:
    argv = ["ip", "netns", "exec", nodes.namespace(nodes.ROUTER), "dumpcap", "-q", "-i", "br-dmz", "-f", "ip"]
    quiet = subprocess.DEVNULL
    started = subprocess.Popen(
        [*argv, "-w", str(path)], stdin=quiet, stdout=quiet, stderr=quiet, env=ENVIRONMENT, text=True
    )
    if not _wait_until(path.exists, 10.0):
        raise RuntimeError("dumpcap did not start to capture on the router")
    return started


def _processes(name: str) -> list[int]:
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    return [int(pid) for pid in listed.stdout.split()]


def _is_empty(name: str) -> bool:
    return not _processes(name)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=5.0)
    except subprocess.TimeoutExpired:
        process.kill()


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at - time.monotonic()))


def _wait_until(holds: Callable[[], bool], timeout_s: float) -> bool:
    end = time.monotonic() + timeout_s
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
    return holds()
