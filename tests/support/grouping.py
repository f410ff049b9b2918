"""How well a grouping fits the one that somebody else made, over pairs of things that both could put together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from support.wilson import told


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Pairs that both put together, that only we did, that only they did."""

    both: int
    ours_only: int
    theirs_only: int

    @property
    def precision(self) -> float:
        """The share of pairs we put together that they did, too."""
        return self.both / (self.both + self.ours_only)

    @property
    def recall(self) -> float:
        """The share of pairs they put together that we did, too."""
        return self.both / (self.both + self.theirs_only)

    def told(self) -> str:
        """Both shares with Wilson's interval."""
        return (
            f"precision {told(self.both, self.both + self.ours_only)}, "
            f"recall {told(self.both, self.both + self.theirs_only)}"
        )


def fit(groups: Iterable[Iterable[str]], labels: Mapping[str, str]) -> Fit:
    """Returns how the groups fit the labels; what is in no group is with nobody."""
    of = {key: number for number, group in enumerate(groups) for key in group}
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for one, other in combinations(sorted(labels), 2):
        counts[one in of and of[one] == of.get(other), labels[one] == labels[other]] += 1
    return Fit(both=counts[True, True], ours_only=counts[True, False], theirs_only=counts[False, True])
