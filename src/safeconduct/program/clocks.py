"""Regulatory clocks as data, and the arithmetic that holds the parties' own notices against them.

docs/spec/agreement.md section 3. The data name the article that each number comes from; they are no legal advice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from safeconduct.access.agreement import Trigger
from safeconduct.access.reading import Key, Log, near


class Unit(StrEnum):
    """What a law counts in."""

    HOURS = "hours"
    DAYS = "days"
    BUSINESS_DAYS = "business-days"
    MONTHS = "months"


def _shortest_hours(amount: int, unit: Unit) -> int:
    match unit:
        case Unit.HOURS:
            return amount
        case Unit.DAYS:
            return amount * 24
        case Unit.BUSINESS_DAYS:
            # Triggered in the last minute of one day and over when offices open on the last: only whole days between
            # are sure, and neither weekend nor holiday need be among them.
            return (amount - 1) * 24
        case Unit.MONTHS:
            return amount * 28 * 24  # from the end of January to that of February


@dataclass(frozen=True, slots=True, kw_only=True)
class RegulatoryClock:
    """By when somebody must tell an authority of something, and what that time is counted from."""

    id: str
    regime: str
    duty: str
    to: str
    trigger: Trigger
    amount: int
    unit: Unit
    source: str
    url: str

    @property
    def shortest_hours(self) -> int:
        """The least number of hours that there may be between its trigger and its end."""
        return _shortest_hours(self.amount, self.unit)

    def __str__(self) -> str:
        return f"{self.id} ({self.amount} {self.unit} from {self.trigger}, {self.source})"


@cache
def regulatory_clocks() -> Mapping[str, RegulatoryClock]:
    """Returns the clocks that this release knows, by id."""
    data = files("safeconduct.program").joinpath("regulations.json").read_bytes()
    return {clock.id: clock for clock in msgspec.json.decode(data, type=tuple[RegulatoryClock, ...])}


def clock_documents() -> list[dict[str, Any]]:
    """Returns the clocks for people and machines."""
    return [
        {"id": clock.id, "regime": clock.regime, "time": _time(clock), "from": clock.trigger}
        | {"shortest_hours": clock.shortest_hours, "duty": clock.duty, "to": clock.to}
        | {"source": clock.source, "url": clock.url}
        for clock in regulatory_clocks().values()
    ]


def _time(clock: RegulatoryClock) -> str:
    unit = clock.unit.removesuffix("s") if clock.amount == 1 else clock.unit
    return f"{clock.amount} {unit}"


def check_notices(values: Mapping[str, Any], log: Log) -> None:
    """Notes each notice that feeds a regulatory clock with the same trigger and is not shorter than it.

    A clock with another trigger starts at another time, so that no arithmetic says which of the two ends first.
    """
    for name, notice in values["agreement"]["notices"].items():
        for index, fed in enumerate(notice["feeds"]):
            _check_feed(notice, fed, ("agreement", "notices", name, "feeds", index), log)


def _check_feed(notice: Mapping[str, Any], fed: str, key: Key, log: Log) -> None:
    clock = regulatory_clocks().get(fed)
    if clock is None:
        text = f"there is no regulatory clock {fed!r}{near(fed, regulatory_clocks())}; safeconduct agreement clocks"
        log.wrong_at(key, text, "reference-unknown")
    elif clock.trigger == notice["trigger"] and notice["hours"] >= clock.shortest_hours:
        text = (
            f"notice {notice['id']} takes {notice['hours']} hours and feeds {clock}, which leaves "
            f"{clock.shortest_hours} at the shortest: expected fewer than {clock.shortest_hours} hours"
        )
        log.wrong_at(key, text, "notice-too-long")
