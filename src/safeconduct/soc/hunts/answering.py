"""What hunts mean, event by event: the reference that every engine's answers are held against."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from safeconduct.kernel.instants import Duration
from safeconduct.soc.hunts.columns import COLUMNS, column_value, folded, values_at, whole_number
from safeconduct.soc.hunts.model import Comparison, Hunt, HuntResult, Order, Row, Where
from safeconduct.soc.model import Event

NETWORKS_MAX = 1_024  # parsed networks kept: as many hunts with one each


def answered(hunt: Hunt, events: Iterable[Event]) -> HuntResult:
    """Returns the answer to a hunt over the events of its window and sources, in whatever order. It took 0."""
    sources: Counter[str] = Counter()
    found: list[Event] = []
    for event in events:
        sources[event.source] += 1
        if all(holds(where, event) for where in hunt.where):
            found.append(event)
    found.sort(key=lambda event: (event.at, event.id))
    return HuntResult(
        rows=_rows(hunt, found) if hunt.group else (),
        events=() if hunt.group else tuple(event.id for event in _ordered(hunt, found)),
        counted=len(found),
        scanned=sources.total(),
        sources=dict(sorted(sources.items())),
        took=Duration(0),
    )


def holds(where: Where, event: Event) -> bool:
    """Tells whether a condition holds of an event."""
    return _any(where, event) is not where.negated


def _any(where: Where, event: Event) -> bool:
    column = COLUMNS.get(where.field)
    if column is None:
        return any(
            _TEXTS[where.operator](folded(value), folded(where.value)) for value in values_at(event, where.field)
        )
    value = column_value(event, column)
    if column.whole:
        number = whole_number(value)
        return number is not None and _NUMBERS[where.operator](number, whole_number(where.value) or 0)
    return value is not None and _TEXTS[where.operator](folded(value), folded(where.value))


def _within(text: str, network: str) -> bool:
    wanted = _network(network)
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return address.version == wanted.version and address in wanted


@lru_cache(maxsize=NETWORKS_MAX)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


_TEXTS: Mapping[Comparison, Callable[[str, str], bool]] = {
    Comparison.EQUALS: lambda text, value: text == value,
    Comparison.CONTAINS: lambda text, value: value in text,
    Comparison.STARTS_WITH: lambda text, value: text.startswith(value),
    Comparison.ENDS_WITH: lambda text, value: text.endswith(value),
    Comparison.EXISTS: lambda _text, _value: True,
    Comparison.WITHIN: _within,
}
_NUMBERS: Mapping[Comparison, Callable[[int, int], bool]] = {
    Comparison.EQUALS: lambda number, value: number == value,
    Comparison.EXISTS: lambda _number, _value: True,
    Comparison.LESS: lambda number, value: number < value,
    Comparison.LESS_OR_EQUAL: lambda number, value: number <= value,
    Comparison.GREATER: lambda number, value: number > value,
    Comparison.GREATER_OR_EQUAL: lambda number, value: number >= value,
}


def _ordered(hunt: Hunt, found: list[Event]) -> list[Event]:
    return found[: hunt.limit] if hunt.order is Order.OLDEST else found[: -hunt.limit - 1 : -1]


def _rows(hunt: Hunt, found: list[Event]) -> tuple[Row, ...]:
    groups: dict[tuple[str | None, ...], list[Event]] = defaultdict(list)
    for event in found:
        groups[tuple(_grouped(event, name) for name in hunt.group)].append(event)
    rows = [_row(values, members) for values, members in groups.items()]
    ordered = sorted(rows, key=_ORDERS[hunt.order], reverse=hunt.order is Order.NEWEST)
    return tuple(ordered[: hunt.limit])


def _grouped(event: Event, name: str) -> str | None:
    column = COLUMNS[name]
    value = column_value(event, column)
    if column.whole:
        value = whole_number(value)
    return None if value is None else folded(value)


def _row(values: tuple[str | None, ...], members: list[Event]) -> Row:
    cited = tuple(dict.fromkeys((members[0].id, members[-1].id)))
    return Row(values=values, count=len(members), first=members[0].at, last=members[-1].at, events=cited)


_ORDERS: Mapping[Order, Callable[[Row], Any]] = {
    Order.OLDEST: lambda row: (row.first, row.events[0]),
    Order.NEWEST: lambda row: (row.last, row.events[-1]),
    Order.MOST: lambda row: (-row.count, row.first, row.events[0]),
    Order.LEAST: lambda row: (row.count, row.first, row.events[0]),
}
"""No two rows are equal in these: no event is in two rows."""
