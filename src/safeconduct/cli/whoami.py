"""`safeconduct whoami`: one's own standing, whether one signs with a key or signed in."""

from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.cli import logins
from safeconduct.cli.client import Data, Key, Url, client
from safeconduct.cli.output import Json, emit, out, rows
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
    out.print(f"{me['principal']} of {me['organization']}, {me['kind']}, {roles}", markup=False)
    out.print(f"tier {me['tier']['reaches']}", markup=False)
    for bound in me["tier"]["bounds"]:
        if bound["lowers"]:
            out.print(f"  lowered to {bound['tier']} by {bound['of']}; {bound['remedy']}", markup=False)
    for path, models in me["paths"].items():
        out.print(f"path {path}: {', '.join(models) or 'no model now'}", markup=False)
    for grant in me["grants"]:
        _show_grant(grant)
    for title in ("denials", "due", "requests", "votes"):
        if me[title]:
            out.print(f"{title}:", style="dim")
            rows(me[title], *_COLUMNS[title])


_COLUMNS = {
    "denials": ("at", "call", "code", "clause", "remedy", "appeal"),
    "due": ("at", "kind", "name", "consequence", "look"),
    "requests": ("kind", "id", "state", "until"),
    "votes": ("kind", "id", "state", "until"),
}


def _show_grant(grant: dict[str, Any]) -> None:
    state = "open" if grant["open"] else "closed"
    said = f"grant {grant['id']} on {grant['path']} for {grant['purpose']}, {state}, until {grant['until']}"
    out.print(said, markup=False)
    for budget in grant["budgets"]:
        out.print(f"  {budget['left']} of {budget['limit']} {budget['unit']} left", markup=False)
    for one in grant["restrictions"]:
        out.print(f"  {one['kind']}: {one['selector']} ({one['id']})", markup=False)
    for model in grant["models"]:
        for reason in model["against"]:
            out.print(f"  {model['model']}: {reason['code']}: {reason['text']}; {reason['remedy']}", markup=False)
