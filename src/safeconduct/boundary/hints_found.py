"""What hints would find in texts that somebody has: tried before it counts. docs/spec/detection.md section 7."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

from safeconduct.access.detection import OwnHintRule
from safeconduct.boundary.hints import hints
from safeconduct.boundary.linear_hints import shipped_model
from safeconduct.boundary.model import Block, Source
from safeconduct.kernel.shares import wilson

SHOWN_MAX = 5
"""Texts that are named of those in which a rule is found: enough to see what it takes for an attack."""

QUANTILES = (50, 90, 99, 100)
"""Of the linear model's strength over the texts, in percent: a limit at the 99th hints in one of a hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFound:
    """In how many texts a rule was found, the 95 % interval of that share (Wilson), and the first of these."""

    rule: str
    found: int
    low: float
    high: float
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HintsFound:
    """What was found in `texts` texts: by own rule, by shipped rules that found something, by the linear model."""

    texts: int
    own: tuple[RuleFound, ...]
    shipped: tuple[RuleFound, ...]
    strength: dict[int, float]


def try_hints(named: Iterable[tuple[str, str]], source: Source, own: Sequence[OwnHintRule]) -> HintsFound:
    """Looks through texts, each with its name, as if they came from a source."""
    found, first, strengths, texts = Counter[str](), dict[str, list[str]](), list[float](), 0
    for name, text in named:
        block = Block(pointer="", source=source, text=text)
        texts += 1
        strengths.append(shipped_model().strength(block))
        for rule in {hint.rule for hint in hints([block], tuple(own))}:
            found[rule] += 1
            first.setdefault(rule, []).append(name)
    told = {rule: _told(rule, many, texts, first[rule]) for rule, many in found.items()}
    mine = [f"own:{rule.id}" for rule in own]
    return HintsFound(
        texts=texts,
        own=tuple(told.get(rule) or _told(rule, 0, texts, []) for rule in mine),
        shipped=tuple(one for rule, one in sorted(told.items()) if rule not in mine),
        strength=_quantiles(strengths),
    )


def _told(rule: str, found: int, texts: int, first: Sequence[str]) -> RuleFound:
    low, high = wilson(found, texts)
    return RuleFound(rule=rule, found=found, low=low, high=high, first=tuple(first[:SHOWN_MAX]))


def _quantiles(strengths: Iterable[float]) -> dict[int, float]:
    """Returns the nearest-rank quantiles of the strengths that there are."""
    known = sorted(filter(isfinite, strengths))
    return {part: known[-(-part * len(known) // 100) - 1] for part in QUANTILES} if known else {}
