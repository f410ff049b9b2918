"""What a classifier of this machine says of a request, as hints. It is asked between two decisions of step 5.

Nothing here asks it: what it said comes with the arrival, so that a decision stays a function of what it is given.
docs/spec/detection.md section 8.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from safeconduct.access.detection import Family, HintClassifier
from safeconduct.boundary.hints import NOT_READ
from safeconduct.boundary.model import Block, Hint, Source, Transcript

PIECE = 1_000
"""Characters that are judged together: models of this kind read 512 tokens, and what is longer they refuse or cut."""

OVERLAP = 200
"""Characters that two pieces share: an order is short, and stands whole in one of them."""

PIECES_MAX = 128
"""Pieces of a request that are judged: some seconds of a small model on one core. What is beyond counts as not read."""

SCORE = 0.5
"""What such a hint is worth: as the linear model's, for nobody can say what it saw."""

Scores = Mapping[str, float]
"""What a classifier says of a text: how likely it is each of its labels, 0 to 1."""

_JUDGED = frozenset((Source.USER, Source.TOOL, Source.DOCUMENT))


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a block that is judged by itself."""

    pointer: str
    source: Source
    text: str


def pieces_of(transcript: Transcript) -> tuple[tuple[Piece, ...], tuple[Block, ...]]:
    """Returns what is judged of a conversation, and the blocks of which something is not."""
    taken, left = list[Piece](), list[Block]()
    for block in transcript.blocks:
        if block.source in _JUDGED:
            pieces = list(_pieces(block))
            room = PIECES_MAX - len(taken)
            taken += pieces[:room]
            left += [block] if len(pieces) > room else []
    return tuple(taken), tuple(left)


def judged(
    rule: HintClassifier, pieces: Sequence[Piece], left: Sequence[Block], said: Sequence[Scores] | None
) -> tuple[Hint, ...]:
    """Returns the hints of what was said of pieces; of all of them that they were not read, where nothing was."""
    if said is None or len(said) != len(pieces):
        return _not_read([*pieces, *left])
    found = {piece.pointer: _hint(piece) for piece, scores in zip(pieces, said, strict=True) if _attacks(rule, scores)}
    return (*found.values(), *_not_read(left))


def _pieces(block: Block) -> Iterator[Piece]:
    step = PIECE - OVERLAP
    for at in range(0, max(len(block.text) - OVERLAP, 1), step):
        text = block.text[at : at + PIECE]
        if text.strip():
            yield Piece(block.pointer, block.source, text)


def _attacks(rule: HintClassifier, scores: Scores) -> bool:
    return any(scores.get(label, 0.0) * 100 >= rule.percent for label in rule.labels)


def _hint(piece: Piece) -> Hint:
    name = "classifier-user" if piece.source is Source.USER else "classifier-data"
    return Hint(rule=name, family=Family.MODEL, score=SCORE, pointer=piece.pointer)


def _not_read(places: Sequence[Piece | Block]) -> tuple[Hint, ...]:
    found = dict.fromkeys(one.pointer for one in places)
    return tuple(Hint(rule=NOT_READ.rule, family=NOT_READ.family, score=NOT_READ.score, pointer=one) for one in found)
