"""What is found of assets planted in real text, what is found where nothing was planted, and what looking costs."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench.corpora import corpora
from bench.scope_texts import KINDS, SEED, code, half, plant, prose, root_zone, suffixes
from safeconduct.gateway.targets import find_targets
from safeconduct.kernel.shares import wilson

PLANTED = 1_000
"""Assets planted of each kind: a share of 97 percent is then known to one percent."""

METHOD = (
    f"{PLANTED} assets of each kind, seed {SEED}, each between two words of a text of SAFECONDUCT_CORPORA, in one of"
    " the spellings of bench/scope_texts.py; found is the one right spelling. Only texts whose SHA-256 ends in a byte"
    " from 128 on: rules were tuned on the others. Top-level domains as often as addresses in these corpora have them"
    " (`any-tld`: each of the root zone's alike). `argument`: the same as the value of a tool's argument. Intervals are"
    " Wilson's at 95 percent. `found_per_kb` counts whatever is found in texts where nothing was planted, real names"
    " among it: a bound on false alarms from above"
)


def rows() -> list[dict[str, Any]]:
    """Returns recall by kind, findings per kilobyte by corpus, and CPU per kilobyte."""
    texts = {name: half(found, tuning=False) for name, found in _corpora().items()}
    every = [one for found in texts.values() for one in found]
    endings = suffixes(every)
    measured = {f"scope.recall.{kind}": _found(kind, every, endings) for kind in KINDS}
    measured["scope.recall.domain-any-tld"] = _found("domain", every, root_zone())
    measured["scope.recall.domain-argument"] = _found("domain", every, root_zone(), argument=True)
    return [
        *(_row(name, 100 * found / PLANTED, "%", in_percent(found, PLANTED)) for name, found in measured.items()),
        *(_row(f"scope.found_per_kb.{name.replace(' ', '-')}", per_kb(found), "1/KB") for name, found in texts.items()),
        _row("scope.false_alarms_per_kb", per_kb(every), "1/KB"),
        _row("scope.us_per_kb", _us_per_kb(every), "us/KB"),
    ]


def _found(kind: str, texts: Sequence[str], endings: Sequence[str], *, argument: bool = False) -> int:
    return sum(found(kind, number, texts, endings, argument=argument) for number in range(PLANTED))


def found(kind: str, number: int, texts: Sequence[str], endings: Sequence[str], *, argument: bool = False) -> bool:
    """Tells whether the asset of a number is found in its text, or as a tool's argument."""
    planted = plant(number, texts, endings, kind)
    if argument:
        return planted.asset in find_targets([], [{"target": planted.written}])
    return planted.asset in find_targets([planted.text])


def in_percent(hits: int, tried: int) -> tuple[float, float]:
    """Returns the 95 percent interval of a share, in percent."""
    low, high = wilson(hits, tried)
    return 100 * low, 100 * high


def per_kb(texts: Sequence[str]) -> float:
    """Returns how many targets a kilobyte of texts has."""
    return sum(len(find_targets([one])) for one in texts) / (sum(map(len, texts)) / 1_024)


def _us_per_kb(texts: Sequence[str]) -> float:
    began = time.process_time()
    for one in texts:
        find_targets([one])
    return (time.process_time() - began) * 1e6 / (sum(map(len, texts)) / 1_024)


def _row(name: str, value: float, unit: str, interval: tuple[float, float] | None = None) -> dict[str, Any]:
    samples = {"n": PLANTED, "low": interval[0], "high": interval[1]} if interval else {}
    return {"name": name, "value": value, "unit": unit, "method": METHOD, "samples": samples}


def _corpora() -> Mapping[str, list[str]]:
    folder = corpora()
    return prose(folder) | code(folder)
