"""How a hunt is typed: conditions as words, the rest as options."""

import re
from typing import Annotated, Any

import typer

from safeconduct.kernel.errors import InvalidInputError

LIMIT = 1_000

SPELLED = {
    "!=": ("equals", True),
    "!~": ("contains", True),
    "<=": ("lte", False),
    ">=": ("gte", False),
    "^=": ("startswith", False),
    "$=": ("endswith", False),
    "=": ("equals", False),
    "~": ("contains", False),
    "@": ("cidr", False),
    "<": ("lt", False),
    ">": ("gt", False),
}
_CONDITION = re.compile(r"([a-z_]+|/[^\s=~<>@!^$]+)\s*(!=|!~|<=|>=|\^=|\$=|=|~|@|<|>)(.*)", re.DOTALL)
_PRESENCE = re.compile(r"(!?)([a-z_]+|/[^\s=~<>@!^$]+)")

Wheres = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CONDITION...]",
        help="FIELD=VALUE, != (not), ~ (contains), !~, ^= (begins), $= (ends), @NETWORK, < <= > >=, FIELD or !FIELD.",
    ),
]
First = Annotated[str, typer.Option("--from", metavar="TIME", help="Not before, RFC 3339.")]
Last = Annotated[str, typer.Option("--to", metavar="TIME", help="Not after, RFC 3339.")]
Sources = Annotated[list[str] | None, typer.Option("--source", help="Only events of this source; may be repeated.")]
Groups = Annotated[list[str] | None, typer.Option("--by", metavar="COLUMN", help="A row for each value; repeat.")]
Order = Annotated[str, typer.Option("--order", help="oldest or newest first; of rows also most or least.")]
Limit = Annotated[int, typer.Option("--limit", help="Rows or events at most.")]


def question(
    conditions: Wheres = None,
    *,
    first: str = "",
    last: str = "",
    source: Sources = None,
    by: Groups = None,
    order: str = "",
    limit: int = LIMIT,
) -> dict[str, Any]:
    """Returns a hunt as the control API takes it.

    Raises:
        InvalidInputError: a condition is none.
    """
    return {
        "where": [condition(text) for text in conditions or ()],
        "first": first,
        "last": last,
        "sources": source or [],
        "group": by or [],
        "order": order or ("most" if by else "oldest"),
        "limit": limit,
    }


def condition(text: str) -> dict[str, Any]:
    """Returns a condition from what was typed.

    Raises:
        InvalidInputError: it is none.
    """
    if compared := _CONDITION.fullmatch(text):
        operator, negated = SPELLED[compared[2]]
        return {"field": compared[1], "operator": operator, "value": compared[3], "negated": negated}
    if present := _PRESENCE.fullmatch(text):
        return {"field": present[2], "operator": "exists", "negated": bool(present[1])}
    raise InvalidInputError(
        f"{text[:80]!r} is no condition; write FIELD=VALUE, FIELD~PART, FIELD@NETWORK, FIELD or !FIELD",
        code="hunt-invalid",
        remedy="safeconduct hunt columns",
    )
