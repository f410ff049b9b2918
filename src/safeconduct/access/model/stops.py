"""What stops calls or makes less of them, and which."""

from dataclasses import dataclass
from enum import StrEnum

from safeconduct.kernel.ids import EntryId, FreezeId, PrincipalId
from safeconduct.kernel.instants import Instant


class SelectorKind(StrEnum):
    """What a selector can name, in the order in which its terms are written."""

    ALL = "all"
    AGREEMENT = "agreement"
    ORGANIZATION = "organization"  # all of its principals
    SUBPROCESSOR = "subprocessor"  # its people, those who work through it, and paths with a provider that it runs
    JURISDICTION = "jurisdiction"  # of an organization, or of a path's provider
    NATIONALITY = "nationality"  # of a person, as stated or as its tag
    PATH = "path"
    PURPOSE = "purpose"
    MODEL = "model"  # by name, version or alias
    TIER = "tier"  # of the model: `2`, or `2+` for that and above
    PRINCIPAL = "principal"
    GRANT = "grant"
    KEY = "key"  # a principal's, a token's id, or what a path's provider is asked with


@dataclass(frozen=True, slots=True)
class Selector:
    """One term: calls with an attribute, or with `barred` those without. Its text is `kind:name`, or `all`."""

    kind: SelectorKind
    name: str = ""
    barred: bool = False

    @property
    def mark(self) -> str:
        """What a call bears that has the attribute."""
        return self.kind.value if self.kind is SelectorKind.ALL else f"{self.kind.value}:{self.name}"

    def __str__(self) -> str:
        return f"!{self.mark}" if self.barred else self.mark


@dataclass(frozen=True, slots=True)
class Selection:
    """Which calls a freeze stops: those that every term selects (access/selectors.py reads and writes it)."""

    terms: tuple[Selector, ...]

    def __str__(self) -> str:
        return "&".join(map(str, self.terms))


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A stop in force. It ends when both parties say so and the partner cosigned, or at an instant stated at its start.

    `review_by` is when `owner` looks at it again, if that was stated.
    """

    id: FreezeId
    selector: Selection
    by: PrincipalId
    reason: str
    at: Instant
    ends_at: Instant | None = None
    review_by: Instant | None = None
    owner: PrincipalId | None = None


SLOW_MS_MAX = 30_000
"""Milliseconds that a call is slowed at most. Clients give up after a minute, and its body waits in memory."""


class RestrictionKind(StrEnum):
    """What a restriction does to a call. Of several on one call all hold."""

    SLOW = "slow"  # it waits before it is decided
    WEAKER = "weaker"  # the path's weaker model answers
    HOLD = "hold"  # a person approves exactly this call first
    SUSPEND = "suspend"  # it is refused, and cut if it runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """Less than a freeze, in force until it is lifted. `slow_ms` is how long a slow call waits, in milliseconds."""

    id: EntryId
    selector: Selector
    kind: RestrictionKind
    slow_ms: int
    by: PrincipalId
    reason: str
    at: Instant

    def __str__(self) -> str:
        """Returns what the caller and the intent are told: kind and id."""
        return f"{self.kind}:{self.id}"
