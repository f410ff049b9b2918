"""`safeconduct login` and `logout`: who acts, without saying it each time."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct import settings
from safeconduct.cli import logins
from safeconduct.cli.client import Client, Data, Url, place
from safeconduct.cli.output import Json, emit, err, out
from safeconduct.cli.token import MINUTES, mint
from safeconduct.kernel.errors import SafeconductError

KeyFile = Annotated[Path, typer.Option("--key", help="Your key file.", envvar="SAFECONDUCT_KEY", show_envvar=True)]


def login(key: KeyFile, *, url: Url = "", data: Data = None, as_json: Json = False) -> None:
    """Remembers your key file and the server, and proves that they go together by minting a first token.

    From then on commands that sign need no --key, and `safeconduct token` prints a token that holds. The key stays
    where it is; only its place is remembered.
    """
    found = settings.read()
    asked = Client(data or found.data, settings.read_key(key), url)
    token = mint(asked, asked.actor, MINUTES)
    # Not before the server took the key: a login that does not work would break what worked without one.
    folder = "" if url else str((data or found.data).absolute())
    logins.write(found.config, logins.Login(key=str(key.absolute()), url=url, data=folder))
    logins.keep(found.config, token)
    emit({"principal": token.principal, "where": token.where, "key": str(key.absolute())}, as_json, _show)


def logout(*, as_json: Json = False) -> None:
    """Forgets the login, and revokes the tokens that were minted with it."""
    found = settings.read()
    remembered = logins.read(found.config)
    kept = list(logins.tokens(found.config))
    left = [token.id for token in kept if remembered is None or not _revoked(found, remembered, token)]
    logins.forget(found.config)
    emit({"revoked": len(kept) - len(left), "left": left}, as_json, _show_logout)


def _revoked(found: settings.Settings, remembered: logins.Login, token: logins.Minted) -> bool:
    try:
        key = settings.read_key(Path(remembered.key))
        url = token.where if token.where.startswith("http") else ""
        Client(found.data if url else Path(token.where), key, url).post(place("tokens", token.id, "revoke"))
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
