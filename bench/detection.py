"""Detection: events per CPU second with all public Windows rules, memory, a start from kept rules, and a peer."""

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import detection_data as data
from bench.peers.setup import FOLDER
from safeconduct.adapters.telemetry.evtx import read_log
from safeconduct.kernel.ids import EventId
from safeconduct.soc.detection.engine import Engine
from safeconduct.soc.detection.parsing import check
from safeconduct.soc.model import Event
from safeconduct.soc.ports import DeadLetter
from safeconduct.soc.windows import SOURCE

PEER_EVENTS = 1_000
"""Events that the peer is given, taken evenly from the campaign; it takes some seconds for them."""

METHOD = (
    "SigmaHQ's rules for Windows over the 59,707 lines of OTRF's LSASS campaign 05: from a line's bytes to a hit with"
    " its evidence, parsing included; the least CPU of three rounds, of"
    " which `parse_cpu_s` is what parsing takes alone, with Python's search for cycles narrowed as the product does."
    " Memory is the peak of that process,"
    " which began with kept rules; `cached_start_s` is CPU from the process' first instruction to an engine that is"
    " ready, `first_start_s` that of reading and compiling the rules. `regression_passed` counts SigmaHQ's recordings"
    " whose rule fired, of those whose rule is at hand (samples). `vs_best_python` is our events per CPU second over"
    " those of azuma, the one Sigma engine in pure Python that installs and runs: it is given parsed events and, of the"
    " rules it can load, for each event those of its log source alone, chosen by our table outside its time"
)
Row = dict[str, Any]


def rows() -> list[Row]:
    """Returns what detection costs. The peer's row is missing where it was not set up."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "lines"
        with lines.open("wb") as file:
            file.writelines(data.campaign_lines())
        first, ran = _child(f"{folder}/compiled"), _child(f"{folder}/compiled", str(lines))
    best = min(ran["rounds"], key=lambda one: one["cpu_s"])
    rate = best["events"] / best["cpu_s"]
    passed, known = _regression()
    found = [
        _row("events_per_cpu_s", rate, "1/s", ran["rounds"]),
        _row("rss_mb", ran["rss_mb"], "MB", {"rules": ran["rules"]}),
        _row("cached_start_s", ran["start_s"], "s", {"rules": ran["rules"]}),
        _row("first_start_s", first["start_s"], "s", {"rules": first["rules"]}),
        _row("regression_passed", passed, "", {"rule_at_hand": known}),
    ]
    peer = FOLDER / "azuma"
    if (peer / "ready").exists():
        told = _peer(peer)
        found.append(_row("peer.azuma_events_per_cpu_s", told["events"] / told["cpu_s"], "1/s", told))
        found.append(_row("vs_best_python", rate * told["cpu_s"] / told["events"], "x", told))
    return found


def _child(folder: str, *more: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "bench.detection_run", folder, *more], check=True, stdout=subprocess.PIPE
    )
    return dict(json.loads(ran.stdout))


def _regression() -> tuple[int, int]:
    wanted = data.recordings()
    ids = {one.rule for one in wanted}
    texts = [(name, text) for name, text in data.rules() if (found := data.ID.search(text)) and found[1] in ids]
    rules, _ = check(texts)
    engine, known = Engine(rules.events), {rule.head.id for rule in rules.events}
    passed = sum(
        any(found.rule.head.id == one.rule for found in engine.hits(_events(one.log)))
        for one in wanted
        if one.rule in known
    )
    return passed, sum(one.rule in known for one in wanted)


def _events(log: bytes) -> Iterator[Event]:
    for number, one in enumerate(read_log(io.BytesIO(log))):
        if not isinstance(one, DeadLetter):
            yield Event(id=EventId(str(number)), source=SOURCE, at=one.at, raw=one.raw, ocsf={"class_uid": 0})


def _peer(folder: Path) -> dict[str, Any]:
    """Runs the peer on its part of the campaign, each event with the rules of its log source."""
    script = Path(__file__).with_name("peers") / "azuma_run.py"
    ran = subprocess.run([folder / "env/bin/python", script], input=_questions(), check=True, stdout=subprocess.PIPE)
    return dict(json.loads(ran.stdout))


def _questions() -> bytes:
    from bench.detection_peer import questions  # noqa: PLC0415 - reads all rules once more, for the peer alone

    return questions(PEER_EVENTS)


def _row(name: str, value: float, unit: str, samples: Any) -> Row:  # noqa: ANN401 - JSON
    return {"name": f"detection.{name}", "value": value, "unit": unit, "method": METHOD, "samples": samples}
