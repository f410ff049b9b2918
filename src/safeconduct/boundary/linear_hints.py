"""An optional model beside the rules: a text's hashed words and letters, weighted and summed, for each channel.

Its hints only lower trust, as those of rules do, and no path has them unless it asks. docs/spec/detection.md section 4.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from math import inf, sqrt
from zlib import crc32

from safeconduct.access.detection import Family, HintLimits
from safeconduct.boundary.hints import CHARACTERS_MAX
from safeconduct.boundary.model import Block, Hint, Source
from safeconduct.boundary.npz import arrays

FEATURES = 1 << 15
"""Places that words and letters are hashed to. The shipped weights hold one number for each."""

SEGMENT = 256
"""Characters of a segment. Two that follow each other are judged together: an order may be one line of a long log."""

SCORE = 0.5
"""What the model's hint is worth: less than that of any rule, for nobody can say what it saw."""

_TOKEN = re.compile(r"[^\W_]+|[^\w\s]+")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Channel:
    """A weight for each place, and the strength above which a text has a hint."""

    weights: Sequence[float]
    limit: float

    def strength(self, text: str) -> float:
        """Returns that of a text's strongest window; minus infinity where it has neither letters nor marks."""
        weight = self.weights.__getitem__
        return max((sum(map(weight, one)) / sqrt(len(one)) for one in windows(text)), default=-inf)

    def above(self, limit: float | None) -> "Channel":
        """Returns the same weights with another limit, where one is given."""
        return self if limit is None else Channel(self.weights, limit)


class LinearDetector:
    """`Detect` by weights: what users say has one channel, what tools and documents bring the other."""

    def __init__(self, *, user: Channel, data: Channel) -> None:
        self._channels = {Source.USER: user, Source.TOOL: data, Source.DOCUMENT: data}

    def limited(self, limits: HintLimits) -> "LinearDetector":
        """Returns one with the same weights that hints above other strengths."""
        user, data = self._channels[Source.USER], self._channels[Source.TOOL]
        return LinearDetector(user=user.above(limits.user), data=data.above(limits.data))

    def strength(self, block: Block) -> float:
        """Returns how much a block looks like an attack; minus infinity where no channel is for it."""
        channel = self._channels.get(block.source)
        return channel.strength(block.text[:CHARACTERS_MAX]) if channel else -inf

    def __call__(self, blocks: Sequence[Block]) -> tuple[Hint, ...]:
        found, left = list[Hint](), CHARACTERS_MAX
        for block in blocks:
            channel = self._channels.get(block.source)
            if channel is None:
                continue
            if channel.strength(block.text[:left]) > channel.limit:
                name = "model-user" if block.source is Source.USER else "model-data"
                found.append(Hint(rule=name, family=Family.MODEL, score=SCORE, pointer=block.pointer))
            left = max(0, left - len(block.text))
        return tuple(found)


def windows(text: str) -> Iterator[set[int]]:
    """Yields the places of each two segments that follow each other; of a text of one segment, of that."""
    plain = " ".join(_DIGIT.sub("0", text.lower()).split())
    found = [_places(plain[at : at + SEGMENT]) for at in range(0, len(plain), SEGMENT)]
    together = found if len(found) == 1 else [one | other for one, other in pairwise(found)]
    return (one for one in together if one)


def _places(segment: str) -> set[int]:
    tokens = _TOKEN.findall(segment)
    pairs = {crc32(f"{one} {other}".encode("utf-8", "replace")) % FEATURES for one, other in pairwise(tokens)}
    return pairs.union(*map(_spelled, tokens))


@lru_cache(maxsize=16_384)
def _spelled(token: str) -> tuple[int, ...]:
    """Returns the places of a word and its runs of 3 to 5 bytes, where it begins and ends included."""
    raw = f" {token} ".encode("utf-8", "replace")
    runs = {raw[at : at + length] for length in (3, 4, 5) for at in range(len(raw) - length + 1)}
    return tuple({crc32(run) % FEATURES for run in {raw, *runs}})


def detector_of(raw: bytes) -> LinearDetector:
    """Returns the detector of a file of weights.

    Raises:
        ValueError: The file isn't one of two channels of `FEATURES` weights each.
    """
    read = arrays(raw)
    channels = {name: Channel(read[f"{name}_weights"], read[f"{name}_limit"][0]) for name in ("user", "data")}
    if any(len(channel.weights) != FEATURES for channel in channels.values()):
        raise ValueError(f"expected {FEATURES} weights a channel; make the file again with tools.train_hints")
    return LinearDetector(**channels)


@cache
def shipped_model() -> LinearDetector:
    """Returns the detector of the shipped weights. docs/model-card-hints.md says what they are made of."""
    return detector_of(files("safeconduct.boundary").joinpath("hint_weights.npz").read_bytes())
