"""`safeconduct whoami`: one's own standing, whether one signs with a key or signed in."""

from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.cli import logins
from safeconduct.cli.client import Data, Key, Url, client
from safeconduct.cli.output import Json, emit, out, rows, to_seconds
from safeconduct.cli.token import signed_in

Denials = Annotated[int, typer.Option("--denials", min=0, max=100, help="How many of the last refusals to show.")]


def whoami(*, denials: Denials = 10, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Shows your own standing: tier and what lowers it, models usable now, grants, refusals, what is due of you."""
    asking, config = client(data, key, url), settings.read().config
    login = logins.read(config)
    by_token = login is not None and login.oidc and key is None
    secret = signed_in(config, asking.where, login).secret if by_token and login is not None else ""
    emit(asking.own("/api/v1/me", secret, denials=denials), as_json, _show)


def _show(me: dict[str, Any]) -> None:
    roles = ", ".join(me["roles"]) or "no role"
    answers = f"; {me['sponsor']} answers for it" if me["sponsor"] else ""
    out.print(f"{me['principal']} of {me['organization']}: a {me['kind']}, {roles}{answers}", markup=False)
    out.print(f"models up to tier {me['tier']['reaches']}", markup=False)
    for bound in me["tier"]["bounds"]:
        _show_bound(bound)
    for path, models in me["paths"].items():
        out.print(f"path {path}: {', '.join(models) or 'no model now'}", markup=False)
    for grant in me["grants"]:
        _show_grant(grant)
    if not me["grants"]:
        out.print("no grant, so no model: safeconduct grant request asks for one", markup=False)
    for name, (title, columns) in _LISTS.items():
        if me[name]:
            out.print(f"{title}:", style="dim")
            rows([_in_seconds(one) for one in me[name]], *columns)


_LISTS = {
    "denials": ("your last calls that were refused", ("at", "call", "code", "clause", "remedy", "appeal")),
    "due": ("what ends, or is due of you", ("at", "kind", "name", "consequence", "look")),
    "requests": ("your requests that wait", ("kind", "id", "state", "until")),
    "votes": ("votes that you are asked for", ("kind", "id", "state", "until")),
}
"""What is listed: its title, and the columns of its table."""


def _show_bound(bound: dict[str, Any]) -> None:
    if bound["lowers"]:
        out.print(f"  lowered to tier {bound['tier']} by {bound['of']}: {bound['remedy']}", markup=False)
    elif bound["of"] == "sign-in":
        out.print(f"  this sign-in counts up to tier {bound['tier']}", markup=False)


def _show_grant(grant: dict[str, Any]) -> None:
    begins, ends = to_seconds(grant["from"]), to_seconds(grant["until"])
    when = f"open until {ends}" if grant["open"] else f"not open now, only from {begins} until {ends}"
    out.print(f"grant {grant['id']}: on path {grant['path']} for {grant['purpose']}, {when}", markup=False)
    for budget in grant["budgets"]:
        out.print(f"  {budget['left']} of {budget['limit']} {budget['unit']} left", markup=False)
    for one in grant["restrictions"]:
        out.print(f"  {one['kind']}: {one['selector']} ({one['id']})", markup=False)
    for model in grant["models"]:
        for reason in model["against"]:
            out.print(f"  {model['model']}: {reason['code']}: {reason['text']}; {reason['remedy']}", markup=False)


def _in_seconds(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: to_seconds(row[name]) for name in ("at", "until") if row.get(name)}
