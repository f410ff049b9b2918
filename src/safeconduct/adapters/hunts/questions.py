"""Hunts as Ibis expressions over the table of segments. No value of a hunt becomes SQL other than as a literal."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

import ibis  # type: ignore[import-untyped]
from ibis.expr.types import BooleanValue, StringValue, Table  # type: ignore[import-untyped]

from safeconduct.adapters.hunts.rows import SCHEMA, address_key
from safeconduct.adapters.hunts.rules_to_ibis import Suited, candidates
from safeconduct.soc.hunts.columns import COLUMNS, folded
from safeconduct.soc.hunts.model import Comparison, Hunt, Order, Where
from safeconduct.soc.pointers import pointer, steps_of

EVENTS: Table = ibis.table(SCHEMA, name="events")

_TEXTS: Mapping[Comparison, Callable[[StringValue, str], BooleanValue]] = {
    Comparison.EQUALS: lambda text, value: text == value,
    Comparison.CONTAINS: lambda text, value: text.contains(value),
    Comparison.STARTS_WITH: lambda text, value: text.startswith(value),
    Comparison.ENDS_WITH: lambda text, value: text.endswith(value),
    Comparison.EXISTS: lambda text, _value: text.notnull(),
}
_NUMBERS: Mapping[Comparison, Callable[[Any, int], BooleanValue]] = {
    Comparison.EQUALS: lambda number, value: number == value,
    Comparison.LESS: lambda number, value: number < value,
    Comparison.LESS_OR_EQUAL: lambda number, value: number <= value,
    Comparison.GREATER: lambda number, value: number > value,
    Comparison.GREATER_OR_EQUAL: lambda number, value: number >= value,
}


def scanned(hunt: Hunt) -> Table:
    """Returns (source, events) of the window."""
    window = _window(hunt)
    return window.group_by("source").agg(events=window.count())


def counted(hunt: Hunt) -> Table:
    """Returns how many events satisfy the hunt."""
    window = _window(hunt)
    return window.aggregate(events=window.count(where=_condition(window, hunt)))


def some(hunt: Hunt, limit: int) -> Table:
    """Returns the sort keys of so many events that satisfy the hunt, whichever: to order them would read every key."""
    window = _window(hunt)
    return window.filter(_condition(window, hunt)).select("key").limit(limit)


def found(hunt: Hunt) -> Table:
    """Returns the sort keys of the events that satisfy the hunt, in its order."""
    window = _window(hunt)
    keys = window.filter(_condition(window, hunt)).select("key")
    return keys.order_by(keys.key.desc() if hunt.order is Order.NEWEST else keys.key).limit(hunt.limit)


def grouped(hunt: Hunt, limit: int) -> Table:
    """Returns the first so many rows of a grouped hunt: its columns, how many events, least and greatest sort key."""
    window = _window(hunt)
    kept = window.filter(_condition(window, hunt))
    table = kept.group_by(list(hunt.group)).agg(events=kept.count(), least=kept.key.min(), greatest=kept.key.max())
    orders = {
        Order.OLDEST: (table["least"],),
        Order.NEWEST: (table["greatest"].desc(),),
        Order.MOST: (table["events"].desc(), table["least"]),
        Order.LEAST: (table["events"], table["least"]),
    }
    return table.order_by(orders[hunt.order]).limit(limit)


def streams(hunt: Hunt) -> Table:
    """Returns (source, stream, events, greatest sort key) of the window."""
    window = _window(hunt)
    return window.group_by(["source", "stream"]).agg(events=window.count(), greatest=window.key.max())


def suspects(hunt: Hunt, rules: Sequence[Suited], limit: int) -> Table:
    """Returns the sort keys of those events of the window that some of the rules can hold of."""
    return candidates(_window(hunt), rules).limit(limit)


def question(hunt: Hunt) -> Table:
    """Returns what a hunt asks for: its rows, or its events."""
    return grouped(hunt, hunt.limit) if hunt.group else found(hunt)


def sql(table: Table, dialect: str) -> str:
    """Returns an expression in an engine's SQL."""
    return str(ibis.to_sql(table, dialect=dialect))


def _window(hunt: Hunt) -> Table:
    conditions: list[BooleanValue] = []
    if hunt.since is not None:
        conditions.append(EVENTS["arrived"] > hunt.since.number)
    if hunt.first is not None:
        conditions.append(EVENTS["at"] >= hunt.first)
    if hunt.last is not None:
        conditions.append(EVENTS["at"] <= hunt.last)
    if hunt.sources:
        conditions.append(EVENTS["source"].isin(sorted(set(hunt.sources))))
    return EVENTS.filter(*conditions) if conditions else EVENTS


def _condition(table: Table, hunt: Hunt) -> BooleanValue:
    whole: BooleanValue = ibis.literal(value=True)
    for number, where in enumerate(hunt.where):
        one = _where(table, where)
        whole = whole & one if number else one
    return whole


def _where(table: Table, where: Where) -> BooleanValue:
    # Unknown (NULL) is false before it is negated: a condition that is not met is not half met.
    held = _compared(table, where).fill_null(False)  # noqa: FBT003 - Ibis takes it so
    return ~held if where.negated else held


def _compared(table: Table, where: Where) -> BooleanValue:
    if where.operator is Comparison.WITHIN:
        network = ip_network(where.value)
        least, greatest = (address_key(str(end)) for end in (network[0], network[-1]))
        return table[f"{where.field}_key"].between(least, greatest)
    column = COLUMNS.get(where.field)
    if column is None:
        values = values_of(table, where.field)
        return values.filter(lambda value: _TEXTS[where.operator](value, folded(where.value))).length() > 0
    if column.whole and where.operator is not Comparison.EXISTS:
        return _NUMBERS[where.operator](table[where.field], int(where.value))
    return _TEXTS[where.operator](table[where.field], folded(where.value))


def values_of(table: Table, at: str) -> Any:  # noqa: ANN401 - Ibis's arrays are not typed by their elements
    """Returns the values of events at a pointer, none where there are none."""
    return table["fields"].get(pointer(*steps_of(at)), ibis.literal([], type="array<string>"))
