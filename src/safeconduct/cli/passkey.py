"""`safeconduct passkey`: what people sign with in a browser, without a key file."""

import webbrowser
from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.cli import logins
from safeconduct.cli.client import Client, Data, Key, Url, client, place
from safeconduct.cli.output import Json, emit, err, out, rows
from safeconduct.kernel.errors import UnauthenticatedError

commands = typer.Typer(help="Passkeys: what people sign with in a browser, without a key file.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The passkey's id, from `passkey list`.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the address to open.")]
Fingerprint = Annotated[str, typer.Option("--fingerprint", help="What its holder read to you; spaces don't count.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the log with your name.")]


@commands.command()
def register(
    *, no_browser: NoBrowser = False, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Opens the page on which you make a passkey: with your key, or as you signed in. A second person confirms it."""
    asking = client(data, key, url)
    login = logins.read(settings.read().config)
    if login is not None and login.oidc and key is None:
        made = asking.ask("/api/v1/passkeys/offers/signed-in", {"token": _token(asking, login)})
    else:
        made = asking.post("/api/v1/passkeys/offers")
    emit(made, as_json, lambda one: err.print(f"make it by {one['expires_at']} at", markup=False))
    if not as_json:
        open_page(made["link"], no_browser=no_browser)


@commands.command(name="list")
def list_(*, url: Url = "", data: Data = None, key: Key = None, as_json: Json = False) -> None:
    """Lists every passkey there ever was: whose, in which state, and who confirmed it."""
    found = client(data, key, url).get("/api/v1/passkeys")
    emit(found, as_json, lambda listed: rows(listed, "id", "principal", "state", "at", "confirmed_by", "fingerprint"))


@commands.command()
def confirm(
    passkey: Id,
    *,
    fingerprint: Fingerprint,
    url: Url = "",
    data: Data = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Puts a colleague's passkey in force. Ask them for the fingerprint by voice: a thief would send you theirs."""
    wanted = {"fingerprint": fingerprint}
    emit(client(data, key, url).post(place("passkeys", passkey, "confirm"), wanted), as_json, _show)


@commands.command()
def revoke(
    passkey: Id, *, reason: Reason = "", url: Url = "", data: Data = None, key: Key = None, as_json: Json = False
) -> None:
    """Revokes a passkey, at once: your own, or as administrator, responder or trust and safety anybody's."""
    emit(client(data, key, url).post(place("passkeys", passkey, "revoke"), {"reason": reason}), as_json, _show)


@commands.command()
def sign(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="grant, opening, action, appeal, unfreeze or passkey.")],
    subject: Annotated[str, typer.Argument(metavar="ID", help="Its id; for an appeal the call's.")],
    *,
    no_browser: NoBrowser = False,
    url: Url = "",
    data: Data = None,
    key: Key = None,
) -> None:
    """Opens the page on which you sign with your passkey: it shows exactly what."""
    open_page(sign_link(client(data, key, url), kind, subject), no_browser=no_browser)


def sign_link(asking: Client, kind: str, subject: str) -> str:
    """Returns the address of the page on which an act about a subject is signed with a passkey."""
    site = asking.get("/api/v1/passkeys/site")
    return f"{site['origin']}/approve/{kind}/{subject}"


def open_page(link: str, *, no_browser: bool = False) -> None:
    """Prints an address, and opens it in a browser."""
    out.print(link, markup=False, soft_wrap=True)
    if not no_browser:
        webbrowser.open(link)


def _token(asking: Client, login: logins.Login) -> str:
    found = logins.minted(settings.read().config, asking.where, login.principal)
    if found is None:
        raise UnauthenticatedError(
            "there is no token of your sign-in", code="not-signed-in", remedy="safeconduct login --oidc NAME"
        )
    return found.secret


def _show(one: dict[str, Any]) -> None:
    out.print(f"passkey {one['id']} of {one['principal']} is {one['state']}", markup=False)
