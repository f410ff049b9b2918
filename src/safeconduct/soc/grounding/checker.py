"""Applies the rules to claims. The same for claims of rules, of models and of people."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from safeconduct.kernel.decisions import Reason
from safeconduct.soc.claims import Claim, ClaimKind
from safeconduct.soc.grounding.consequences import CAUSE_UNSUPPORTED, weaker
from safeconduct.soc.grounding.model import CheckedClaim, Context, Outcome
from safeconduct.soc.grounding.rules import RULES
from safeconduct.soc.wording import render

CHECKER_VERSION = "grounding/4"
"""Changes whenever the same claim and events could get another answer."""

_GROUNDED = Reason("grounded", "grounding", "every rule holds")


def check(claim: Claim, context: Context) -> CheckedClaim:
    """Returns the claim with the first rule that it breaks, or verified. No claim and no event makes it raise."""
    broken = next((reason for rule in RULES if (reason := rule(claim, context)) is not None), None)
    return CheckedClaim(
        claim=claim,
        outcome=Outcome.REJECTED if broken else Outcome.VERIFIED,
        reason=broken or _GROUNDED,
        text=_text(claim, context),
    )


def check_all(claims: Sequence[Claim], context: Context) -> tuple[CheckedClaim, ...]:
    """Checks claims in the given order, verdicts against what was verified among the others and before.

    What stays of claims with a word of cause that nothing carries comes after them, as claims of their own.
    """
    others = [check(claim, context) for claim in claims if claim.kind is not ClaimKind.VERDICT]
    lesser = _lesser(others, context)
    rejected = {checked.claim.id for checked in others if not checked.verified}
    verified = {checked.claim.id: checked.claim for checked in others if checked.claim.id not in rejected}
    grounds = replace(context, verified={**context.verified, **verified})
    rest = iter(others)
    found = [check(claim, grounds) if claim.kind is ClaimKind.VERDICT else next(rest) for claim in claims]
    return (*found, *lesser)


def _lesser(checked: Sequence[CheckedClaim], context: Context) -> Iterator[CheckedClaim]:
    """Yields what stays of claims whose word of cause nothing carries: that one event was followed by the other."""
    known = {one.claim.id for one in checked}
    for one in checked:
        less = weaker(one.claim) if one.reason.code == CAUSE_UNSUPPORTED else None
        if less is not None and less.id not in known:
            known.add(less.id)
            yield check(less, context)


def _text(claim: Claim, context: Context) -> str:
    titles = {alert.id: alert.title for alert in context.incident.alerts}
    tagged = {technique for alert in context.incident.alerts for technique in alert.techniques}
    names = {id_: known.name for id_ in tagged if (known := context.techniques.get(id_)) is not None}
    return render(claim, names=names, titles=titles)
