"""`safeconduct call`: governed calls as the log has them."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Client, Data, Key, client, place
from safeconduct.cli.named import ENOUGH, whole_call, with_approval
from safeconduct.cli.output import Json, emit, out, rows, worded
from safeconduct.cli.voting import vote_on
from safeconduct.kernel.errors import AbsentError, InvalidInputError
from safeconduct.kernel.instants import Instant, rfc3339

commands = typer.Typer(help="Governed calls: what was asked, what left the house, how it ended.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help=f"The call's id, as in the header safeconduct-call, {ENOUGH}")]
Held = Annotated[str, typer.Argument(metavar="ID", help=f"The approval's id, as the caller was told, {ENOUGH}")]
Against = Annotated[bool, typer.Option("--against", help="Vote no: one is enough.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the log with your name.")]
Count = Annotated[int, typer.Option("--count", min=1, max=1000, help="How many, newest first.")]


@commands.command(name="list")
def list_(*, count: Count = 50, data: Data = None, as_json: Json = False) -> None:
    """Lists the latest calls, refused ones too."""
    found = client(data).get("/api/v1/calls", count=count)
    emit(found, as_json, lambda listed: rows(listed, "call", "at", "principal", "path", "model", "state", "why"))


@commands.command()
def show(
    call_id: Id,
    *,
    open_: Annotated[bool, typer.Option("--open", help="Also open what was sent and what came back.")] = False,
    reason: Reason = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Shows one call; with --open and a reason, which the log keeps, also what was sent and what came back."""
    ask = client(data, key)
    document = ask.get(place("calls", call_id))
    emit(opened_call(ask, document, reason) if open_ else document, as_json, _show)


@commands.command()
def held(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the calls, turns of tool calls and answers that were held for a person, each with its approval."""
    found = client(data).get(place("calls", "held"))
    shown = [one | {"approval": one["approval"]["id"], "state": one["approval"]["state"]} for one in found]
    emit(found, as_json, lambda _: rows(shown, "approval", "kind", "state", "at", "principal", "path", "entry"))


@commands.command()
def look(approval_id: Held, *, reason: Reason = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Opens an answer that waits for a person: that you looked, and why, is in the log before you see it."""
    ask = client(data, key)
    unknown = AbsentError(f"no answer waits under approval {approval_id[:64]!r}", code="approval-unknown")
    found = with_approval([one for one in ask.get(place("calls", "held")) if "field" in one], approval_id, unknown)
    shown = found | {"answer": open_field(ask, found, reason)}
    emit(shown, as_json, _show_answer)


@commands.command()
def labels(call_id: Id, *, data: Data = None, as_json: Json = False) -> None:
    """Shows whose word each text of a call was taken for, and why; then the same of its answer."""
    emit(client(data).get(place("calls", call_id, "labels")), as_json, _show_labels)


@commands.command()
def approve(
    approval_id: Held,
    *,
    against: Against = False,
    reason: Reason = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Votes on a held call or answer. Who made it can't; approved, the very same request passes, or fetches it, once.

    A vote on an answer says why, and a yes comes after `call look`.
    """
    unknown = AbsentError(f"nothing is held under approval {approval_id[:64]!r}", code="approval-unknown")
    asking = client(data, key)
    voted = vote_on(asking, "calls", "held", approval_id=approval_id, against=against, unknown=unknown, reason=reason)
    emit(voted, as_json, lambda one: out.print(f"approval {one['id']} is {one['state']}", markup=False))


@commands.command()
def appeal(call_id: Id, *, reason: Reason = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Appeals against how a call of your organization ended. It is decided with `appeal decide`."""
    if not reason:
        raise InvalidInputError("an appeal needs --reason TEXT", code="reason-missing")
    asking = client(data, key)
    lodged = asking.post(place("calls", whole_call(asking, call_id), "appeal"), {"reason": reason})
    emit(lodged, as_json, lambda one: out.print(f"appeal {one['id']} is on record", markup=False))


def opened_call(ask: Client, document: dict[str, Any], reason: str) -> dict[str, Any]:
    """Returns a call's document with its sealed fields, each opened by an act of its own."""
    parts = document["sealed"].items()
    return document | {
        "opened": {part: {one["field"]: open_field(ask, one, reason) for one in all_} for part, all_ in parts}
    }


def open_field(ask: Client, sealed: dict[str, Any], reason: str) -> Any:  # noqa: ANN401 - whatever was sealed
    """Returns a sealed field's value, or None while both parties have yet to approve that it is opened.

    Raises:
        InvalidInputError: `reason-missing`.
        SafeconductError: the house refuses.
    """
    if not reason:
        raise InvalidInputError("sealed fields are opened for a reason: --reason TEXT", code="reason-missing")
    path = place("logs", "entries", sealed["entry"], "fields", sealed["field"], "open")
    return ask.post(path, {"reason": reason}).get("value")


def _show_answer(document: dict[str, Any]) -> None:
    for name in ("call", "principal", "path", "clause", "found", "answer_commitment"):
        out.print(f"{name:<22} {document[name]}", markup=False)
    waits = "waits for both parties to approve that it is opened"
    out.print(waits if document["answer"] is None else str(document["answer"]), markup=False)


def _show_labels(document: dict[str, Any]) -> None:
    for stage, told in document.items():
        out.print(f"{stage}: {told['context']['integrity']}, with all that it holds taken together")
        rows(told["blocks"], "at", "source", "integrity", "why")
    if not document:
        out.print("nothing of this call was labelled: its path states neither labels nor entries of tools")


def _readable(name: str, value: Any) -> str:  # noqa: ANN401 - a field of an entry, of whatever type
    instant = name.endswith("_at") and isinstance(value, int)
    return rfc3339(Instant(value)) if instant and value else worded(value)


def _show(document: dict[str, Any]) -> None:
    for name, value in document.items():
        if name not in ("sealed", "opened"):
            out.print(f"{name:<22} {_readable(name, value)}", markup=False)
    opened = document.get("opened", {})
    for part, fields in document["sealed"].items():
        for one in fields:
            told = f"sealed with the {part}: {one['field']}, for {', '.join(one['readers'])}"
            out.print(told, style="dim", markup=False)
            if part in opened:
                value = opened[part][one["field"]]
                out.print("waits for both parties to approve" if value is None else str(value), markup=False)
    if not opened and any(document["sealed"].values()):
        out.print("opened with --open --reason TEXT", style="dim", markup=False)
