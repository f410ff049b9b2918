"""`safeconduct freeze` and `safeconduct unfreeze`."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, client, place
from safeconduct.cli.output import NOT_AVAILABLE, Json, emit, out, rows
from safeconduct.kernel.errors import AbsentError, InvalidInputError

Selected = Annotated[
    str,
    typer.Argument(metavar="SELECTOR", help="principal:NAME, path:, organization:, grant:, agreement:NAME, or all."),
]
Frozen = Annotated[str, typer.Argument(metavar="ID", help="The freeze's id; without one, lists the freezes.")]
Why = Annotated[str, typer.Option("--reason", help="Why; everyone who is refused by it reads this.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show who would be concerned.")]


def freeze(
    selector: Selected,
    *,
    reason: Why = "",
    dry_run: DryRun = False,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Stops calls, running ones too, at once. Waits for nobody."""
    if dry_run:
        emit(client(data).get("/api/v1/freezes/preview", selector=selector), as_json, _show_preview)
        return
    if not reason:
        raise InvalidInputError("a freeze needs --reason TEXT", code="reason-missing")
    wanted = {"selector": selector, "reason": reason}
    emit(client(data, key).post("/api/v1/freezes/start", wanted), as_json, _show_frozen)


def unfreeze(
    freeze_id: Frozen = "", *, dry_run: DryRun = False, data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Requests the end of a freeze. It ends when the partner's witness has cosigned the request."""
    listed = client(data).get("/api/v1/freezes")
    if not freeze_id:
        emit(listed, as_json, lambda found: rows(found, "id", "selector", "by", "at", "reason"))
    elif dry_run:
        selector = next((one["selector"] for one in listed if one["id"] == freeze_id), None)
        if selector is None:
            raise AbsentError(f"no freeze {freeze_id!r} is in force", code="freeze-unknown")
        emit(client(data).get("/api/v1/freezes/preview", selector=selector), as_json, _show_preview)
    else:
        _unfreeze(client(data, key).post(place("freezes", freeze_id, "end")), as_json=as_json)


def _unfreeze(document: dict[str, Any], *, as_json: bool) -> None:
    emit(document, as_json, _show_unfreeze)
    if document["state"] == "waiting":
        raise typer.Exit(NOT_AVAILABLE)


def _show_preview(document: dict[str, Any]) -> None:
    out.print(f"{document['selector']} concerns", markup=False)
    for noun in ("principals", "paths", "grants"):
        out.print(f"  {noun:<10} {', '.join(document[noun]) or 'none'}", markup=False)


def _show_frozen(document: dict[str, Any]) -> None:
    out.print(f"{document['selector']} is frozen since {document['at']}", markup=False)
    out.print(f"to end it: safeconduct unfreeze {document['id']}", style="dim", markup=False)


def _show_unfreeze(document: dict[str, Any]) -> None:
    if document["state"] == "waiting":
        told = f"request {document['request']} waits for the partner's witness; it stays frozen until then"
        out.print(told, markup=False)
        if document["problem"]:
            out.print(f"  {document['problem']}", markup=False)
    else:
        out.print(f"freeze {document['freeze']} has ended", markup=False)
