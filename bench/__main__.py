"""`make bench`: runs the measurements and writes bench/results.json, rows of name, value, unit, method, samples."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import (
    boundary,
    detection,
    freeze,
    freeze_workers,
    gateway,
    hunts,
    ingest,
    ingest_large,
    ledger,
    ledger_large,
    ledger_postgres,
    policy,
    scope,
    served,
)
from bench.corpora import CorporaError, corpora

RESULTS = Path(__file__).with_name("results.json")
Row = dict[str, Any]
PARTS: Mapping[str, Callable[[], list[Row]]] = {
    "gateway": lambda: [*gateway.rows(), *served.rows()],
    "freeze": lambda: [*freeze.rows(), *freeze_workers.rows()],
    "policy": policy.rows,
    "log": ledger.rows,
    "scope": scope.rows,
    "boundary": boundary.rows,
    "detection": detection.rows,
    "ingest": ingest.rows,
    "hunts": hunts.rows,
    "log-postgres": ledger_postgres.rows,
    "log-large": ledger_large.rows,
    "ingest-large": ingest_large.rows,
}


def main() -> None:
    """Runs all parts, or the one named by --only."""
    parser = argparse.ArgumentParser(description="Measures Safeconduct; ratios and CPU count, wall time does not.")
    parser.add_argument("--only", choices=sorted(PARTS), help="one part alone")
    only = parser.parse_args().only
    try:
        if only is None:
            corpora()  # asked for before the first part, whose minutes would be in vain
        rows = [row for name, part in PARTS.items() if only in (None, name) for row in _run(name, part)]
    except CorporaError as error:
        parser.exit(2, f"{error}\n")
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "load": os.getloadavg()}
    RESULTS.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1), encoding="utf-8")
    _show(rows, machine)


def _run(name: str, part: Callable[[], list[Row]]) -> list[Row]:
    sys.stderr.write(f"measuring {name} ...\n")
    return part()


def _show(rows: list[Row], machine: Mapping[str, Any]) -> None:
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        sys.stdout.write(f"{row['name']:<{width}}  {row['value']:>12,.2f} {row['unit']}\n")
    for method in dict.fromkeys(row["method"] for row in rows):
        sys.stdout.write(f"\n{method}\n")
    sys.stdout.write(f"\n{machine}; written to {RESULTS.name}\n")


if __name__ == "__main__":
    main()
