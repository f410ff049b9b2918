"""What a program says that work and mistakes cost: people's minutes, an hour's price, one error of each kind.

The section `value` of the program file. Nothing in it decides anything: docs/spec/value.md counts with it, and where it
says nothing, what is counted is told as not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from safeconduct.access.catalogue import MICRO_USD
from safeconduct.access.reading import Decimal, FieldSpec, Named, Section, Whole

MINUTES_MAX = 480
"""Minutes of one piece of work: a working day. What takes longer is many pieces."""

ASKS_PER_DAY = 40
"""Asks that one person answers on one day, unless the program says otherwise: eight hours, twelve minutes for each.
Who is asked more often is not deciding any more, so that a person's yes protects nobody."""

ASKS_PER_DAY_MAX = 1_000
"""Asks a day that a program may call bearable: one in half a minute, all day."""


class Work(StrEnum):
    """What people do about incidents, each a signed act that the log has."""

    TRIAGE = "triage"
    REVIEW = "review"
    CLOSE = "close"
    LOOK = "look"
    VOTE = "vote"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCosts:
    """The section as it stands in the records. Money is in micro-USD; None where the program does not say it.

    `minutes` are what one piece of work takes. The costs of a false positive and of a false negative are those beside
    people's minutes.
    """

    hour_micro_usd: int | None = None
    minutes: Mapping[Work, int] = field(default_factory=dict)
    false_positive_micro_usd: int | None = None
    false_negative_micro_usd: int | None = None
    asks_per_day: int = ASKS_PER_DAY


def _usd(key: str, about: str) -> FieldSpec:
    attribute = key.removesuffix("usd") + "micro_usd"
    return FieldSpec(key, Decimal(MICRO_USD, "USD"), about, required=False, attribute=attribute)


UNIT_COSTS = Section(
    (
        _usd("hour_usd", "what an hour of a person's work costs"),
        FieldSpec(
            "minutes",
            Named(Whole(1, MINUTES_MAX), len(Work), words=tuple(Work)),
            f"by kind of work ({', '.join(f'`{one}`' for one in Work)}), the minutes that one piece takes",
            required=False,
            default={},
        ),
        _usd("false_positive_usd", "what an incident that was none costs, beside people's minutes"),
        _usd("false_negative_usd", "what an attack costs that was closed as none"),
        FieldSpec(
            "asks_per_day",
            Whole(1, ASKS_PER_DAY_MAX),
            "asks that one person answers well on a day; above it the report warns",
            required=False,
            default=ASKS_PER_DAY,
        ),
    ),
    "unit costs",
)
