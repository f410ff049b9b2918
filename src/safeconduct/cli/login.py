"""`safeconduct login` and `logout`: who acts, without saying it each time."""

import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.cli import browser_sign_in, logins
from safeconduct.cli.client import Client, Data, Url, place
from safeconduct.cli.output import Json, emit, err, out
from safeconduct.cli.token import MINUTES, mint
from safeconduct.kernel.errors import AbsentError, InvalidInputError, SafeconductError

KeyFile = Annotated[
    Path | None, typer.Option("--key", help="Your key file.", envvar="SAFECONDUCT_KEY", show_envvar=True)
]
Provider = Annotated[
    str, typer.Option("--oidc", metavar="NAME", help="Sign in with this identity provider of the program instead.")
]
Context = Annotated[
    str, typer.Option("--acr", metavar="VALUE", help="The authentication context to ask for, such as phr.")
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the address to open.")]


def login(
    *,
    key: KeyFile = None,
    oidc: Provider = "",
    acr: Context = "",
    no_browser: NoBrowser = False,
    url: Url = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Remembers who you are and the server, and proves that they go together by getting a first token.

    With --key, later commands sign with that key, and `safeconduct token` mints tokens with it; only the place of the
    key is remembered. With --oidc you sign in through a browser, and `safeconduct token` prints that token for an hour
    at most; commands that sign still need a key.
    """
    found = settings.read()
    folder = "" if url else str((data or found.data).absolute())
    if oidc:
        asked = Client(data or found.data, url=url)
        token = _signed_in(asked, oidc, acr, no_browser=no_browser)
        made = logins.Login(key="", url=url, data=folder, oidc=oidc, principal=token.principal)
    else:
        if key is None:
            raise InvalidInputError("expected --key FILE or --oidc NAME", code="key-missing")
        asked = Client(data or found.data, settings.read_key(key), url)
        token = mint(asked, asked.actor, MINUTES)
        made = logins.Login(key=str(key.absolute()), url=url, data=folder)
    # Not before the server took it: a login that does not work would break what worked without one.
    logins.write(found.config, made)
    logins.keep(found.config, token)
    emit({"principal": token.principal, "where": token.where, "key": made.key, "oidc": oidc}, as_json, _show)


def logout(*, as_json: Json = False) -> None:
    """Forgets the login, and revokes the tokens that came of it."""
    found = settings.read()
    remembered = logins.read(found.config)
    kept = list(logins.tokens(found.config))
    left = [token.id for token in kept if remembered is None or not _revoked(found, remembered, token)]
    logins.forget(found.config)
    emit({"revoked": len(kept) - len(left), "left": left}, as_json, _show_logout)


def _signed_in(asked: Client, oidc: str, acr: str, *, no_browser: bool) -> logins.Minted:
    offered = {one["id"]: one for one in asked.get("/api/v1/sign-ins/providers")}
    if oidc not in offered:
        raise AbsentError(
            f"no identity provider {oidc!r} is in the program in force: it has {', '.join(offered) or 'none'}",
            code="identity-provider-unknown",
        )

    def open_(address: str) -> None:
        err.print(f"sign in at {address}", markup=False, soft_wrap=True)
        if not no_browser:
            webbrowser.open(address)

    came = browser_sign_in.sign_in(offered[oidc]["issuer"], offered[oidc]["client_id"], open_, context=acr)
    wanted = {"provider": oidc, "id_token": came.id_token, "verifier": came.verifier, "minutes": MINUTES}
    made = asked.ask("/api/v1/sign-ins", wanted)
    return logins.Minted(where=asked.where, **made)


def _revoked(found: settings.Settings, remembered: logins.Login, token: logins.Minted) -> bool:
    url = token.where if token.where.startswith("http") else ""
    try:
        key = settings.read_key(Path(remembered.key)) if remembered.key else None
        asked = Client(found.data if url else Path(token.where), key, url)
        if key is None:
            asked.ask("/api/v1/sign-ins/end", {"token": token.secret})
        else:
            asked.post(place("tokens", token.id, "revoke"))
    except SafeconductError as error:
        err.print(f"token {token.id} is not revoked: {error.message}", markup=False)
        return error.code == "token-unknown"
    return True


def _show(document: dict[str, Any]) -> None:
    out.print(f"you act as {document['principal']} at {document['where']}", markup=False)
    err.print("safeconduct token prints an API key; safeconduct logout ends this", style="dim", markup=False)


def _show_logout(document: dict[str, Any]) -> None:
    out.print(f"logged out; {document['revoked']} tokens revoked", markup=False)
    if document["left"]:
        out.print(f"these hold until they expire: {', '.join(document['left'])}", markup=False)
