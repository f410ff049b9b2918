"""`safeconduct log open`, `openings`, `approve`: sealed fields, opened by an act that the log keeps."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, Url, client, place
from safeconduct.cli.named import ENOUGH, whole_entry
from safeconduct.cli.output import NOT_AVAILABLE, Json, emit, out, require_new, rows, write_new
from safeconduct.cli.voting import vote_on
from safeconduct.kernel.errors import AbsentError, InvalidInputError

Entry = Annotated[str, typer.Argument(metavar="ENTRY", help=f"An entry's id, {ENOUGH}")]
Field = Annotated[str, typer.Argument(metavar="FIELD", help="The sealed field, as `log show ENTRY` names it.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the log with your name.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="A file that shows others this one field; `log verify` checks it.")
]
Approval = Annotated[str, typer.Argument(metavar="ID", help=f"The approval's id, from `log openings`, {ENOUGH}")]
Against = Annotated[bool, typer.Option("--against", help="Vote against: that ends it.")]


def open_(
    entry: Entry,
    field: Field,
    *,
    reason: Why = "",
    out_file: Out = None,
    url: Url = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Opens a sealed field. Where the agreement asks for both parties it is put to the vote; ask again, approved."""
    if not reason:
        raise InvalidInputError("sealed fields are opened for a reason: --reason TEXT", code="reason-missing")
    require_new(out_file)
    asking = client(data, key, url)
    path = place("logs", "entries", whole_entry(asking, entry), "fields", field, "open")
    document = asking.post(path, {"reason": reason, "disclose": out_file is not None})
    if out_file is not None and document["opened"]:
        write_new(out_file, document["disclosure"].encode())
    emit(document, as_json, _show)
    if not document["opened"]:
        raise typer.Exit(NOT_AVAILABLE)


def openings(*, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists the openings that need both parties."""
    found = client(data, key, url).get("/api/v1/logs/openings")
    emit(found, as_json, lambda listed: rows([_row(one) for one in listed], "id", "state", "by", "field", "reason"))


def approve(
    approval: Approval,
    *,
    against: Against = False,
    url: Url = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Votes on an opening. Whoever asked for it can't."""
    asking = client(data, key, url)
    unknown = AbsentError(f"no opening {approval!r} was proposed", code="opening-unknown")
    voted = vote_on(asking, "logs", "openings", approval_id=approval, against=against, unknown=unknown)
    emit(voted, as_json, lambda document: out.print(f"opening {document['id']} is {document['state']}", markup=False))


def _row(one: dict[str, Any]) -> dict[str, Any]:
    return one | {name: one["approval"][name] for name in ("id", "state")}


def _show(document: dict[str, Any]) -> None:
    if document["opened"]:
        out.print(f"opened by entry {document['opened']}", style="dim", markup=False)
        out.print(str(document["value"]), markup=False)
        return
    approval = document["approval"]
    wanted = ", ".join(f"{one['count']} {one['role']} of {one['organization']}" for one in approval["groups"])
    out.print(f"opening {approval['id']} waits for {wanted}, until {approval['expires_at']}", markup=False)
    out.print(f"they vote with: safeconduct log approve {approval['id']}", style="dim", markup=False)
