"""What a duty that was not met takes from those it binds: the highest tier of models, until it is met.

Facts that only the entries of obligations write (program/obligations). The floor asks them on each call: nothing here
reads a record. docs/spec/obligations.md section 3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from safeconduct.access.model.parties import Principal, PrincipalKind
from safeconduct.access.model.stops import Selector, SelectorKind
from safeconduct.kernel.decisions import Reason
from safeconduct.kernel.instants import Instant, rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """No models above `tier` for a principal, or an organization's principals, until `obligation` is met.

    `kinds` are the kinds of principal that it binds; empty for all. `why` is what was not done.
    """

    subject: Selector
    tier: int
    obligation: str
    why: str
    since: Instant
    kinds: tuple[PrincipalKind, ...] = ()

    @property
    def key(self) -> str:
        """Where it stands in the records: one for each subject and obligation."""
        return f"{self.subject}/{self.obligation}"

    @property
    def clause(self) -> str:
        """The clause that lowers."""
        return f"obligation:{self.obligation}"

    def binds(self, principal: Principal) -> bool:
        """Tells whether it is about principals of this one's kind."""
        return not self.kinds or principal.kind in self.kinds

    def reason(self, model: str, tier: int) -> Reason:
        """Returns why a call for a model of a tier is refused, and what would make it pass."""
        text = f"{model} needs tier {tier}, and {self.subject} is lowered to tier {self.tier} since "
        remedy = f"it passes once the obligation is met: safeconduct obligation show {self.obligation}"
        return Reason("tier-lowered", self.clause, f"{text}{rfc3339(self.since)}: {self.why}", remedy)


Lowerings = Mapping[Selector, tuple[Lowered, ...]]
"""By subject."""


def lowerings(facts: Iterable[Lowered]) -> Lowerings:
    """Returns facts by their subject."""
    found: dict[Selector, tuple[Lowered, ...]] = {}
    for one in facts:
        found[one.subject] = (*found.get(one.subject, ()), one)
    return found


def lowest(found: Lowerings, principal: Principal, sponsor: Principal | None) -> Lowered | None:
    """Returns what lowers a principal most: of its own, its sponsor's, and of their organizations. None if nothing."""
    if not found:
        return None
    answerable = [principal] if sponsor is None else [principal, sponsor]
    subjects = [Selector(SelectorKind.PRINCIPAL, one.id) for one in answerable]
    subjects += [Selector(SelectorKind.ORGANIZATION, one.organization) for one in answerable]
    binding = [one for subject in dict.fromkeys(subjects) for one in found.get(subject, ()) if one.binds(principal)]
    return min(binding, key=lambda one: one.tier, default=None)
