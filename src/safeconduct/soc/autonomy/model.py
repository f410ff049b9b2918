"""The levels of autonomy. docs/spec/autonomy.md, section 1: a level allows what those before it allow."""

from enum import StrEnum


class Autonomy(StrEnum):
    """What may follow from a model's word. In rising order."""

    ADVISE = "advise"
    TRIAGE = "triage"
    HUNT = "hunt"
    ACT = "act"

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return tuple(Autonomy).index(self)

    @property
    def below(self) -> "Autonomy":
        """The level before it; of the first, itself."""
        return tuple(Autonomy)[max(self.rank - 1, 0)]


def lower(one: Autonomy, other: Autonomy) -> Autonomy:
    """Returns the lower of two levels."""
    return min(one, other, key=lambda level: level.rank)
