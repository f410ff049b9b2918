"""Step 5's hints: what rules find in the blocks of a conversation. They can lower trust, and nothing else.

No hint means nothing: a text without one is as untrusted as it was.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise

from safeconduct.access.detection import Family, OwnHintRule
from safeconduct.boundary.hint_rules import LOOKED_AT, HintRule, Rules, RuleSet, WithOwn, own_rules, shipped_rules
from safeconduct.boundary.model import Block, Hint, Source
from safeconduct.boundary.revealing import reveal

CHARACTERS_MAX = 524_288
"""Characters of one request that are looked at: more than the context of most models. What is beyond says so."""

EDGE = 300
"""Characters at the end of one result and the start of the next that are read as one text: a split order is short."""

HIDDEN_MIN = 8
"""Characters of unseen text that are a hint by themselves. The flag of a country's part is six."""

DETECTORS_MAX = 64
"""Sets of own rules that are kept compiled: as many paths as have different ones at a time."""

CLOSED_UP = "closed-up"
UNSEEN = frozenset(("tags", "selectors"))
DATA = frozenset((Source.TOOL, Source.DOCUMENT))
PROBES = frozenset((Family.SYSTEM_PROMPT_PROBE, Family.TRAINING_DATA_PROBE))

NOT_READ = Hint(rule="not-read", family=Family.HIDDEN, score=0.5)
"""A block holds more than is read: what isn't read can't be said to hold nothing."""

UNSEEN_TEXT = Hint(rule="unseen-text", family=Family.HIDDEN, score=0.9)

Detect = Callable[[Sequence[Block]], tuple[Hint, ...]]
"""Says what it takes for an attack, by block. Pure; at most one hint of a rule on a block."""


class Detector:
    """`Detect` by rules."""

    def __init__(self, sets: Mapping[Source, Rules]) -> None:
        self._sets = sets

    def beside(self, own: Sequence[HintRule]) -> "Detector":
        """Returns one that looks for other rules too."""
        return Detector({source: WithOwn(known, _looking_at(source, own)) for source, known in self._sets.items()})

    def __call__(self, blocks: Sequence[Block]) -> tuple[Hint, ...]:
        found, left = list[Hint](), CHARACTERS_MAX
        for block in blocks:
            if not self._sets[block.source].rules:
                continue
            found += self._in_text(block, block.text[:left])
            if len(block.text) > left:
                found.append(_at(NOT_READ, block))
            left = max(0, left - len(block.text))
        found += self._across(blocks)
        return tuple({(one.rule, one.pointer): one for one in reversed(found)}.values())[::-1]

    def _in_text(self, block: Block, text: str) -> Iterator[Hint]:
        revealed = reveal(text)
        rules = self._sets[block.source]
        for view in revealed.views:
            if view.via and view.via[-1] in UNSEEN and len(view.text) >= HIDDEN_MIN:
                yield _at(UNSEEN_TEXT, block, view.via)
            for rule in rules.matching(view.text):
                if not (rule.loose and CLOSED_UP in view.via):
                    yield _matched(rule, block, view.via)
        if not revealed.whole:
            yield _at(NOT_READ, block)

    def _across(self, blocks: Sequence[Block]) -> Iterator[Hint]:
        """Yields what only two data blocks that follow each other say together, at both of them."""
        for one, other in pairwise(block for block in blocks if block.source in DATA):
            left, right = one.text[-EDGE:], other.text[:EDGE]
            rules = self._sets[other.source]
            alone = {*rules.matching(left), *rules.matching(right)}
            for rule in rules.matching(f"{left} {right}"):
                if rule not in alone:
                    yield _matched(rule, one, ("blocks",))
                    yield _matched(rule, other, ("blocks",))


def _matched(rule: HintRule, block: Block, via: tuple[str, ...]) -> Hint:
    probed = rule.family in PROBES and block.source in DATA  # data that ask a model for its orders want them out
    family = Family.EXFILTRATION if probed else rule.family
    return Hint(rule=rule.id, family=family, score=rule.score, pointer=block.pointer, via=via)


def _at(hint: Hint, block: Block, via: tuple[str, ...] = ()) -> Hint:
    return Hint(rule=hint.rule, family=hint.family, score=hint.score, pointer=block.pointer, via=via)


def _looking_at(source: Source, rules: Iterable[HintRule]) -> list[HintRule]:
    return [one for one in rules if one.where in LOOKED_AT[source]]


@cache
def shipped_detector() -> Detector:
    """Returns the detector of the shipped rules. Made once: its automaton takes some milliseconds."""
    return Detector({source: RuleSet(_looking_at(source, shipped_rules())) for source in Source})


@lru_cache(maxsize=DETECTORS_MAX)
def detector_with(own: tuple[OwnHintRule, ...]) -> Detector:
    """Returns the detector of the shipped rules and a path's own."""
    return shipped_detector().beside(own_rules(own))


def hints(blocks: Sequence[Block], own: tuple[OwnHintRule, ...] = ()) -> tuple[Hint, ...]:
    """Returns what rules find in blocks, in their order: the shipped ones and `own`; `via` of the first view."""
    return (detector_with(own) if own else shipped_detector())(blocks)
