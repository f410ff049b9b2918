"""Hunts as Kusto queries, for Microsoft's advanced hunting.

Text compares without regard to case: `=~`, `contains`, `startswith` and `endswith` do so by themselves.
"""

from collections.abc import Callable, Mapping

from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.hunts.columns import COLUMNS
from safeconduct.soc.hunts.model import Comparison, Hunt, Where
from safeconduct.soc.siem.model import SIGNS, Platform, Scope, Search, Table, newest_first

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def search(hunt: Hunt, table: Table, scope: Scope) -> Search:
    """Returns the hunt as a query on a table of the scope.

    Raises:
        InvalidInputError: `siem-hunt-invalid`, `siem-column-missing`.
        RefusedError: `siem-outside`.
    """
    first, last = scope.admit(hunt)
    time = field(table.time)
    lines = [
        field(table.name),
        f"where {time} between (datetime({rfc3339(first)}) .. datetime({rfc3339(last)}))",
        *(f"where {condition(where, table)}" for where in hunt.where),
        f"top {hunt.limit + 1} by {time} {'desc' if newest_first(hunt) else 'asc'}",
    ]
    text = "\n| ".join(lines)
    return Search(platform=Platform.MICROSOFT, table=table, text=text, first=first, last=last, limit=hunt.limit)


def condition(where: Where, table: Table) -> str:
    """Returns one condition; a negated one also holds where there is no value."""
    name = field(table.field(where.field))
    column = COLUMNS.get(where.field)
    if column is not None and column.whole and where.operator is not Comparison.EXISTS:
        held = f"tolong({name}) {SIGNS[where.operator]} {int(where.value)}"
    else:
        held = _TEXTS[where.operator](name, literal(where.value))
    return f"(isempty(tostring({name})) or not({held}))" if where.negated else held


def field(name: str) -> str:
    """Returns a field's or table's name as the language takes any: quoted in brackets, step by step."""
    return ".".join(step if step.isidentifier() else f"['{step}']" for step in name.split("."))


def literal(value: str) -> str:
    """Returns a string literal that stands for exactly this text. What is not printable ASCII is escaped."""
    return '"' + "".join(_ESCAPES.get(one) or _plain(one) for one in value) + '"'


def _plain(one: str) -> str:
    if " " <= one <= "~":
        return one
    units = one.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _within(name: str, network: str) -> str:
    kind = "ipv6" if ":" in network else "ipv4"
    return f"{kind}_is_in_range(tostring({name}), {network})"


_TEXTS: Mapping[Comparison, Callable[[str, str], str]] = {
    Comparison.EQUALS: lambda name, value: f"tostring({name}) =~ {value}",
    Comparison.CONTAINS: lambda name, value: f"tostring({name}) contains {value}",
    Comparison.STARTS_WITH: lambda name, value: f"tostring({name}) startswith {value}",
    Comparison.ENDS_WITH: lambda name, value: f"tostring({name}) endswith {value}",
    Comparison.EXISTS: lambda name, _value: f"isnotempty(tostring({name}))",
    Comparison.WITHIN: _within,
}
