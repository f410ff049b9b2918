"""Command line of the lab: `lab/record OUT_DIR [--minutes 22] [--seed 7]` or `lab/record --clean`."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from lab import preflight, recorder, victim

MINUTES_MIN = 12.0


def main() -> int:
    """Check, record, and say where the recording lies."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if options.clean:
            return _clean()
        _check(options)
        preflight.check()
        options.out.mkdir(parents=True, exist_ok=True)
        return _told(options.out, recorder.record(options.out, options.minutes, options.seed))
    except preflight.PreflightError as problem:
        sys.stderr.write(f"lab/record: {problem}\n")
        return 2


def _told(out: Path, problems: list[str]) -> int:
    for problem in problems:
        sys.stderr.write(f"lab/record: an actor failed, so something is missing: {problem}\n")
    sys.stdout.write(f"recorded into {out}\n")
    return 1 if problems else 0


def _check(options: argparse.Namespace) -> None:
    if options.out is None:
        raise preflight.PreflightError("give OUT_DIR, the folder to write the recording into")
    if options.minutes < MINUTES_MIN:
        raise preflight.PreflightError(f"give at least {MINUTES_MIN:.0f} minutes: the attack needs them")


def _clean() -> int:
    if preflight.namespaces():
        victim.stop_audit()
    recorder.clean()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab/record", description="Record telemetry of real programs in a network lab."
    )
    parser.add_argument("out", nargs="?", type=Path, metavar="OUT_DIR", help="folder to write the recording into")
    parser.add_argument("--minutes", type=float, default=22.0, help="length of the benign work (default 22)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the timetable and the made-up files (default 7)")
    parser.add_argument("--clean", action="store_true", help="only clear up after a recording which was cut off")
    return parser


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())
