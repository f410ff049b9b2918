"""`safeconduct hunt`: typed questions over the stored events."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from safeconduct.cli import saved_hunts, scheduled_hunts
from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.detect import Owner
from safeconduct.cli.hunt_words import LIMIT, First, Groups, Last, Limit, Order, Sources, Wheres, question
from safeconduct.cli.output import Json, emit, out, rows
from safeconduct.cli.rule_files import read_rules
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.soc.wording import number_of

ID_SHOWN = 12
"""Digits of an event's id in its line: 48 bits, which among a million events hardly two share; --json has all 32."""

commands = typer.Typer(help="Hunts: questions over the stored events, answered with the events.", no_args_is_help=True)

Paths = Annotated[list[Path], typer.Argument(metavar="FILE_OR_FOLDER...", help="Sigma rules.")]
Seconds = Annotated[int, typer.Option("--seconds", help="How long it may take.")]
Query = Annotated[bool, typer.Option("--query", help="Show what the engine was asked, too.")]
Saved = Annotated[
    str, typer.Option("--saved", metavar="NAME", help="Ask a saved hunt; at most --from and --to with it.")
]

commands.command()(saved_hunts.save)
commands.command(name="list")(saved_hunts.list_)
commands.command()(saved_hunts.show)
commands.command()(saved_hunts.remove)
commands.command()(scheduled_hunts.schedule)
commands.command()(scheduled_hunts.unschedule)
commands.command()(scheduled_hunts.runs)


@commands.command()
def run(
    conditions: Wheres = None,
    *,
    first: First = "",
    last: Last = "",
    source: Sources = None,
    by: Groups = None,
    order: Order = "",
    limit: Limit = LIMIT,
    saved: Saved = "",
    seconds: Seconds = 30,
    query: Query = False,
    owner: Owner = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Answers which events satisfy every condition, or how many for each value of some columns."""
    opened = client(data, key)
    typed = question(conditions, first=first, last=last, source=source, by=by, order=order, limit=limit)
    if saved:
        typed = _windowed(opened.get(place("hunts", "saved", saved), owner=owner)["hunt"], typed)
    asked = {"owner": owner, "seconds": str(seconds)}
    found = opened.check("/api/v1/hunts", msgspec.json.encode(typed), **asked)
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


def _windowed(kept: dict[str, Any], typed: dict[str, Any]) -> dict[str, Any]:
    window = {name: typed[name] or kept[name] for name in ("first", "last")}
    if typed != question(first=typed["first"], last=typed["last"]):
        raise InvalidInputError(
            "a saved hunt is run as it was saved; only --from and --to go with it",
            code="hunt-invalid",
            remedy="safeconduct hunt show NAME, then hunt run with what else it should ask",
        )
    return kept | window


def _show(document: dict[str, Any], *, query: bool) -> None:
    if document["group"]:
        rows([_table_row(document["group"], row) for row in document["rows"]], "count", *document["group"], "first",
             "last", "event")  # fmt: skip
    if document["events"]:
        _show_events(document)
    looked = ", ".join(f"{count:,} {source}" for source, count in document["sources"].items()) or "none"
    out.print(
        f"{document['counted']:,} of {document['scanned']:,} events ({looked}) in {document['took_ms']:,} ms",
        markup=False,
    )
    if query:
        out.print(document["query"], markup=False)


def _show_events(document: dict[str, Any]) -> None:
    shown = [one | {"event": one["id"][:ID_SHOWN]} for one in document["shown"]]
    rows(shown, "time", "source", "event", "what")
    more = len(document["events"]) - len(shown)
    out.print(f"  {f'and {more} more, with --json; ' if more else ''}safeconduct events show EVENT", style="dim")


def _show_alerts(document: dict[str, Any], *, query: bool) -> None:
    rows([one | {"event": one["events"][0]} for one in document["alerts"]], "time", "level", "total", "title", "event")
    out.print(
        f"{number_of(len(document['alerts']), 'alert')}; {document['looked_at']:,} of {document['scanned']:,} events"
        f" were looked at, in {document['took_ms']:,} ms"
    )
    if query:
        out.print(document["query"], markup=False)


def _table_row(group: list[str], row: dict[str, Any]) -> dict[str, Any]:
    named = dict(zip(group, ("-" if value is None else value for value in row["values"]), strict=True))
    return {**named, "count": row["count"], "first": row["first"], "last": row["last"], "event": row["events"][0]}


def _show_columns(listed: list[dict[str, Any]]) -> None:
    rows([one | {"places": " ".join(one["places"]), "whole": one["whole"] or ""} for one in listed], "name", "places")
