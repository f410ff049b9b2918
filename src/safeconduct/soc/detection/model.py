"""Sets of rules ready to run, and the filters laid over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.soc.detection.correlations import Correlation
from safeconduct.soc.detection.ir import Head, LogSource, Node, RuleIR

if TYPE_CHECKING:
    from safeconduct.soc.detection.tables import Column, Databases


class RuleError(InvalidInputError):
    """A rule that cannot be used.

    `rule-invalid` if it is no Sigma rule, `rule-unsupported` if we can't run it, `rule-explodes` if running it could
    hold up everything, `rule-matches-everything` or `rule-matches-nothing` if it says nothing.
    """

    default_code = "rule-invalid"


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule, or a whole file, that is not run, and why. `rule` is its id where it has one, `title` its title."""

    name: str
    error: InvalidInputError
    rule: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A condition laid over the rules of a log source: over those of `rules`, or over all where there are none.

    `name` is the file it stands in. `unknown` are the rules it names that are not here, each cut to be shown.
    """

    name: str
    title: str
    digest: str
    rules: tuple[str, ...]
    unknown: tuple[str, ...]
    source: LogSource
    condition: Node

    def told(self) -> dict[str, object]:
        """Returns what people are told of it."""
        return {"file": self.name, "title": self.title, "unknown": self.unknown}


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules ready to run; correlations stand after the rules they count. The filters are part of the rules already.

    `databases` are what the engine is made of, by field, where that was compiled before or kept.
    """

    events: Sequence[RuleIR] = ()
    correlations: Sequence[Correlation] = ()
    filters: Sequence[Filter] = ()
    databases: "Mapping[Column, Databases] | None" = field(default=None, compare=False, repr=False)

    def heads(self) -> list[Head]:
        """Returns what each rule says of itself, by title."""
        found = [rule.head for rule in self.events] + [rule.head for rule in self.correlations]
        return sorted(found, key=lambda head: (head.title, head.id))
