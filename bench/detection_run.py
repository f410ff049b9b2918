"""One process that makes the engine ready and matches a campaign: `python -m bench.detection_run FOLDER [LINES]`.

Prints one JSON object. FOLDER keeps compiled rules; LINES is the campaign, unpacked. What the process takes is counted
from its start.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench.detection_data import windows_rules
from safeconduct.adapters.clock import system_entropy
from safeconduct.adapters.cycles import no_full_search_for_cycles
from safeconduct.adapters.telemetry.compiled_rules import CompiledRulesFolder
from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.detection.engine import Engine, engine_of
from safeconduct.soc.detection.in_use import Kept, in_use
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.model import Event
from safeconduct.soc.windows import SOURCE

ROUNDS = 3
_ANY_CLASS = {"class_uid": 0}


def main() -> None:
    """Starts, matches, tells."""
    folder = CompiledRulesFolder(Path(sys.argv[1]), system_entropy)
    rules = in_use((), NOTHING, (Kept("windows", "", windows_rules),), folder).rules
    engine = engine_of(rules)
    started = time.process_time()
    with no_full_search_for_cycles():
        rounds = [_round(engine, Path(sys.argv[2])) for _ in range(ROUNDS)] if sys.argv[2:] else []
    told = {"rules": len(rules.events), "start_s": started, "rss_mb": _peak_mb(), "rounds": rounds}
    sys.stdout.write(json.dumps(told))


def _round(engine: Engine, unpacked: Path) -> dict[str, Any]:
    before = time.process_time()
    with unpacked.open("rb") as lines:
        for line in lines:
            msgspec.json.decode(line)
    parsed, count = time.process_time(), 0

    def events() -> Iterator[Event]:
        nonlocal count
        with unpacked.open("rb") as lines:
            for line in lines:
                count += 1
                raw = msgspec.json.decode(line)
                yield Event(id=EventId(str(count)), source=SOURCE, at=Instant(0), raw=raw, ocsf=_ANY_CLASS)

    hits = sum(1 for _ in engine.hits(events()))
    return {"cpu_s": time.process_time() - parsed, "parse_cpu_s": parsed - before, "events": count, "hits": hits}


def _peak_mb() -> float:
    """Returns this program's peak memory; what `getrusage` says may be that of whoever started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
