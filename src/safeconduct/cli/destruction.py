"""`safeconduct log hold`, `release`, `destroy`, `certify` and their lists: what is kept, and what is not."""

from typing import Annotated, Any

import typer

from safeconduct.cli.client import Data, Key, Url, client, place
from safeconduct.cli.output import NOT_AVAILABLE, Json, emit, out, rows
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.errors import RefusedError

Origin = Annotated[str, typer.Option("--origin", help="Which log; default: the joint log.")]
Subject = Annotated[str, typer.Option("--subject", help="Whose data keys; for a hold, none holds all.")]
Kept = Annotated[Retention | None, typer.Option("--retention", help="Only of one class: call, operations or control.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the log with your name.")]
Order = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id, from `log destructions`.")]
Role = Annotated[Reader, typer.Option("--role", help="In which role of the agreement the holder reads.")]
Method = Annotated[str, typer.Option("--method", help="How the keys were destroyed, backups included.")]
HoldId = Annotated[str, typer.Argument(metavar="ID", help="The hold's id, from `log holds`.")]


def hold(
    *,
    reason: Why,
    origin: Origin = "",
    subject: Subject = "",
    retention: Kept = None,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Places a legal hold: no data key that fits is destroyed from here on, by nobody and by no retention."""
    wanted = _selected(reason, origin, subject, retention)
    emit(client(data, key).post("/api/v1/logs/holds", wanted), as_json, _show_hold)


def holds(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the legal holds in force, and how many data keys each keeps beyond their time."""
    columns = ("id", "origin", "subject", "retention", "by", "at", "postponed_keys", "reason")
    found = client(data).get("/api/v1/logs/holds")
    emit(found, as_json, lambda listed: rows([_named(one) for one in listed], *columns))


def release(hold_id: HoldId, *, reason: Why, data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Requests the end of a legal hold. It ends when the partner's witness has cosigned the request."""
    document = client(data, key).post(place("logs", "holds", hold_id, "release"), {"reason": reason})
    emit(document, as_json, _show_release)
    if document["state"] == "waiting":
        raise typer.Exit(NOT_AVAILABLE)


def destroy(
    *,
    subject: Subject,
    reason: Why,
    origin: Origin = "",
    retention: Kept = None,
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Orders that a subject's data keys be destroyed. In force once the partner's witness has cosigned the order."""
    wanted = _selected(reason, origin, subject, retention)
    document = client(data, key).post("/api/v1/logs/destructions", wanted)
    emit(document, as_json, _show_order)
    if not all(one["destroyed"] for one in document["holders"] if one["holder"] == "partner"):
        raise typer.Exit(NOT_AVAILABLE)


def destructions(*, data: Data = None, as_json: Json = False) -> None:
    """Lists the orders to destroy data keys: who has, and who has not yet."""
    emit(client(data).get("/api/v1/logs/destructions"), as_json, _show_orders)


def certify(
    order: Order,
    *,
    role: Role,
    method: Method,
    url: Url = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Hands in a holder's certificate that it destroyed its keys of an order. Sign it once they are destroyed."""
    asking = client(data, key, url)
    holders = asking.get(place("logs", "destructions", order))["keys"]
    if role not in holders:
        held = ", ".join(sorted(holders))
        raise RefusedError(f"order {order} is not for the {role}; its keys are held by: {held}", code="not-a-holder")
    keys = holders[role]
    certified = asking.post(place("logs", "destructions", order, "certificates"), {"keys": keys, "method": method})
    emit(certified, as_json, _show_order)


def _selected(reason: str, origin: str, subject: str, retention: Retention | None) -> dict[str, str]:
    named = {"origin": origin, "subject": subject, "retention": retention}
    return {"reason": reason} | {name: value for name, value in named.items() if value}


def _named(hold: dict[str, Any]) -> dict[str, Any]:
    return hold | {name: hold[name] or "all" for name in ("subject", "retention")}


def _show_hold(document: dict[str, Any]) -> None:
    held = document["subject"] or "all subjects"
    out.print(f"hold {document['id']} on {held} of {document['origin']} since {document['at']}", markup=False)
    out.print(f"to end it: safeconduct log release {document['id']} --reason TEXT", style="dim", markup=False)


def _show_release(document: dict[str, Any]) -> None:
    if document["state"] == "waiting":
        told = f"request {document['request']} waits for the partner's witness; the hold stays until then"
        out.print(told, markup=False)
        if document["problem"]:
            out.print(f"  {document['problem']}", markup=False)
    else:
        out.print(f"hold {document['hold']} has ended", markup=False)


def _show_orders(listed: list[dict[str, Any]]) -> None:
    for document in listed:
        _show_order(document)
    if not listed:
        out.print("none", style="dim")


def _show_order(document: dict[str, Any]) -> None:
    what = document["subject"] or f"{document['retention']} before {document['before']}"
    told = f"order {document['order']}, data keys of {what}: {document['key_count']}, by {document['by']}"
    out.print(told, markup=False)
    if document["waits_for"]:
        out.print(f"  waits for {document['waits_for']}", markup=False)
    for one in document["held_by"]:
        out.print(f"  under legal hold {one}", markup=False)
    for holder in document["holders"]:
        done = f"destroyed at {holder['at']}: {holder['method']}" if holder["destroyed"] else "not yet"
        out.print(f"  {holder['holder']:<10} keys: {holder['keys']}  {done}", markup=False)
