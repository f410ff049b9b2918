"""Telemetry of a real installation whose program keeps it for a day: files, who holds them, and what became of them."""

import contextlib
import fcntl
import re

from support.keeping import DESTROYED, ORDERED
from support.programs import signed_by_both
from support.shell import made, witness
from support.telemetry import accepted

DAYS = 3
"""Days after which what is kept for one is surely due."""


def keeping_a_day(root, *, files):
    """Makes an installation that keeps telemetry for a day and took in so many files of one event each."""
    house, key = made(root)
    with witness(root / "witness", key) as told:
        file = house.program(told, upstream="custom", model="m")
        text = file.read_bytes().replace(b"role: partner", b"role: partner, telemetry_days: {all: 1}", 1)
        file.write_bytes(signed_by_both(text))
        said = house("program", "apply", file)
        assert said.code == 0, said
    for number in range(files):
        log = house.root / f"auth-{number}.log"
        log.write_text(accepted(f"zyx-{number}", at_s=number) + "\n")
        assert house("ingest", log, by="ana").code == 0
    return house


def raw_files(house):
    """Returns the raw files that are there, in the order in which an order has them."""
    return sorted(one for one in (house.data / "raw").iterdir() if re.fullmatch("[0-9a-f]{64}", one.name))


@contextlib.contextmanager
def held(files):
    """Holds raw files as who reads them in does: nothing destroys one meanwhile."""
    with contextlib.ExitStack() as stack:
        for file in files:
            fcntl.flock(stack.enter_context(file.open("rb")), fcntl.LOCK_SH)
        yield


def destruction(house):
    """Returns the types of the entries that speak of destroying, in their order."""
    listed = house("log", "show", "--count", 1000, "--json").json["entries"]
    return [one["type"] for one in listed if one["type"] in {ORDERED, DESTROYED}]


def left(house, text="zyx-"):
    """Returns the files of the data folder that hold a text."""
    found = (path for path in house.data.rglob("*") if path.is_file())
    return sorted(path.name for path in found if text.encode() in path.read_bytes())
