"""Hunts as ES|QL, for Elasticsearch. No value stands in the text: each goes beside it, in the place of a `?`."""

from collections.abc import Callable, Mapping

from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.hunts.columns import COLUMNS
from safeconduct.soc.hunts.model import Comparison, Hunt, Where
from safeconduct.soc.siem.model import SIGNS, Platform, Scope, Search, Table, newest_first


def search(hunt: Hunt, table: Table, scope: Scope) -> Search:
    """Returns the hunt as a query on a table of the scope.

    Raises:
        InvalidInputError: `siem-hunt-invalid`, `siem-column-missing`.
        RefusedError: `siem-outside`.
    """
    first, last = scope.admit(hunt)
    time = field(table.time)
    conditions = [_condition(where, table) for where in hunt.where]
    lines = [
        f'FROM "{table.name}" METADATA _id, _index',
        f"WHERE {time} >= TO_DATETIME(?) AND {time} <= TO_DATETIME(?)",
        *(f"WHERE {text}" for text, _ in conditions),
        f"SORT {time} {'DESC' if newest_first(hunt) else 'ASC'}, _id ASC",
        f"LIMIT {hunt.limit + 1}",
    ]
    values = (rfc3339(first), rfc3339(last), *(value for _, given in conditions for value in given))
    text = "\n| ".join(lines)
    return Search(
        platform=Platform.ELASTIC, table=table, text=text, first=first, last=last, limit=hunt.limit, values=values
    )


def field(name: str) -> str:
    """Returns a field's name as the language takes any: each step in backticks."""
    return ".".join(f"`{step}`" for step in name.split("."))


def _condition(where: Where, table: Table) -> tuple[str, tuple[str | int, ...]]:
    name, column = field(table.field(where.field)), COLUMNS.get(where.field)
    if where.operator is Comparison.EXISTS:
        return (f"{name} IS NULL" if where.negated else f"{name} IS NOT NULL"), ()
    value: str | int = where.value.lower()
    if column is not None and column.whole:
        held, value = f"TO_LONG({name}) {SIGNS[where.operator]} ?", int(where.value)
    else:
        held = _TEXTS[where.operator](name)
    return (f"({name} IS NULL OR NOT ({held}))" if where.negated else held), (value,)


_TEXTS: Mapping[Comparison, Callable[[str], str]] = {
    Comparison.EQUALS: lambda name: f"TO_LOWER(TO_STRING({name})) == ?",
    Comparison.CONTAINS: lambda name: f"LOCATE(TO_LOWER(TO_STRING({name})), ?) > 0",
    Comparison.STARTS_WITH: lambda name: f"STARTS_WITH(TO_LOWER(TO_STRING({name})), ?)",
    Comparison.ENDS_WITH: lambda name: f"ENDS_WITH(TO_LOWER(TO_STRING({name})), ?)",
    Comparison.WITHIN: lambda name: f"CIDR_MATCH(TO_IP({name}), ?)",
}
