"""Hunts as Splunk searches.

Values never stand in the `search` command, whose `*` has no escape, but in `where`, whose `match` takes a pattern: each
character of a value but an ASCII letter or digit is written there as its number, so that none has a meaning of its own.
"""

from collections.abc import Callable, Mapping

from safeconduct.soc.hunts.columns import COLUMNS
from safeconduct.soc.hunts.model import Comparison, Hunt, Where
from safeconduct.soc.siem.model import SIGNS, Platform, Scope, Search, Table, newest_first


def search(hunt: Hunt, table: Table, scope: Scope) -> Search:
    """Returns the hunt as a search of an index of the scope. Its window goes beside the text.

    Raises:
        InvalidInputError: `siem-hunt-invalid`, `siem-column-missing`.
        RefusedError: `siem-outside`.
    """
    first, last = scope.admit(hunt)
    lines = [
        f'search index="{table.name}"',
        *(f"where {_condition(where, table)}" for where in hunt.where),
        f"sort {hunt.limit + 1} {'-' if newest_first(hunt) else '+'}{table.time}",
    ]
    text = "\n| ".join(lines)
    return Search(platform=Platform.SPLUNK, table=table, text=text, first=first, last=last, limit=hunt.limit)


def pattern(value: str) -> str:
    """Returns a pattern, as it stands between the quotes of an eval string, that matches exactly this text."""
    return "".join(one if one.isascii() and one.isalnum() else f"\\\\x{{{ord(one):x}}}" for one in value)


def _condition(where: Where, table: Table) -> str:
    name, column = f"'{table.field(where.field)}'", COLUMNS.get(where.field)
    if where.operator is Comparison.WITHIN:
        held = f'cidrmatch("{where.value}", {name})'
    elif where.operator is Comparison.EXISTS:
        held = f'{name}!=""'
    elif column is not None and column.whole:
        held = f"tonumber({name}){SIGNS[where.operator]}{int(where.value)}"
    else:
        held = f'match({name}, "(?is){_TEXTS[where.operator](pattern(where.value))}")'
    return f"(isnull({name}) OR NOT {held})" if where.negated else held


_TEXTS: Mapping[Comparison, Callable[[str], str]] = {
    Comparison.EQUALS: lambda text: f"^{text}\\\\z",
    Comparison.CONTAINS: lambda text: text,
    Comparison.STARTS_WITH: lambda text: f"^{text}",
    Comparison.ENDS_WITH: lambda text: f"{text}\\\\z",
}
