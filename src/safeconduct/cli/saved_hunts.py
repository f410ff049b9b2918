"""`safeconduct hunt save|list|show|remove`: hunts by name."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.detect import Owner
from safeconduct.cli.hunt_words import LIMIT, First, Groups, Last, Limit, Order, Sources, Wheres, question
from safeconduct.cli.output import Json, emit, out, rows

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the hunt is called, such as rare-parents.")]


def save(
    name: Name,
    conditions: Wheres = None,
    *,
    first: First = "",
    last: Last = "",
    source: Sources = None,
    by: Groups = None,
    order: Order = "",
    limit: Limit = LIMIT,
    owner: Owner = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Saves a hunt under a name, in the place of the one before; `hunt run --saved NAME` asks it."""
    asked = question(conditions, first=first, last=last, source=source, by=by, order=order, limit=limit)
    told = client(data, key).post("/api/v1/hunts/saved", asked, name=name, owner=owner)
    emit(told, as_json, lambda one: out.print(f"safeconduct hunt run --saved {one['saved']['name']}", markup=False))


def list_(*, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the saved hunts, and who saved each."""
    found = client(data, key).get("/api/v1/hunts/saved", owner=owner)
    emit(found, as_json, lambda listed: rows(listed, "name", "by"))


def show(name: Name, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Shows what a saved hunt asks."""
    emit(client(data, key).get(place("hunts", "saved", name), owner=owner), as_json, _show)


def remove(name: Name, *, owner: Owner = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Removes a saved hunt."""
    gone = client(data, key).post(place("hunts", "saved", name, "remove"), owner=owner)
    emit(gone, as_json, lambda told: out.print(f"{told['removed']['name']} is removed", markup=False))


def _show(document: dict[str, Any]) -> None:
    hunt = document["hunt"]
    rows([one | {"": "not" if one["negated"] else ""} for one in hunt["where"]], "field", "", "operator", "value")
    window = f"from {hunt['first'] or 'the first event'} to {hunt['last'] or 'the last'}"
    grouped = f", by {', '.join(hunt['group'])}" if hunt["group"] else ""
    sources = ", ".join(hunt["sources"]) or "all sources"
    out.print(
        f"{window}, {sources}{grouped}; {hunt['order']} first, {hunt['limit']:,} at most; saved by {document['by']}",
        markup=False,
    )
