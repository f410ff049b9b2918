"""Providers and models as a path seals them: where an answer may come from, and what each name of a model stands for.

A path holds its own slice of the catalogue, so its digest pins every version, tier, approval and price it was published
with.
"""

from dataclasses import dataclass

UNSTATED = "unstated"
"""A region or retention that nobody stated. It equals nothing, not even itself: what is unknown is never the same."""

TIER_MAX = 9
"""The highest tier. Few are told apart in practice; one digit is read at a glance."""

MICRO_USD = 6
"""Decimal places of a price that are kept: prices are whole millionths of a dollar for a million tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A configured model server as the program states it: whose it is, where it computes and what it keeps.

    `operator` is the subprocessor that runs it, `jurisdiction` under whose law, `key_id` what its vendor calls the key
    that it is asked with; each empty where the program does not say.
    """

    upstream: str
    vendor: str = UNSTATED
    region: str = UNSTATED
    retention: str = UNSTATED
    operator: str = ""
    jurisdiction: str = ""
    key_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a million tokens cost, in micro-USD (millionths of a dollar): one token costs a millionth of it."""

    input: int
    output: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedModel:
    """A model on a path. `name` is what the path lists, `version` what an upstream is asked for: exactly one.

    `tier` is what a caller must be approved for; below it, a pre-release model is not there at all. `approval` says
    that it needs an approval on record, `program_value` what Safeconduct tells the vendor of the program it is used
    under. Without prices it can't be paid from a money budget.
    """

    name: str
    version: str
    aliases: tuple[str, ...] = ()
    tier: int = 0
    prerelease: bool = False
    approval: bool = False
    program_value: str = ""
    prices: Prices | None = None

    def there_for(self, tier: int) -> bool:
        """Tells whether callers of a tier may know of it. A pre-release below its tier is not there."""
        return not self.prerelease or self.tier <= tier

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that a caller may call it, each once."""
        return tuple(dict.fromkeys((self.name, self.version, *self.aliases)))
