"""The part of the schema that is about grants by request: their lifetimes, and the templates of break-glass."""

from safeconduct.access.catalogue import TIER_MAX
from safeconduct.access.grant_model import MINUTES_MAX
from safeconduct.access.model.parties import Role
from safeconduct.access.path_schema import ID, TIER
from safeconduct.access.reading import Choice, FieldSpec, Named, Section, Whole

LIFETIME_HOURS_MAX = 90 * 24
"""Hours that a grant by request lasts at most: a quarter. What is to last longer belongs into the program."""

TEMPLATES_MAX = 20
"""Templates of break-glass: more than anybody can tell apart at night."""

REVIEW_HOURS_MAX = 14 * 24
"""Hours until a break-glass is reviewed at most: two weeks. Later nobody remembers why."""

OPENERS_MAX = 16
"""People who must open one template together."""

_BREAK_GLASS = Section(
    (
        FieldSpec("organization", ID, "whose people open it: a party of the agreement"),
        FieldSpec("role", Choice(tuple(Role)), "with which role"),
        FieldSpec("count", Whole(1, OPENERS_MAX), "how many of them together", required=False, default=1),
        FieldSpec("path", ID, "on which path"),
        FieldSpec("scope", ID, "on which targets; the path's own scope"),
        FieldSpec("tier", TIER, "the highest tier of models", required=False, default=0),
        FieldSpec("minutes", Whole(1, MINUTES_MAX), "how long; it ends by itself and is never renewed"),
        FieldSpec(
            "review_hours",
            Whole(1, REVIEW_HOURS_MAX),
            "by when both parties must have reviewed it; overdue, its organization opens none",
        ),
    ),
    "break-glass template",
)
GRANTS_POLICY = Section(
    (
        FieldSpec(
            "lifetimes",
            Named(Whole(1, LIFETIME_HOURS_MAX), TIER_MAX + 1, words=tuple(str(tier) for tier in range(TIER_MAX + 1))),
            "by tier, the most hours that a grant lasts; a tier that is not named has none by request",
            required=False,
            default={},
        ),
        FieldSpec(
            "break_glass",
            Named(_BREAK_GLASS, TEMPLATES_MAX),
            "what one party may open alone, and both review after",
            required=False,
            default={},
        ),
    ),
    "grants policy",
)
