"""`safeconduct hunt`: typed questions over the stored events."""

import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from safeconduct.cli.client import Data, Key, client
from safeconduct.cli.detect import Owner
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.cli.rules import read_rules
from safeconduct.kernel.errors import InvalidInputError

commands = typer.Typer(help="Hunts: questions over the stored events, answered with the events.", no_args_is_help=True)

SHOWN = 20
"""Events listed on a terminal; --json has all."""

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
Paths = Annotated[list[Path], typer.Argument(metavar="FILE_OR_FOLDER...", help="Sigma rules.")]
First = Annotated[str, typer.Option("--from", metavar="TIME", help="Not before, RFC 3339.")]
Last = Annotated[str, typer.Option("--to", metavar="TIME", help="Not after, RFC 3339.")]
Sources = Annotated[list[str] | None, typer.Option("--source", help="Only events of this source; may be repeated.")]
Groups = Annotated[list[str] | None, typer.Option("--by", metavar="COLUMN", help="A row for each value; repeat.")]
Order = Annotated[str, typer.Option("--order", help="oldest or newest first; of rows also most or least.")]
Limit = Annotated[int, typer.Option("--limit", help="Rows or events at most.")]
Seconds = Annotated[int, typer.Option("--seconds", help="How long it may take.")]
Query = Annotated[bool, typer.Option("--query", help="Show what the engine was asked, too.")]


@commands.command()
def run(
    conditions: Wheres = None,
    *,
    first: First = "",
    last: Last = "",
    source: Sources = None,
    by: Groups = None,
    order: Order = "",
    limit: Limit = 1_000,
    seconds: Seconds = 30,
    query: Query = False,
    owner: Owner = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Answers which events satisfy every condition, or how many for each value of some columns."""
    question = {
        "where": [condition(text) for text in conditions or ()],
        "first": first,
        "last": last,
        "sources": source or [],
        "group": by or [],
        "order": order or ("most" if by else "oldest"),
        "limit": limit,
    }
    asked = {"owner": owner, "seconds": str(seconds)}
    found = client(data, key).check("/api/v1/hunts", msgspec.json.encode(question), **asked)
    emit(found, as_json, lambda document: _show(document, query=query))


@commands.command()
def rules(
    paths: Paths,
    *,
    first: First = "",
    last: Last = "",
    seconds: Seconds = 30,
    query: Query = False,
    owner: Owner = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Tells which alerts Sigma rules would have given over the stored events; opens no incident."""
    files = [{"name": name, "text": text} for name, text in read_rules(paths)]
    question = msgspec.json.encode({"files": files, "first": first, "last": last})
    asked = {"owner": owner, "seconds": str(seconds)}
    found = client(data, key).check("/api/v1/hunts/rules", question, **asked)
    emit(found, as_json, lambda document: _show_alerts(document, query=query))


@commands.command()
def columns(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the columns that a hunt may ask for by name, and where in the event each stands."""
    listed = client(data).get("/api/v1/hunts/columns")
    emit(listed, as_json, _show_columns)


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


def _show(document: dict[str, Any], *, query: bool) -> None:
    if document["group"]:
        rows([_table_row(document["group"], row) for row in document["rows"]], "count", *document["group"], "first",
             "last", "event")  # fmt: skip
    for event in document["events"][:SHOWN]:
        out.print(f"  safeconduct events show {event}", markup=False)
    looked = ", ".join(f"{count:,} {source}" for source, count in document["sources"].items()) or "none"
    out.print(
        f"{document['counted']:,} of {document['scanned']:,} events ({looked}) in {document['took_ms']:,} ms",
        markup=False,
    )
    if query:
        out.print(document["query"], markup=False)


def _show_alerts(document: dict[str, Any], *, query: bool) -> None:
    rows([one | {"event": one["events"][0]} for one in document["alerts"]], "time", "level", "total", "title", "event")
    out.print(
        f"{len(document['alerts'])} alerts; {document['looked_at']:,} of {document['scanned']:,} events were looked at,"
        f" in {document['took_ms']:,} ms"
    )
    if query:
        out.print(document["query"], markup=False)


def _table_row(group: list[str], row: dict[str, Any]) -> dict[str, Any]:
    named = dict(zip(group, ("-" if value is None else value for value in row["values"]), strict=True))
    return {**named, "count": row["count"], "first": row["first"], "last": row["last"], "event": row["events"][0]}


def _show_columns(listed: list[dict[str, Any]]) -> None:
    rows([one | {"places": " ".join(one["places"]), "whole": one["whole"] or ""} for one in listed], "name", "places")
