"""One process that makes the engine ready, and matches a campaign with it: `python -m bench.detection_run FOLDER`.

Prints one JSON object. FOLDER keeps compiled rules; what the process takes is counted from its start.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench.detection_data import campaign_lines, windows_rules
from safeconduct.adapters.clock import system_entropy
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
    rounds = [_round(engine) for _ in range(ROUNDS)] if "match" in sys.argv else []
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"rules": len(rules.events), "start_s": started, "rss_mb": peak, "rounds": rounds}
    sys.stdout.write(json.dumps(told))


def _round(engine: Engine) -> dict[str, Any]:
    before = time.process_time()
    count = 0

    def events() -> Iterator[Event]:
        nonlocal count
        for line in campaign_lines():
            count += 1
            yield Event(
                id=EventId(str(count)), source=SOURCE, at=Instant(0), raw=msgspec.json.decode(line), ocsf=_ANY_CLASS
            )

    hits = sum(1 for _ in engine.hits(events()))
    return {"cpu_s": time.process_time() - before, "events": count, "hits": hits}


if __name__ == "__main__":
    main()
