"""`safeconduct grant`: who may use which path, for what and when; asked for, approved by both parties, ended."""

from typing import Annotated, Any

import typer

from safeconduct.approvals import Verdict, ballot
from safeconduct.cli.breaking import break_glass, review, reviews
from safeconduct.cli.client import Data, Key, Url, client, place
from safeconduct.cli.granting import lasting, shown_draft, stated
from safeconduct.cli.output import NOT_AVAILABLE, Json, emit, out, rows
from safeconduct.cli.passkey import open_page, sign_link

commands = typer.Typer(help="Grants: who may use which path, for what and when.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="ID", help="The grant's name or id.")]
Passkey = Annotated[bool, typer.Option("--passkey", help="Open the page on which your passkey signs instead.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the log with your name.")]


@commands.command(name="list")
def list_(
    *,
    all_: Annotated[
        bool, typer.Option("--all", help="Every one that was ever asked for, with what became of it.")
    ] = False,
    url: Url = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Lists the grants in force: the program file's, and those that were asked for and approved."""
    asking = client(data, key, url)
    if all_:
        found = asking.get("/api/v1/grant-requests")
        emit(found, as_json, lambda listed: rows(listed, "id", "principal", "path", "tier", "state", "until", "why"))
        return
    found = asking.get("/api/v1/grants")
    emit(found, as_json, lambda listed: rows(listed, "id", "principal", "path", "purpose", "origin", "open"))


@commands.command()
def show(name: Name, *, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Shows a grant. For one that was asked for: the exact text that is voted on, its digest, votes and entries."""
    emit(client(data, key, url).get(place("grants", name)), as_json, _show)


@commands.command()
def request(
    principal: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Who is to have it.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="On which path.")],
    *,
    reason: Reason = "",
    hours: Annotated[float, typer.Option("--hours", help="For how long, from its beginning on.")] = 0,
    begins: Annotated[str, typer.Option("--from", metavar="TIME", help="Its first instant; without it, now.")] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="First instant after it, instead of --hours.")
    ] = "",
    purpose: Annotated[str, typer.Option("--purpose", help="For what; the path's own without it.")] = "",
    scope: Annotated[str, typer.Option("--scope", help="On which targets; the path's own without it.")] = "",
    tier: Annotated[int | None, typer.Option("--tier", help="Models up to this tier.")] = None,
    budget: Annotated[str, typer.Option("--budget", metavar="TOKENS/PERIOD", help="Such as 100000/day.")] = "",
    condition: Annotated[
        list[str] | None,
        typer.Option("--condition", metavar="NAME=VALUE", help="hours=08:00-18:00, session=NAME, approval=per-call."),
    ] = None,
    url: Url = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Asks for a grant: both parties vote on exactly this. By the principal, its sponsor or its administrator."""
    wanted = {
        "principal": principal,
        "path": path,
        "reason": reason,
        **lasting(begins, until, hours),
        **stated(purpose, scope, tier, budget, condition or []),
    }
    emit(client(data, key, url).post("/api/v1/grants/request", wanted), as_json, _show_case)


@commands.command()
def reissue(
    name: Name, *, reason: Reason = "", url: Url = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Asks for the same grant once more. It is a request of its own, which names the one it follows."""
    asked = client(data, key, url).post(place("grants", name, "reissue"), {"reason": reason})
    emit(asked, as_json, _show_case)


@commands.command()
def approve(
    name: Name, *, passkey: Passkey = False, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Votes for a request: shows exactly what is granted, and signs the digest that it makes of what it shows."""
    if passkey:
        open_page(sign_link(client(data, key, url), "grant", name))
        return
    _vote(name, Verdict.APPROVE, url, data, key, as_json=as_json)


@commands.command()
def deny(name: Name, *, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Votes against a request: one vote ends it."""
    _vote(name, Verdict.REJECT, url, data, key, as_json=as_json)


@commands.command()
def withdraw(name: Name, *, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Takes your own request back before it is decided: nobody can vote on it any more."""
    emit(client(data, key, url).post(place("grants", name, "withdraw")), as_json, _show_case)


@commands.command()
def revoke(
    name: Name, *, reason: Reason = "", url: Url = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Ends a grant at once; what runs under it is cut. The program file's own end by the program, or by a freeze."""
    ended = client(data, key, url).post(place("grants", name, "revoke"), {"reason": reason})
    emit(ended, as_json, _show_case)


for command in (break_glass, reviews, review):
    commands.command()(command)


def _vote(name: str, verdict: Verdict, url: str, data: Data, key: Key, *, as_json: bool) -> None:
    asking = client(data, key, url)
    case = asking.get(place("grants", name))
    draft = shown_draft(case)
    if not as_json:
        _show_text(case)
    voted = asking.post(place("grants", name, "vote"), ballot(draft, verdict))
    emit(voted, as_json, _show_case)
    if voted["state"] == "waiting":
        raise typer.Exit(NOT_AVAILABLE)


def _show(document: dict[str, Any]) -> None:
    for name in ("id", "principal", "path", "purpose", "scope", "origin"):
        if name in document:
            out.print(f"{name:<10} {document[name]}", markup=False)
    if "window" in document:
        window = document["window"]
        out.print(f"{'window':<10} {window['from']} to {window['until']}", markup=False)
        out.print(f"{'open now':<10} {'yes' if document['open'] else 'no'}")
    if "text" in document:
        _show_text(document)
        _show_case(document)


def _show_text(case: dict[str, Any]) -> None:
    out.print(case["text"], markup=False)
    out.print(f"sha-256    {case['content']}", markup=False)


def _show_case(case: dict[str, Any]) -> None:
    out.print(f"grant {case['id']} is {case['state']}" + (f": {case['why']}" if case["why"] else ""), markup=False)
    approval = case["approval"]
    for vote in approval["votes"] if approval else ():
        out.print(f"  {vote['verdict']:<8} {vote['voter']}  entry {vote['entry']}", markup=False)
    if case["state"] == "asked" and approval:
        wanted = ", ".join(f"{one['count']} {one['role']} of {one['organization']}" for one in approval["groups"])
        out.print(f"waits for {wanted}, until {case['decide_by']}", markup=False)
        out.print(f"they vote with: safeconduct grant approve {case['id']}", style="dim", markup=False)
    if case["state"] == "in-force":
        out.print(f"callers name it in safeconduct-grant: {case['id']}", style="dim", markup=False)
    if case["review_due"]:
        out.print(f"both parties review it by {case['review_due']}", markup=False)
    out.print(f"entries    {', '.join(case['entries'])}", style="dim", markup=False)
