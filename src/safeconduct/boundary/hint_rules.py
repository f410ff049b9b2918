"""Rules of hints as data: what each looks for, where, and what a match is worth. docs/spec/detection.md section 2."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from safeconduct.access.detection import Family, OwnHintRule, Where
from safeconduct.access.hint_schema import compiled
from safeconduct.boundary.model import Source
from safeconduct.boundary.pattern_sets import PatternSet

_WORD = re.compile(r"<([a-z]+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class HintRule:
    """One rule. A `loose` one isn't asked of names whose words were closed up: `delete-all-logs` is one of those."""

    id: str
    family: Family
    score: float
    where: Where
    pattern: str
    loose: bool = False


LOOKED_AT: Mapping[Source, frozenset[Where]] = {
    Source.SYSTEM: frozenset({Where.ANY}),
    Source.SETTING: frozenset(),
    Source.DEFINITION: frozenset({Where.ANY, Where.SAID}),  # what a tool does is told as an order
    Source.USER: frozenset({Where.ANY, Where.SAID}),
    Source.ASSISTANT: frozenset(),  # has the label of all it was made of; that it quotes an attack is its work
    Source.TOOL: frozenset(Where),
    Source.DOCUMENT: frozenset(Where),
}


class Rules(Protocol):
    """Rules that are looked for together."""

    rules: tuple[HintRule, ...]

    def matching(self, text: str) -> list[HintRule]:
        """Returns the rules that match anywhere in a text."""
        ...


class RuleSet:
    """Rules that are looked for together: one pass over a text, linear in its length whatever it holds."""

    def __init__(self, rules: Sequence[HintRule]) -> None:
        self.rules = tuple(rules)
        self._patterns = PatternSet([rule.pattern for rule in self.rules])

    def matching(self, text: str) -> list[HintRule]:
        """Returns the rules that match anywhere in a text, in their order."""
        return [self.rules[place] for place in self._patterns.matching(text)]


class WithOwn:
    """A set of rules, and such as somebody wrote: each of these is a pass of its own.

    Together in one automaton, a pattern that takes too much of its memory would hide what all others find.
    """

    def __init__(self, shipped: "Rules", own: Sequence[HintRule]) -> None:
        self.rules = (*shipped.rules, *own)
        self._shipped = shipped
        self._own = [(rule, compiled(rule.pattern)) for rule in own]

    def matching(self, text: str) -> list[HintRule]:
        """Returns the rules that match anywhere in a text, own ones last."""
        raw = text.encode("utf-8", "replace")
        return [*self._shipped.matching(text), *(rule for rule, pattern in self._own if pattern.search(raw))]


OWN_SCORE = 0.7
"""What a match of somebody's own rule is worth: nobody measured it on what this project has."""


def own_rules(stated: Iterable[OwnHintRule]) -> tuple[HintRule, ...]:
    """Returns the rules that a path has of its program. Their ids begin with `own:`, as no shipped one does."""
    return tuple(
        HintRule(id=f"own:{one.id}", family=one.family, score=OWN_SCORE, where=one.where, pattern=one.pattern)
        for one in stated
    )


@cache
def shipped_rules() -> tuple[HintRule, ...]:
    """Returns the rules of this release."""
    return _read(tomllib.loads(files("safeconduct.boundary").joinpath("hint_rules.toml").read_text("utf-8")))


def _read(document: Mapping[str, Any]) -> tuple[HintRule, ...]:
    words: dict[str, str] = {}
    for name, alternatives in document["words"].items():
        words[name] = _spelled(alternatives, words)
    return tuple(
        HintRule(
            id=rule["id"],
            family=Family(rule["family"]),
            score=rule["score"],
            where=Where(rule["where"]),
            pattern=_spelled(rule["pattern"], words),
            loose=rule.get("loose", False),
        )
        for rule in document["rule"]
    )


def _spelled(pattern: str, words: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: words.get(found[1], found[0]), pattern)
