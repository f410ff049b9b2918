"""`safeconduct log hold`, `release`, `destroy`, `certify` and their lists: what is kept, and what is not."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.access.attested import Attested, ShownOrder, shown_orders
from safeconduct.cli.client import Data, Key, Url, client, place
from safeconduct.cli.output import NO, NOT_AVAILABLE, Json, emit, out, rows
from safeconduct.cli.verify import LogKey, NoQuorum, PolicyFile, WitnessKeys, checked_copy, content_of, trusted
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.envelope import read_entry
from safeconduct.ledger.keys import PublicKey
from safeconduct.ledger.trust import Trust

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


def destructions(
    copy: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A mirror or an export, checked offline; default: --data.")
    ] = None,
    *,
    log_key: LogKey = "",
    witness: WitnessKeys = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    signer: Annotated[
        list[str] | None, typer.Option("--signer", help="Public key of who certified for another holder; repeatable.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Lists the orders to destroy data keys: who has, and who has not yet. Of a copy, what their signatures show."""
    if copy is None:
        emit(client(data).get("/api/v1/logs/destructions"), as_json, _show_orders)
        return
    trust = trusted(log_key, witness, policy, lambda: content_of(copy), vacuous=no_quorum)
    listed = _shown_in(copy, trust, [PublicKey.parse(text) for text in signer or []])
    emit(listed, as_json, _show_orders)
    if any(one["problem"] for document in listed for one in document["holders"]):
        raise typer.Exit(NO)


def _shown_in(copy: Path, trust: Trust, signers: list[PublicKey]) -> list[dict[str, Any]]:
    log = checked_copy(copy, trust)
    orders = shown_orders(read_entry(one.leaf, one.origin, one.index) for one in log.leaves(0))
    return [_shown(order, order.attested(log.trust.logs, signers)) for order in orders]


def _shown(order: ShownOrder, holders: list[Attested]) -> dict[str, Any]:
    event = order.event
    return {
        "order": order.entry.id,
        "subject": event.subject,
        "retention": event.retention,
        "before": event.before,
        "by": event.by,
        "reason": event.reason,
        "at": rfc3339(order.entry.at),
        "key_count": len({key for group in event.groups for key in group.keys}),
        "in_force": order.in_force,
        "waits_for": "" if order.in_force else "the partner's cosignature",
        "held_by": [],
        "holders": [_holder(one) for one in holders],
    }


def _holder(one: Attested) -> dict[str, Any]:
    return {
        "holder": one.holder,
        "keys": one.keys,
        "destroyed": one.destroyed,
        "at": "" if one.at is None else rfc3339(one.at),
        "method": one.method,
        "by": one.by,
        "problem": one.problem,
    }


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
        done = f"says so, but {holder['problem']}" if holder.get("problem") else done
        out.print(f"  {holder['holder']:<10} keys: {holder['keys']}  {done}", markup=False)
