"""What looking through a text costs: recognizers per kilobyte, beside a hash of the same bytes in the same run."""

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench import recognizer_texts as texts
from bench import recognizers
from bench.boundary_requests import request_of
from bench.corpora import corpora
from safeconduct.access.inventory import Inventory, Site, compile_inventory
from safeconduct.boundary.by_field import names_in
from safeconduct.boundary.hints import hints
from safeconduct.boundary.model import Block, Source
from safeconduct.boundary.recognizing import recognize

ROUNDS = 5
METHOD = (
    "CPU of recognizing with an inventory of 500 hosts, 500 accounts, 5 domains and 20 networks, in calls of 1 KB,"
    f" the least of {ROUNDS} rounds. Typical: questions of analysts, Sigma rules, audit records, EVE alerts, in equal"
    " parts; worst: sshd's log, the densest there is. `by_field`: Windows events as JSON, read by their fields first."
    " `request`: the same texts each as a chat request, read, looked through and left with tokens in place of what was"
    " found, secrets redacted, indicators kept."
    " `vs_hash`: the same beside SHA-256 over the same bytes, for machines that are slow or busy"
)


def rows() -> list[dict[str, Any]]:
    """Returns cost per kilobyte, ratios to a hash, and what is found."""
    folder = corpora()
    typical = [piece for one in texts.typical(folder) for piece in one]
    worst = texts.pieces(texts.recording("auth.log"))
    events = texts.windows(folder)[:200]
    given = _inventory()

    def by_field(text: str) -> None:
        recognize(text, given, names_in([text], given))

    def free(text: str) -> None:
        recognize(text, given)

    def hinted(text: str) -> None:
        hints([Block(pointer="", source=Source.TOOL, text=text)])

    cost = {
        "boundary.recognizer_ms_per_kb": _ms_per_kb(free, typical),
        "boundary.recognizer_ms_per_kb.worst": _ms_per_kb(free, worst),
        "boundary.recognizer_ms_per_kb.by_field": _ms_per_kb(by_field, events),
    }
    ratio = {f"boundary.recognizer.vs_hash{name[29:]}": ms / _ms_per_kb(_hash, typical) for name, ms in cost.items()}
    measured = [_row(name, value, "ms/KB") for name, value in cost.items()]
    whole = request_of(given)
    measured += [
        _row("boundary.request_ms_per_kb", _ms_per_kb(whole, typical), "ms/KB"),
        _row("boundary.request_ms_per_kb.worst", _ms_per_kb(whole, worst), "ms/KB"),
        _row("boundary.hint_ms_per_kb", _ms_per_kb(hinted, typical), "ms/KB"),
    ]
    return [*measured, *(_row(name, value, "ratio") for name, value in ratio.items()), *recognizers.rows()]


def _inventory() -> Inventory:
    site = Site(
        id="house",
        hosts=tuple(f"host-{number:03}" for number in range(500)),
        accounts=tuple(f"person{number:03}" for number in range(500)),
        domains=("house.example", "HOUSE", "lab.example", "ops.example", "OPS"),
        networks=tuple(f"198.18.{number}.0/24" for number in range(20)),
    )
    return compile_inventory([site])


def _hash(text: str) -> None:
    hashlib.sha256(text.encode()).digest()


def _ms_per_kb(work: Callable[[str], object], those: Sequence[str]) -> float:
    took = []
    for _ in range(ROUNDS + 1):  # the first makes the tables
        began = time.process_time()
        for one in those:
            work(one)
        took.append(time.process_time() - began)
    return min(took[1:]) * 1e3 / (sum(map(len, those)) / 1_024)


def _row(name: str, value: float, unit: str) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "method": METHOD, "samples": []}
