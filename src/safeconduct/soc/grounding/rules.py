"""The rules of docs/spec/grounding.md, by their numbers. Each answers None or why the claim does not follow."""

from collections.abc import Callable

from safeconduct.kernel.decisions import Reason
from safeconduct.soc.claims import Claim
from safeconduct.soc.grounding.consequences import follows
from safeconduct.soc.grounding.linking import linked
from safeconduct.soc.grounding.model import Context
from safeconduct.soc.grounding.notes import says_no_more
from safeconduct.soc.grounding.quoting import as_quoted
from safeconduct.soc.grounding.resting import is_ours, rests_on_verified
from safeconduct.soc.grounding.searching import searched
from safeconduct.soc.grounding.techniques import technique_supported
from safeconduct.soc.grounding.timing import in_order
from safeconduct.soc.grounding.viewing import in_view

Rule = Callable[[Claim, Context], Reason | None]

RULES: tuple[Rule, ...] = (
    in_view,
    as_quoted,
    in_order,
    linked,
    follows,
    technique_supported,
    says_no_more,
    searched,
    rests_on_verified,
    is_ours,
)
"""In order: each may rely on what the ones before it established."""
